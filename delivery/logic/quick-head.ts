// Reads the head of a usual request as text, in a grammar far narrower than HTTP's: whatever it takes,
// node:http takes in the same meaning, and whatever it does not take is left to node:http. It knows
// neither sockets nor what is asked for.

import { quickHeadCharacters } from '../../core/front-limits.ts'

/** Names in lower case, each once. */
export type QuickHeaders = Readonly<Record<string, string>>

export interface QuickHead {
  readonly method: 'GET' | 'HEAD'
  /** As it stands on the request line: a path of plain characters, and perhaps a plain query. */
  readonly target: string
  readonly headers: QuickHeaders
  /** Index of the first character behind the head. */
  readonly end: number
}

/**
 * Characters of RFC 3986 paths, and of signed links; everything else is for a parser that knows what
 * it means.
 */
const requestLine =
  /(GET|HEAD) (\/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*(?:\?[A-Za-z0-9_=&-]*)?) HTTP\/1\.1\r\n/y

/** A value begins and ends with a visible character, so that nobody has anything to trim. */
const headerLine = /([A-Za-z][A-Za-z-]*): ?([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)\r\n/y

/**
 * Headers that leave it to the path how a file is redirected, and to HTTP/1.1's defaults what becomes
 * of body and connection. Those of proxies are for whoever trusts them.
 */
const harmless = new Set([
  ...['host', 'user-agent', 'accept', 'accept-encoding', 'accept-language', 'accept-charset'],
  ...['connection', 'keep-alive', 'cache-control', 'pragma', 'referer', 'dnt', 'priority', 'from'],
  ...['via', 'forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-real-ip'],
  ...['sec-fetch-mode', 'sec-fetch-site', 'sec-fetch-dest', 'sec-fetch-user'],
  ...['upgrade-insecure-requests', 'x-zypp-anonymousid', 'x-zypp-distributionflavor'],
])

/** The lines between the request line and the empty one; null: not all of them are usual. */
export const parseQuickHeaders = (lines: string): QuickHeaders | null => {
  const headers: Record<string, string> = Object.create(null)
  headerLine.lastIndex = 0
  let place = 0
  while (place < lines.length) {
    const line = headerLine.exec(lines)
    if (line === null) return null
    const name = (line[1] as string).toLowerCase()
    const value = line[2] as string
    if (!harmless.has(name) || name in headers) return null
    if (name === 'connection' && value.toLowerCase() !== 'keep-alive') return null
    headers[name] = value
    place = headerLine.lastIndex
  }
  return 'host' in headers ? headers : null
}

/** Remembers what header lines mean: clients repeat theirs with each request. */
export type HeaderMemory = (lines: string) => QuickHeaders | null

/**
 * The request whose head begins at `start`; null when it is not complete or not usual. `text`: bytes
 * as latin1.
 */
export const readQuickHead = (
  text: string,
  start: number,
  parse: HeaderMemory = parseQuickHeaders,
): QuickHead | null => {
  requestLine.lastIndex = start
  const line = requestLine.exec(text)
  if (line === null) return null
  const lines = requestLine.lastIndex
  const last = text.indexOf('\r\n\r\n', lines)
  if (last < 0 || last + 4 - start > quickHeadCharacters) return null
  const headers = parse(text.slice(lines, last + 2))
  if (headers === null) return null
  return { method: line[1] as 'GET' | 'HEAD', target: line[2] as string, headers, end: last + 4 }
}
