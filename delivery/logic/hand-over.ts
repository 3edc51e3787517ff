// Which answers a web server in front may send instead of this process, and what is told to it. Only
// those that the server is sure to make the same; everything else is answered here.

import { headerOf, type RequestHeaders } from './conditional.ts'
import type { Decision } from './respond.ts'

/** How a server is told of a file: nginx by a URI, Apache and lighttpd by a name in the file system. */
export interface HandedFile {
  readonly header: 'x-accel-redirect' | 'x-sendfile'
  readonly name: string
}

/** One range, of numbers that every server can hold. */
const plainRange = /^bytes=(?:\d{1,15}-\d{0,15}|-\d{1,15})$/

/** What each server would judge once more, by rules of its own; nginx is told not to judge the rest. */
const judgedBy: Readonly<Record<HandedFile['header'], readonly string[]>> = {
  'x-accel-redirect': ['if-match', 'if-unmodified-since'],
  'x-sendfile': [
    ...['if-match', 'if-unmodified-since', 'if-none-match', 'if-modified-since', 'if-range'],
  ],
}

/**
 * The whole file or one range of it, to a GET. 304, 412, 416, HEAD and several ranges are answered
 * here, and so is what the server would judge by its own validators once more.
 */
export const mayHandOver = (
  headers: RequestHeaders,
  decision: Decision,
  by: HandedFile['header'],
): boolean => {
  if (decision.parts.length !== 1) return false
  if (judgedBy[by].some(name => headers[name] !== undefined)) return false
  const range = headerOf(headers, 'range')
  if (decision.status === 206) return range !== undefined && plainRange.test(range)
  return decision.status === 200 && range === undefined
}

/**
 * What the server makes its answer from: it takes type, validators and digests from here (nginx by
 * `add_header`). Lengths, ranges and `Accept-Ranges` are its own.
 */
export const handOverHeaders = (decision: Decision, file: HandedFile): Record<string, string> => {
  const own = new Set(['content-range', 'accept-ranges'])
  const kept = Object.entries(decision.headers).filter(([name]) => !own.has(name))
  return { ...Object.fromEntries(kept), 'content-length': '0', [file.header]: file.name }
}

/**
 * Were it 200, a server that does not understand the header would make an empty file of the answer.
 * Apache looks at the header of 200 only.
 */
export const handOverStatus = ({ header }: HandedFile): number =>
  header === 'x-sendfile' ? 200 : 501
