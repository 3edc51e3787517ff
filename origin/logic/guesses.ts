// How long somebody who sent wrong credentials has to wait before the next ones are looked at. Pure:
// the first few are free, then the pause doubles with each.

import { guessForgetMs, guessPauseCeilingMs, guessPauseMs } from '../../core/access-limits.ts'

export interface Guesses {
  readonly failures: number
  readonly lastMs: number
}

/** Milliseconds until credentials are looked at again; 0 if they are now. */
export const guessPause = (known: Guesses | undefined, free: number, nowMs: number): number => {
  if (known === undefined || known.failures < free) return 0
  const pauseMs = Math.min(guessPauseCeilingMs, guessPauseMs * 2 ** (known.failures - free))
  return Math.max(0, known.lastMs + pauseMs - nowMs)
}

/** One more failure; older ones are forgotten after a quiet while. */
export const afterFailure = (known: Guesses | undefined, nowMs: number): Guesses => ({
  failures: known === undefined || nowMs - known.lastMs > guessForgetMs ? 1 : known.failures + 1,
  lastMs: nowMs,
})
