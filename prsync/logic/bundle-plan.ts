// Which contents travel together: large ones alone, small ones with those of the same piece length,
// in the order given (path order), so that neighbours in the tree are neighbours in a bundle.

import { bundlePieces, bundleTargetBytes, loneTorrentBytes } from '../../core/limits.ts'
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

interface OpenGroup<T> {
  members: T[]
  bytes: number
  pieces: number
}

/** Divide contents (none empty) into bundles; every content is in exactly one. */
export const planBundles = <T extends { readonly sizeBytes: number }>(
  contents: Iterable<T>,
  pieceLengthFor: (sizeBytes: number) => number,
  limits: BundleLimits = usualLimits,
): BundleGroup<T>[] => {
  const done: BundleGroup<T>[] = []
  const open = new Map<number, OpenGroup<T>>()
  const close = (pieceLengthBytes: number, group: OpenGroup<T>): void => {
    done.push({ pieceLengthBytes, members: group.members })
    open.delete(pieceLengthBytes)
  }
  for (const content of contents) {
    const pieceLengthBytes = pieceLengthFor(content.sizeBytes)
    if (content.sizeBytes >= limits.loneBytes) {
      done.push({ pieceLengthBytes, members: [content] })
      continue
    }
    const pieces = piecesFor(content.sizeBytes, pieceLengthBytes)
    const before = open.get(pieceLengthBytes)
    if (
      before !== undefined &&
      (before.bytes + content.sizeBytes > limits.targetBytes ||
        before.pieces + pieces > limits.pieces)
    ) {
      close(pieceLengthBytes, before)
    }
    const group = open.get(pieceLengthBytes) ?? { members: [], bytes: 0, pieces: 0 }
    group.members.push(content)
    group.bytes += content.sizeBytes
    group.pieces += pieces
    open.set(pieceLengthBytes, group)
  }
  for (const [pieceLengthBytes, group] of [...open]) close(pieceLengthBytes, group)
  return done
}
