// How long something was under way altogether. Pure: times are monotonic milliseconds.

export interface BusyTime {
  /** Of what has ended. */
  readonly endedMs: number
  /** When what is under way began; null: nothing is. */
  readonly sinceMs: number | null
}

export const neverBusy: BusyTime = { endedMs: 0, sinceMs: null }

export const busyMsAt = ({ endedMs, sinceMs }: BusyTime, nowMs: number): number =>
  endedMs + (sinceMs === null ? 0 : Math.max(0, nowMs - sinceMs))

/** After it was found to be under way, or not to be. */
export const setBusy = (time: BusyTime, busy: boolean, nowMs: number): BusyTime => {
  if (busy === (time.sinceMs !== null)) return time
  return { endedMs: busyMsAt(time, nowMs), sinceMs: busy ? nowMs : null }
}
