// Whether a stock BitTorrent client is worth its place: it must take some bytes in every stretch of
// time, unless the origin itself makes it wait. One rule for the idle, the seeders and the slow.

import { seedWindowBytes, seedWindowMs } from '../../core/stock-limits.ts'

/** The stretch that runs: when it began, and what had been sent by then. */
export interface SeedPace {
  readonly sinceMs: number
  readonly sentBytes: number
}

export interface SeedLook {
  readonly nowMs: number
  /** Bytes that the client has taken since it connected. */
  readonly sentBytes: number
  /** It waits for the upload limit. */
  readonly isHeldBack: boolean
}

/** The stretch after a look; null: the client has taken too little and is to go. */
export const stepSeedPace = (pace: SeedPace, look: SeedLook): SeedPace | null => {
  const { nowMs, sentBytes } = look
  if (look.isHeldBack) return { sinceMs: nowMs, sentBytes }
  if (nowMs - pace.sinceMs < seedWindowMs) return pace
  return sentBytes - pace.sentBytes < seedWindowBytes ? null : { sinceMs: nowMs, sentBytes }
}
