// Heads of answers as text, for those that are written past node:http. Whatever could end a header
// line is refused. Knows nothing of what is answered.

import { idleConnectionMs } from '../core/access-limits.ts'
import { ownText } from '../core/own-text.ts'

/** Anything but printable ASCII could end a line, or be read as another character. */
const unsafe = /[^\x20-\x7e]/

export const isSafeValue = (value: string): boolean => !unsafe.test(value)

let tailSeconds = 0
let tail = ''

/** Date, what tells that the connection stays open, and the empty line: made once a second. */
export const tailAt = (nowMs: number): string => {
  const seconds = Math.floor(nowMs / 1000)
  if (seconds === tailSeconds) return tail
  tailSeconds = seconds
  tail = ownText(
    `Date: ${new Date(nowMs).toUTCString()}\r\nConnection: keep-alive\r\n` +
      `Keep-Alive: timeout=${Math.floor(idleConnectionMs / 1000)}\r\n\r\n`,
  )
  return tail
}

/** Header lines as text. Throws when a value could not stand in a header. */
export const headLines = (headers: Readonly<Record<string, string>>): string => {
  let lines = ''
  for (const [name, value] of Object.entries(headers)) {
    if (!isSafeValue(value)) throw new TypeError(`a header "${name}" of odd characters`)
    lines += `${name}: ${value}\r\n`
  }
  return lines
}
