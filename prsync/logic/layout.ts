// Where pieces lie: each member of a bundle starts at a piece boundary and owns its pieces alone.
// Between members a piece's tail is padding (BEP 47), which exists for hashing only.

import assert from 'node:assert'

export interface Layout {
  readonly pieceLengthBytes: number
  readonly pieceCount: number
  readonly sizes: readonly number[]
  /** Index of each member's first piece. */
  readonly firstPieces: readonly number[]
}

export const piecesFor = (sizeBytes: number, pieceLengthBytes: number): number =>
  Math.ceil(sizeBytes / pieceLengthBytes)

/** The layout of members with these sizes, none of them empty. */
export const layoutOf = (pieceLengthBytes: number, sizes: readonly number[]): Layout => {
  assert(Number.isSafeInteger(pieceLengthBytes) && pieceLengthBytes > 0)
  const firstPieces: number[] = []
  let pieceCount = 0
  for (const sizeBytes of sizes) {
    assert(Number.isSafeInteger(sizeBytes) && sizeBytes > 0)
    firstPieces.push(pieceCount)
    pieceCount += piecesFor(sizeBytes, pieceLengthBytes)
  }
  return { pieceLengthBytes, pieceCount, sizes, firstPieces }
}

export interface PiecePlace {
  /** Index of the member that owns the piece. */
  readonly member: number
  /** Index of the piece among the member's own. */
  readonly ordinal: number
  /** Where it begins in the member. */
  readonly offset: number
  /** Its real bytes, without padding. */
  readonly lengthBytes: number
}

/** What piece `index` is; it must be one of the layout's. */
export const placeOf = (layout: Layout, index: number): PiecePlace => {
  assert(index >= 0 && index < layout.pieceCount)
  let low = 0
  let high = layout.firstPieces.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((layout.firstPieces[middle] ?? 0) <= index) low = middle
    else high = middle - 1
  }
  const ordinal = index - (layout.firstPieces[low] ?? 0)
  const offset = ordinal * layout.pieceLengthBytes
  const lengthBytes = Math.min(layout.pieceLengthBytes, (layout.sizes[low] ?? 0) - offset)
  return { member: low, ordinal, offset, lengthBytes }
}

/** The pieces of one member. */
export const piecesOf = (layout: Layout, member: number): { first: number; count: number } => {
  const first = layout.firstPieces[member]
  const sizeBytes = layout.sizes[member]
  assert(first !== undefined && sizeBytes !== undefined)
  return { first, count: piecesFor(sizeBytes, layout.pieceLengthBytes) }
}

/** How long the bytes are whose SHA-1 the metainfo names: padded, but for the very last piece. */
export const hashedLength = (layout: Layout, index: number): number =>
  index === layout.pieceCount - 1 ? placeOf(layout, index).lengthBytes : layout.pieceLengthBytes
