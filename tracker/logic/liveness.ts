// Who is there, and in which state. Measured on a clock that neither jumps nor counts the time in
// which this process itself stood still.

import { brokenPollGraceMs, livenessStepMs, missedAnnounces } from '../../core/limits.ts'
import type { VolunteerState } from '../messages.ts'
import { type PublishedSnapshot, sameNumbers, type Volunteer } from './network-state.ts'

export interface LivenessClock {
  readonly nowMs: number
  readonly monotonicMs: number
}

/**
 * Advance the clock of liveness. Steps are bounded: if this process was stopped for an hour, no
 * volunteer has missed an hour of announces.
 */
export const advanceLiveness = (clock: LivenessClock, monotonicMs: number): LivenessClock => ({
  monotonicMs,
  nowMs: clock.nowMs + Math.min(Math.max(0, monotonicMs - clock.monotonicMs), livenessStepMs),
})

/** Signs of life, in milliseconds of the clock of liveness. */
export interface SignsOfLife {
  readonly announcedMs: number
  /** When the other side closed the connection of its long poll, if nothing came since. */
  readonly brokenMs: number | null
}

/** Whether the volunteer counts as gone: it missed announces, or its broken poll had no successor. */
export const isOffline = (signs: SignsOfLife | null, nowMs: number, intervalMs: number): boolean =>
  signs === null ||
  nowMs - signs.announcedMs > missedAnnounces * intervalMs ||
  (signs.brokenMs !== null && nowMs - signs.brokenMs >= brokenPollGraceMs)

/** What the volunteer said of itself in its newest announce. */
export interface SelfReport {
  readonly draining: boolean
  readonly idle: boolean
}

/** The one state that others see: the first that applies, the worst first. */
export const stateOf = (
  volunteer: Volunteer,
  report: SelfReport | null,
  offline: boolean,
  newest: PublishedSnapshot | null,
): VolunteerState => {
  const { record, position } = volunteer
  if (record.disabled || volunteer.suspicion?.quarantined === true) return 'quarantined'
  if (offline || report === null) return 'offline'
  if (!record.reachable) return 'unreachable'
  if (record.draining || report.draining) return 'draining'
  const current =
    newest !== null && sameNumbers(position, newest) && position?.snapshot === newest.number
  return report.idle && current ? 'synced' : 'syncing'
}
