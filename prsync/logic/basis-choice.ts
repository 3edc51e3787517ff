// Which of the contents that share anchors with a target are worth scanning, and where: by how much
// of each the hits stand for, within a bound on number and bytes. Pure; it knows no files.

import { basesByAnchors, basisScanBytes, basisScanTimes } from '../../core/basis-limits.ts'
import { positionSteps } from './anchor-sketch.ts'
import { mergeRuns, type Run, runsBytes } from './runs.ts'

/** A held content with the target's anchors that it has. */
export interface AnchorHits {
  readonly sizeBytes: number
  /** Anchors of it that the index has: all of these would be hits if it were wholly in the target. */
  readonly sampled: number
  /** Places in the target's list, ascending, and where they lie in the content. */
  readonly anchors: readonly number[]
  readonly positions: readonly number[]
}

export interface Choice<T extends AnchorHits> {
  readonly hits: T
  /** Where the common bytes probably lie; null: anywhere in it. */
  readonly runs: readonly Run[] | null
}

const MiB = 1024 * 1024
/** A position is known to this; a target's anchors are not quite evenly spread. */
const positionSlackBytes = MiB
const targetSlackShare = 1 / 16

/** What may be read for a target of this size. */
export const scanBudget = (targetBytes: number): number =>
  basisScanTimes * targetBytes + basisScanBytes

/** A basis much larger than the target is read only around the hits. */
const isMuchLarger = (sizeBytes: number, targetBytes: number): boolean =>
  sizeBytes > 4 * targetBytes + 16 * MiB

/** For each hit, where in the basis the target would lie if all of it were there in one piece. */
export const runsOfHits = (hits: AnchorHits, targetBytes: number, anchorCount: number): Run[] => {
  const slack = positionSlackBytes + Math.ceil(targetBytes * targetSlackShare)
  const runs: Run[] = []
  for (const [index, place] of hits.anchors.entries()) {
    const at = ((hits.positions[index] ?? 0) / positionSteps) * hits.sizeBytes
    const start = at - ((place + 0.5) / anchorCount) * targetBytes
    const from = Math.max(0, Math.floor(start - slack))
    const to = Math.min(hits.sizeBytes, Math.ceil(start + targetBytes + slack))
    runs.push({ offset: from, length: Math.max(0, to - from) })
  }
  return mergeRuns(runs)
}

/** Bytes that a content probably has in common with the target. */
const commonBytes = ({ anchors, sampled, sizeBytes }: AnchorHits, targetBytes: number): number =>
  Math.min(targetBytes, sizeBytes * Math.min(1, anchors.length / Math.max(1, sampled)))

/**
 * Choose among contents, the one that probably has most in common first. One is left out if all its
 * hits are hits of better ones already. `anchorCount`: length of the target's list.
 */
export const chooseBases = <T extends AnchorHits>(
  candidates: readonly T[],
  targetBytes: number,
  anchorCount: number,
): Choice<T>[] => {
  const ranked = candidates
    .map(hits => ({ hits, common: commonBytes(hits, targetBytes) }))
    .sort((left, right) => right.common - left.common)
  const covered = new Uint8Array(anchorCount)
  const chosen: Choice<T>[] = []
  let left = scanBudget(targetBytes)
  for (const { hits } of ranked) {
    if (chosen.length >= basesByAnchors) break
    if (hits.anchors.every(place => covered[place] === 1)) continue
    const runs = isMuchLarger(hits.sizeBytes, targetBytes)
      ? runsOfHits(hits, targetBytes, anchorCount)
      : null
    const bytes = runs === null ? hits.sizeBytes : runsBytes(runs)
    if (bytes > left) continue
    left -= bytes
    for (const place of hits.anchors) covered[place] = 1
    chosen.push({ hits, runs })
  }
  return chosen
}
