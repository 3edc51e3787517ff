// A client that asks for the same path again shortly after was probably not served well: it gets
// another volunteer, then the origin itself. This is what makes failing downloads heal.

import type { VolunteerName } from '../../core/ids.ts'
import { repeatVolunteers, repeatWindowMostMs, repeatWindowMs } from '../../core/limits.ts'

/** What is remembered of one client and one path. */
export interface Repeat {
  readonly tried: readonly VolunteerName[]
  readonly untilMs: number
}

export interface RepeatAdvice {
  /** Enough volunteers were tried: the origin itself makes sure. */
  readonly serveHere: boolean
  /** Where this client was sent for this path a moment ago. */
  readonly tried: readonly VolunteerName[]
}

/** Slower clients than this are not waited for when the window of a large file is computed. */
const slowestBytesPerMs = 1_000

/** How long after a redirect the same request counts as a repeat: longer for larger files. */
export const repeatWindow = (sizeBytes: number): number =>
  Math.min(repeatWindowMostMs, repeatWindowMs + sizeBytes / slowestBytesPerMs)

/** What to do about a request, given what is remembered of its client and path. */
export const adviseRepeat = (repeat: Repeat | undefined, nowMs: number): RepeatAdvice => {
  const tried = repeat !== undefined && repeat.untilMs > nowMs ? repeat.tried : []
  return { serveHere: tried.length >= repeatVolunteers, tried }
}

/** What to remember after the client was sent to a volunteer, or (null) served here. */
export const recordAnswer = (
  repeat: Repeat | undefined,
  sentTo: VolunteerName | null,
  sizeBytes: number,
  nowMs: number,
): Repeat | undefined => {
  if (sentTo === null) return undefined
  const before = repeat !== undefined && repeat.untilMs > nowMs ? repeat.tried : []
  return { tried: [...before, sentTo], untilMs: nowMs + repeatWindow(sizeBytes) }
}

/**
 * The key of a request in that memory. A bounded range is a part that a segmenting client fetches
 * beside others, so it repeats only itself; an open range resumes, so it repeats the whole.
 */
export const repeatKey = (client: string, path: string, range: string | undefined): string => {
  const bounded = range !== undefined && /^bytes=\s*\d*-\d|,/.test(range)
  return `${client}\n${path}\n${bounded ? range.slice(0, 200) : ''}`
}
