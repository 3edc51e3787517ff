// Which answers a web server in front may send instead of this process, and what is told to it. Only
// those that the server is sure to make the same; everything else is answered here.

import { headerOf, type RequestHeaders } from './conditional.ts'
import type { Decision } from './respond.ts'

/** One range, of numbers that every server can hold. */
const plainRange = /^bytes=(?:\d{1,15}-\d{0,15}|-\d{1,15})$/

/**
 * The whole file or one range of it, to a GET. 304, 412, 416, HEAD and several ranges are answered
 * here, and so is what the server would judge by its own validators once more.
 */
export const mayHandOver = (headers: RequestHeaders, decision: Decision): boolean => {
  if (decision.parts.length !== 1) return false
  const judged = ['if-match', 'if-unmodified-since'].some(name => headers[name] !== undefined)
  if (judged) return false
  const range = headerOf(headers, 'range')
  if (decision.status === 206) return range !== undefined && plainRange.test(range)
  return decision.status === 200 && range === undefined
}

/**
 * What nginx makes its answer from: it takes the type from here and the rest by `add_header`.
 * Lengths, ranges and `Accept-Ranges` are its own.
 */
export const handOverHeaders = (decision: Decision, uri: string): Record<string, string> => {
  const own = new Set(['content-range', 'accept-ranges'])
  const kept = Object.entries(decision.headers).filter(([name]) => !own.has(name))
  return { ...Object.fromEntries(kept), 'content-length': '0', 'x-accel-redirect': uri }
}
