// Which piece to ask a peer for next: the rarest one nobody has begun, so that the swarm's copies
// even out; when all are begun, one whose remaining blocks nobody has asked for.

export interface PieceView {
  /** Wanted pieces that are not there yet. */
  readonly missing: Iterable<number>
  /** May this peer be asked for it: the peer has it, and blocks of it are free. */
  readonly open: (piece: number) => boolean
  readonly begun: (piece: number) => boolean
  /** How many peers have it. */
  readonly availability: (piece: number) => number
  /** In [0, 1): decides between equals. */
  readonly chance: () => number
}

/** The piece, or -1. One pass over what is missing. */
export const pickPiece = (view: PieceView): number => {
  let best = -1
  let bestBegun = true
  let bestAvailability = Number.POSITIVE_INFINITY
  let equals = 0
  for (const piece of view.missing) {
    if (!view.open(piece)) continue
    const begun = view.begun(piece)
    if (begun && !bestBegun) continue
    const availability = view.availability(piece)
    const better =
      best < 0 || (bestBegun && !begun) || (begun === bestBegun && availability < bestAvailability)
    if (better) {
      best = piece
      bestBegun = begun
      bestAvailability = availability
      equals = 1
    } else if (availability === bestAvailability) {
      equals++
      if (view.chance() * equals < 1) best = piece
    }
  }
  return best
}

/**
 * How many blocks a peer should owe us: a second's worth, so that its line never runs dry, but no
 * more than it says it takes (`reqq`, BEP 10) or we allow.
 */
export const pipelineDepth = (
  bytesPerSecond: number,
  blockBytes: number,
  theirMost: unknown,
  ourMost: number,
): number => {
  const useful = 4 + Math.ceil(bytesPerSecond / blockBytes)
  const most =
    typeof theirMost === 'number' && theirMost >= 1 ? Math.min(theirMost, ourMost) : ourMost
  return Math.min(useful, Math.floor(most))
}
