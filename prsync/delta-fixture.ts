// For tests: members that local bytes cover in part, copied as a search for a basis would do it, and
// the count of what must come from elsewhere.

import { seededRandom } from '../core/clock.ts'
import type { Sha256 } from '../core/ids.ts'
import { lackingOf } from './logic/lacking.ts'
import { complementRuns, mergeRuns, type Run, runEnd, runsBytes } from './logic/runs.ts'
import type { Prefill } from './prefills.ts'
import type { TestBundle, TestContent } from './swarm-fixture.ts'

export interface LocalBytes {
  readonly runs: readonly Run[]
  /** What is copied: the content's own bytes, or others that only look like them. */
  readonly bytes: Buffer
}

export type Basis = ReadonlyMap<Sha256, LocalBytes>

/** All of a content but `count` holes of `length` bytes, at places drawn from the seed. */
export const withHoles = (
  content: TestContent,
  count: number,
  length: number,
  seed = 1,
): LocalBytes => {
  const random = seededRandom(seed)
  const holes = Array.from({ length: count }, () => ({
    offset: Math.floor(random() * (content.sizeBytes - length)),
    length,
  }))
  return {
    runs: complementRuns(mergeRuns(holes), content.sizeBytes),
    bytes: content.bytes,
  }
}

export const basisOf = (
  bundle: TestBundle,
  local: (content: TestContent) => LocalBytes | null,
): Basis => {
  const basis = new Map<Sha256, LocalBytes>()
  for (const content of bundle.contents) {
    const found = local(content)
    if (found !== null) basis.set(content.sha256, found)
  }
  return basis
}

/** Bytes that must be fetched when members are covered so, coalesced gaps included. */
export const lackingBytes = (
  bundle: TestBundle,
  basis: Basis,
  pieceLengthBytes: number,
): number => {
  let sum = 0
  for (const { sha256, sizeBytes } of bundle.contents) {
    const runs = basis.get(sha256)?.runs ?? []
    for (let from = 0; from < sizeBytes; from += pieceLengthBytes) {
      sum += runsBytes(lackingOf(runs, from, Math.min(pieceLengthBytes, sizeBytes - from)))
    }
  }
  return sum
}

/** Copies what the basis has; counts how often it was asked. */
export const prefillFrom = (basis: Basis): { prefill: Prefill; calls: () => number } => {
  let calls = 0
  const prefill: Prefill = async ({ sha256 }, signal, target) => {
    calls++
    const local = basis.get(sha256)
    if (local === undefined) return
    for (const run of local.runs) {
      signal.throwIfAborted()
      await target.writeLocal(sha256, run.offset, local.bytes.subarray(run.offset, runEnd(run)))
    }
    await target.setCoverage(sha256, local.runs)
  }
  return { prefill, calls: () => calls }
}
