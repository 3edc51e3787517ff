// How many short pieces of one file are read in few reads: neighbours together, within a bound.

import type { Run } from './runs.ts'

export interface ReadWindow<Piece extends Run> {
  readonly offset: number
  readonly length: number
  /** What lies in it, in order. */
  readonly pieces: readonly Piece[]
}

/**
 * Windows of at most `windowBytes` (or one piece that is longer) over pieces sorted by offset, which
 * may overlap; a gap of more than `gapBytes` begins a new one.
 */
export function* readWindows<Piece extends Run>(
  pieces: Iterable<Piece>,
  gapBytes: number,
  windowBytes: number,
): Generator<ReadWindow<Piece>> {
  let start = 0
  let end = 0
  let inside: Piece[] = []
  for (const piece of pieces) {
    const pieceEnd = piece.offset + piece.length
    const fits = piece.offset <= end + gapBytes && Math.max(end, pieceEnd) - start <= windowBytes
    if (inside.length > 0 && !fits) {
      yield { offset: start, length: end - start, pieces: inside }
      inside = []
    }
    if (inside.length === 0) {
      start = piece.offset
      end = pieceEnd
    }
    end = Math.max(end, pieceEnd)
    inside.push(piece)
  }
  if (inside.length > 0) yield { offset: start, length: end - start, pieces: inside }
}
