// What volunteers tell each other beyond the stock protocol, as an extension of it (BEP 10) called
// ms_share: which pieces they want, and which they are fetching from the origin. Bytes only.

import { claimedPieces } from '../core/limits.ts'

/** The extension's name in the extended handshake. */
export const shareExtension = 'ms_share'

export type ShareMessage =
  /** Bit k%8 (greatest first) of byte k/8 is piece k. */
  | { readonly kind: 'wants'; readonly pieces: Uint8Array }
  /** All that are being fetched now; `asks`: whether the origin is asked for anything at all. */
  | { readonly kind: 'fetching'; readonly pieces: readonly number[]; readonly asks: boolean }

const wantsByte = 1
const fetchingByte = 2

export const encodeShareMessage = (message: ShareMessage): Buffer => {
  if (message.kind === 'wants') return Buffer.concat([Buffer.of(wantsByte), message.pieces])
  const pieces = message.pieces.slice(0, claimedPieces)
  const bytes = Buffer.alloc(2 + 4 * pieces.length)
  bytes[0] = fetchingByte
  bytes[1] = message.asks ? 1 : 0
  pieces.forEach((piece, at) => {
    bytes.writeUInt32BE(piece, 2 + 4 * at)
  })
  return bytes
}

/** Null for a kind that a later version has added. Throws when the message is none of a torrent of `pieceCount`. */
export const decodeShareMessage = (data: Uint8Array, pieceCount: number): ShareMessage | null => {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length)
  if (bytes[0] === wantsByte) {
    if (bytes.length !== 1 + Math.ceil(pieceCount / 8)) throw new Error('odd wishes')
    return { kind: 'wants', pieces: Buffer.from(bytes.subarray(1)) }
  }
  if (bytes[0] !== fetchingByte) return null
  if (bytes.length < 2 || bytes.length % 4 !== 2 || bytes.length > 2 + 4 * claimedPieces) {
    throw new Error('an odd list of pieces')
  }
  const pieces: number[] = []
  for (let at = 2; at < bytes.length; at += 4) {
    const piece = bytes.readUInt32BE(at)
    if (piece >= pieceCount) throw new Error(`a piece number ${piece}`)
    pieces.push(piece)
  }
  return { kind: 'fetching', pieces, asks: (bytes[1] ?? 0) % 2 === 1 }
}
