// How fast the swarm may go while clients are being served by the same process: as fast as leaves it
// time for them. One thread does both, so a synchronisation without bounds would take nearly all of it.

import {
  busyUtilization,
  courtesyFloorBytesPerSecond,
  courtesyMostBytesPerSecond,
  courtesyRelaxMs,
} from '../../core/volunteer-limits.ts'

export interface CourtesyState {
  /** What the swarm is held to; null: nothing. */
  readonly bytesPerSecond: number | null
  /** When a client was last being served. */
  readonly clientMs: number
}

export interface CourtesyFacts {
  readonly nowMs: number
  readonly clientsServed: boolean
  /** The part of the time since the last look in which the thread was busy, 0 to 1. */
  readonly utilization: number
  /** How fast the swarm went since then, the busier direction. */
  readonly swarmBytesPerSecond: number
}

export const calmCourtesy: CourtesyState = {
  bytesPerSecond: null,
  clientMs: Number.NEGATIVE_INFINITY,
}

/**
 * While clients are served and the thread is busy the swarm goes half as fast, down to a floor; with
 * time to spare it goes faster, step by step, and is held to nothing once that is more than it takes.
 */
export const stepCourtesy = (state: CourtesyState, facts: CourtesyFacts): CourtesyState => {
  const { nowMs, clientsServed, utilization, swarmBytesPerSecond } = facts
  const clientMs = clientsServed ? nowMs : state.clientMs
  const { bytesPerSecond: held } = state
  if (nowMs - clientMs >= courtesyRelaxMs) return { bytesPerSecond: null, clientMs }
  if (utilization > busyUtilization) {
    // What it is allowed may be far above what it takes.
    const now = Math.min(held ?? Number.POSITIVE_INFINITY, Math.max(swarmBytesPerSecond, 1))
    return { bytesPerSecond: Math.max(courtesyFloorBytesPerSecond, now / 2), clientMs }
  }
  if (held === null) return { bytesPerSecond: null, clientMs }
  const more = held * 1.1
  return { bytesPerSecond: more > courtesyMostBytesPerSecond ? null : more, clientMs }
}
