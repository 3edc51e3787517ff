// A bundle as the swarm works with it: its members, where their pieces lie, and the pieces' hashes.

import { createHash, webcrypto } from 'node:crypto'
import { MirrorswarmError } from '../core/errors.ts'
import type { ContentNumber, InfoHash, Sha256 } from '../core/ids.ts'
import { hashedLength, type Layout, layoutOf } from './logic/layout.ts'
import { parseMetainfo } from './metainfo.ts'

export interface BundleMember {
  readonly number: ContentNumber
  readonly sha256: Sha256
  readonly sizeBytes: number
}

/** A bundle and what of it this volunteer holds, verified by SHA-256, when it was loaded. */
export interface LoadedBundle {
  readonly infoHash: InfoHash
  readonly layout: Layout
  readonly members: readonly BundleMember[]
  /** SHA-1 of each piece, 20 bytes each, as the metainfo has them. */
  readonly pieceHashes: Buffer
  readonly held: ReadonlySet<ContentNumber>
}

/**
 * Read a bundle's metainfo, given its members in the order of the torrent.
 * Throws MS_MANIFEST_INVALID when metainfo, info-hash and members do not belong together.
 */
export const readBundle = (
  metainfo: Uint8Array,
  infoHash: InfoHash,
  members: readonly BundleMember[],
  held: ReadonlySet<ContentNumber>,
): LoadedBundle => {
  const parsed = parseMetainfo(metainfo)
  if (parsed.infoHash !== infoHash) {
    throw new MirrorswarmError('MS_MANIFEST_INVALID', `the metainfo is not that of ${infoHash}`)
  }
  const sizes = parsed.files.filter(file => !file.padding).map(file => file.sizeBytes)
  const fits =
    sizes.length === members.length && sizes.every((size, i) => size === members[i]?.sizeBytes)
  if (!fits || sizes.includes(0)) {
    throw new MirrorswarmError('MS_MANIFEST_INVALID', `members do not match bundle ${infoHash}`)
  }
  const layout = layoutOf(parsed.pieceLengthBytes, sizes)
  if (parsed.pieces.length !== layout.pieceCount * 20) {
    throw new MirrorswarmError('MS_MANIFEST_INVALID', `bundle ${infoHash} lacks piece hashes`)
  }
  return { infoHash, layout, members, pieceHashes: parsed.pieces, held }
}

/** Pieces up to this size are hashed at once (a millisecond), larger ones on another thread. */
const quickHashBytes = 1024 * 1024

const padding = Buffer.alloc(64 * 1024)

/** SHA-1 of these bytes and as many zeros as are missing to `lengthBytes`; nothing is copied. */
const paddedSha1 = (data: Uint8Array, lengthBytes: number): Buffer => {
  const hash = createHash('sha1').update(data)
  for (let left = lengthBytes - data.length; left > 0; left -= padding.length) {
    hash.update(left < padding.length ? padding.subarray(0, left) : padding)
  }
  return hash.digest()
}

/**
 * Does a piece without its padding have the hash that the metainfo names for piece `index`? The
 * padding is hashed as zeros but exists nowhere.
 */
export const pieceIsRight = async (
  bundle: Pick<LoadedBundle, 'layout' | 'pieceHashes'>,
  index: number,
  data: Uint8Array,
): Promise<boolean> => {
  const lengthBytes = hashedLength(bundle.layout, index)
  if (data.length > lengthBytes) return false
  const hash =
    lengthBytes <= quickHashBytes || data.length < lengthBytes
      ? paddedSha1(data, lengthBytes)
      : Buffer.from(await webcrypto.subtle.digest('SHA-1', data))
  return hash.equals(bundle.pieceHashes.subarray(index * 20, index * 20 + 20))
}
