// How long one waits for a reader that should take bytes at some rate at least: patience that each byte
// taken restores, up to a bound, and that waiting uses up. Pure arithmetic.

export interface FloorRate {
  readonly bytesPerSecond: number
  /** Patience at the beginning, and at most. */
  readonly graceMs: number
}

/** Milliseconds of patience that are left after the reader took `bytes` in `tookMs`. */
export const patienceAfter = (
  patienceMs: number,
  taken: { readonly bytes: number; readonly tookMs: number },
  floor: FloorRate,
): number => {
  const earnedMs = (1000 * taken.bytes) / floor.bytesPerSecond
  return Math.min(floor.graceMs, Math.max(0, patienceMs - taken.tookMs) + earnedMs)
}
