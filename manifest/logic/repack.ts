// Which bundles are due to be packed anew. Packing costs only a metainfo: whoever holds the contents
// need not fetch them again. Pure.

import { bundleTargetBytes } from '../../core/limits.ts'

/** A bundle as it is now: what it was made of, and what of that snapshots still need it for. */
export interface BundleUse {
  readonly number: number
  readonly pieceLengthBytes: number
  readonly bytes: number
  /** Members that are in the newest snapshot and in no newer bundle. */
  readonly liveBytes: number
  readonly liveMembers: number
}

/** A bundle that has lost this part of its bytes is repacked. */
const wornPart = 0.3
/** A bundle below this part of the usual size is small. */
const smallPart = 1 / 8
/** So many small ones of one piece length are packed together. */
const manySmall = 16

/** Has a bundle lost so much that the rest of it should travel with others? */
export const isWorn = ({ bytes, liveBytes, liveMembers }: BundleUse): boolean =>
  liveMembers > 0 && liveBytes <= bytes * (1 - wornPart)

/**
 * Small bundles, as daily change-sets leave them, that are now so many that they should be one: a
 * repository that changes daily for a year must not need a year of torrents.
 */
export const tooManySmall = (bundles: Iterable<BundleUse>): BundleUse[] => {
  const byLength = new Map<number, BundleUse[]>()
  for (const bundle of bundles) {
    if (bundle.liveMembers === 0 || bundle.liveBytes > bundleTargetBytes * smallPart) continue
    const others = byLength.get(bundle.pieceLengthBytes) ?? []
    byLength.set(bundle.pieceLengthBytes, [...others, bundle])
  }
  return [...byLength.values()].filter(small => small.length >= manySmall).flat()
}
