// A client that asks for the same path again shortly after was probably not served well: it gets
// another volunteer, then the origin itself. Many clients may look like one (NAT), so the origin
// does that once in a window, and otherwise sends each repeat elsewhere than the one before.

import { resumeBytesPerMs, resumeSlackBytes } from '../../core/healing-limits.ts'
import { repeatVolunteers, repeatWindowMostMs, repeatWindowMs } from '../../core/limits.ts'

/** What is remembered of one client and one path. Volunteers are numbers: see redirect-memory.ts. */
export interface Repeat {
  /** Where it was sent, in this order; behind an answer of the origin only the last of them. */
  readonly tried: readonly number[]
  /** The origin itself has made sure in this window. */
  readonly served: boolean
  /** Where the newest request began, and when it came. */
  readonly offset: number
  readonly sinceMs: number
  readonly untilMs: number
}

/** A request, as far as repeats go. */
export interface RepeatRequest {
  readonly nowMs: number
  /** First byte asked for: see rangeOffset. */
  readonly offset: number
}

export interface RepeatAdvice {
  /** Enough volunteers were tried: the origin itself makes sure. */
  readonly serveHere: boolean
  /** Where this client was sent for this path a moment ago, the last one at the end. */
  readonly tried: readonly number[]
  /** If nobody else has it, the origin may serve; else one that was tried is better than none. */
  readonly mayServe: boolean
}

/** Slower clients than this are not waited for when the window of a large file is computed. */
const slowestBytesPerMs = 1_000

/** How long after a redirect the same request counts as a repeat: longer for larger files. */
export const repeatWindow = (sizeBytes: number): number =>
  Math.min(repeatWindowMostMs, repeatWindowMs + sizeBytes / slowestBytesPerMs)

/**
 * Whether the request may come from a download that failed. One that begins further on than
 * anything can have arrived since is another part, fetched beside the first.
 */
const isRepeat = (repeat: Repeat, { nowMs, offset }: RepeatRequest): boolean =>
  repeat.untilMs > nowMs &&
  offset - repeat.offset <= resumeSlackBytes + (nowMs - repeat.sinceMs) * resumeBytesPerMs

/**
 * What to do about a request, given what is remembered of its client and path. `hasRoom`: the
 * origin's share for repeats is not used up.
 */
export const adviseRepeat = (
  repeat: Repeat | undefined,
  request: RepeatRequest,
  hasRoom: boolean,
): RepeatAdvice => {
  if (repeat === undefined || !isRepeat(repeat, request)) {
    return { serveHere: false, tried: [], mayServe: true }
  }
  const mayServe = hasRoom && !repeat.served
  const enough = repeat.tried.length >= repeatVolunteers
  if (enough && !mayServe) return { serveHere: false, tried: repeat.tried.slice(-1), mayServe }
  return { serveHere: enough, tried: repeat.tried, mayServe }
}

/** What to remember after the client was sent to a volunteer, or (null) served here. */
export const recordAnswer = (
  repeat: Repeat | undefined,
  sentTo: number | null,
  sizeBytes: number,
  request: RepeatRequest,
): Repeat | undefined => {
  const { nowMs, offset } = request
  const untilMs = nowMs + repeatWindow(sizeBytes)
  if (repeat === undefined || repeat.untilMs <= nowMs) {
    if (sentTo === null) return undefined
    return { offset, sinceMs: nowMs, untilMs, tried: [sentTo], served: false }
  }
  const fresh = { offset, sinceMs: nowMs, untilMs }
  if (!isRepeat(repeat, request)) return repeat
  if (sentTo === null) return { ...fresh, tried: [], served: true }
  // The window of the origin's answer is not prolonged: then it may make sure again.
  if (repeat.served) return { ...repeat, offset, sinceMs: nowMs, tried: [sentTo] }
  const tried = [...repeat.tried, sentTo].slice(-repeatVolunteers)
  return { ...fresh, tried, served: false }
}

/** The first byte that a Range asks for; 0 for none, and for what repeats only itself. */
export const rangeOffset = (range: string | undefined): number => {
  const open = range === undefined ? null : /^bytes=\s*(\d{1,15})-\s*$/.exec(range)
  return open === null ? 0 : Number(open[1])
}

/**
 * What of a Range belongs to the key of a request in that memory, beside client and path. A bounded
 * range is a part that a segmenting client fetches beside others, so it repeats only itself; an open
 * range resumes, so it repeats the whole, and is ''.
 */
export const repeatedRange = (range: string | undefined): string => {
  const bounded = range !== undefined && /^bytes=\s*\d*-\d|,/.test(range)
  return bounded ? range.slice(0, 200) : ''
}
