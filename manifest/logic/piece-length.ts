// How long the torrent pieces of a content are. Part of the wire format: origin and volunteers
// must agree, so a change here is a new protocol version.

const KiB = 1024
const MiB = 1024 * KiB

/** From here on a piece is chosen so that a content has about a thousand of them. */
const scaledFromBytes = 32 * MiB
const aimedPieces = 1000
const longestPieceBytes = 16 * MiB

/** Bytes of one piece of a content of `sizeBytes`; small contents share bundles by this class. */
export const pieceLengthFor = (sizeBytes: number): number => {
  if (sizeBytes <= 256 * KiB) return 64 * KiB
  if (sizeBytes <= 4 * MiB) return 256 * KiB
  if (sizeBytes < scaledFromBytes) return MiB
  let length = MiB
  while (length < longestPieceBytes && length * aimedPieces < sizeBytes) length *= 2
  return length
}

/** How many pieces a content of `sizeBytes` has; an empty one has none. */
export const pieceCountFor = (sizeBytes: number): number =>
  Math.ceil(sizeBytes / pieceLengthFor(sizeBytes))
