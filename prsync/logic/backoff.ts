// How long to wait before trying again: doubled each time up to a ceiling, half of it left to chance
// so that many who failed together do not come back together.

export interface BackoffRange {
  readonly firstMs: number
  readonly ceilingMs: number
}

/**
 * Milliseconds to wait after `failures` failures in a row (from 1). `chance` is in [0, 1). What the
 * other side asked for (`retryAfterMs`) is the least, with up to a quarter more by chance.
 */
export const backoffMs = (
  failures: number,
  chance: number,
  range: BackoffRange,
  retryAfterMs = 0,
): number => {
  const full = Math.min(
    range.ceilingMs,
    range.firstMs * 2 ** Math.min(30, Math.max(0, failures - 1)),
  )
  const usual = full / 2 + (full / 2) * chance
  return Math.max(usual, retryAfterMs * (1 + chance / 4))
}
