// Which contents travel together: large ones alone, small ones with those of the same piece length
// that the same volunteers want (EDOS: a cluster is what a common set of peers asked for), in the
// order given (path order), so that neighbours in the tree are neighbours in a bundle.

import {
  bundlePieces,
  bundleTargetBytes,
  demandGroups,
  leastDemandBytes,
  loneTorrentBytes,
} from '../../core/limits.ts'
import { piecesFor } from './layout.ts'

export interface BundleLimits {
  readonly loneBytes: number
  readonly targetBytes: number
  readonly pieces: number
}

const usualLimits: BundleLimits = {
  loneBytes: loneTorrentBytes,
  targetBytes: bundleTargetBytes,
  pieces: bundlePieces,
}

export interface BundleGroup<T> {
  readonly pieceLengthBytes: number
  readonly members: readonly T[]
}

interface OpenGroup<T> extends BundleGroup<T> {
  readonly members: T[]
  bytes: number
  pieces: number
}

interface Demanded {
  readonly sizeBytes: number
  /** Which volunteers want it: equal keys, equal wishes. */
  readonly demand: string
}

/**
 * The wishes that get bundles of their own: the weightiest, as long as they are worth a swarm. The
 * others share: nobody fetches more than it wants of a bundle, so a mixed one costs nothing but
 * peers with less in common.
 */
export const separateDemands = (
  contents: Iterable<Demanded>,
  groups: number = demandGroups,
  leastBytes: number = leastDemandBytes,
): Set<string> => {
  const bytes = new Map<string, number>()
  for (const { demand, sizeBytes } of contents) {
    bytes.set(demand, (bytes.get(demand) ?? 0) + sizeBytes)
  }
  const heavy = [...bytes].filter(([, sum]) => sum >= leastBytes).sort((a, b) => b[1] - a[1])
  return new Set(heavy.slice(0, groups).map(([demand]) => demand))
}

/** Divide contents (none empty) into bundles; every content is in exactly one. */
export const planBundles = <T extends Demanded>(
  contents: readonly T[],
  pieceLengthFor: (sizeBytes: number) => number,
  limits: BundleLimits = usualLimits,
): BundleGroup<T>[] => {
  const done: BundleGroup<T>[] = []
  const open = new Map<string, OpenGroup<T>>()
  const separate = separateDemands(contents)
  for (const content of contents) {
    const pieceLengthBytes = pieceLengthFor(content.sizeBytes)
    if (content.sizeBytes >= limits.loneBytes) {
      done.push({ pieceLengthBytes, members: [content] })
      continue
    }
    const pieces = piecesFor(content.sizeBytes, pieceLengthBytes)
    const wish = separate.has(content.demand) ? content.demand : 'mixed'
    const key = `${pieceLengthBytes} ${wish}`
    const before = open.get(key)
    if (
      before !== undefined &&
      (before.bytes + content.sizeBytes > limits.targetBytes ||
        before.pieces + pieces > limits.pieces)
    ) {
      done.push(before)
      open.delete(key)
    }
    const group = open.get(key) ?? { pieceLengthBytes, members: [], bytes: 0, pieces: 0 }
    group.members.push(content)
    group.bytes += content.sizeBytes
    group.pieces += pieces
    open.set(key, group)
  }
  return [...done, ...open.values()].map(({ pieceLengthBytes, members }) => ({
    pieceLengthBytes,
    members,
  }))
}
