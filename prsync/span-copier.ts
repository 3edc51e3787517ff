// Copies what a plan found from local files into a content's partial file, and says which bytes are
// really there: what a file lost or changed meanwhile does not count.

import type { Sha256 } from '../core/ids.ts'
import { zerosBasis } from '../core/kernel/chunk-scanner.ts'
import { readBufferBytes } from '../core/limits.ts'
import { BasisReader } from './basis-reader.ts'
import { copiesOf, coveredRuns, type Span, withoutBases } from './logic/delta-plan.ts'
import type { Run } from './logic/runs.ts'
import type { BasisFile } from './matcher.ts'
import type { PrefillTarget } from './prefills.ts'

const zeros = Buffer.alloc(readBufferBytes)

export interface SpanCopy {
  readonly sha256: Sha256
  readonly spans: readonly Span[]
  readonly bases: readonly BasisFile[]
}

const copiesByBasis = (spans: readonly Span[]): Map<number, Span[]> => {
  const groups = new Map<number, Span[]>()
  for (const copy of copiesOf(spans, readBufferBytes)) {
    const group = groups.get(copy.basis)
    if (group === undefined) groups.set(copy.basis, [copy])
    else group.push(copy)
  }
  return groups
}

/** Resolves with the runs that were copied; throws MS_DISK_FULL, or the signal's reason. */
export const copySpans = async (
  target: Pick<PrefillTarget, 'writeLocal'>,
  { sha256, spans, bases }: SpanCopy,
  signal: AbortSignal,
): Promise<Run[]> => {
  const lost = new Set<number>()
  for (const [index, copies] of copiesByBasis(spans)) {
    const basis = bases[index]
    const isCopied =
      index === zerosBasis
        ? await writeZeros(target, sha256, copies, signal)
        : basis !== undefined && (await copyBasis(target, sha256, basis, copies, signal))
    if (!isCopied) lost.add(index)
  }
  return coveredRuns(withoutBases(spans, lost))
}

const writeZeros = async (
  target: Pick<PrefillTarget, 'writeLocal'>,
  sha256: Sha256,
  copies: Iterable<Span>,
  signal: AbortSignal,
): Promise<true> => {
  for (const { offset, length } of copies) {
    signal.throwIfAborted()
    await target.writeLocal(sha256, offset, zeros.subarray(0, length))
  }
  return true
}

/** Whether all of it was copied while the file stayed the same. */
const copyBasis = async (
  target: Pick<PrefillTarget, 'writeLocal'>,
  sha256: Sha256,
  basis: BasisFile,
  copies: Iterable<Span>,
  signal: AbortSignal,
): Promise<boolean> => {
  const reader = await BasisReader.open(basis)
  if (reader === null) return false
  try {
    for (const { offset, length, basisOffset } of copies) {
      signal.throwIfAborted()
      const bytes = await reader.read(basisOffset, length)
      if (bytes === null) return false
      await target.writeLocal(sha256, offset, bytes)
    }
    return await reader.isSame()
  } finally {
    await reader.close()
  }
}
