// Looks in local files for the chunks of one step of a search: anywhere, by the matching threads, or
// where their neighbours' matches would continue.

import { zerosBasis } from '../core/kernel/chunk-scanner.ts'
import type { Kernel } from '../core/kernel/kernel.ts'
import type { ChunkMatches, Span } from './logic/delta-plan.ts'
import type { RefineStep } from './logic/refine.ts'
import type { BasisFile, Matcher } from './matcher.ts'
import { nearChunks } from './near-chunks.ts'

export interface MatchParts {
  readonly matcher: Pick<Matcher, 'match'>
  readonly kernel: Pick<Kernel, 'chunkHashes'>
}

export interface StepSearch {
  readonly step: RefineStep
  /** What was asked for. */
  readonly hashes: Uint8Array
  readonly spans: readonly Span[]
  readonly bases: readonly BasisFile[]
  /** Bases before this one were searched already. */
  readonly firstNew: number
}

export const matchStep = async (
  { matcher, kernel }: MatchParts,
  { step, hashes, spans, bases, firstNew }: StepSearch,
  signal: AbortSignal,
): Promise<ChunkMatches> => {
  if (step.kind === 'near') {
    return await nearChunks(kernel, { spans, ask: step, hashes, bases }, signal)
  }
  const { chunkBytes } = step
  const chunks = new Uint32Array(hashes.length / step.hashBytes)
  let at = 0
  for (const run of step.runs) for (let i = 0; i < run.length; i += 1) chunks[at++] = run.offset + i
  const found = await matcher.match({ chunkBytes, chunks, hashes }, bases.slice(firstNew), signal)
  if (firstNew === 0) return found
  return {
    ...found,
    bases: found.bases.map(basis => (basis === zerosBasis ? basis : basis + firstNew)),
  }
}
