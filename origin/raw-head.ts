// Sends a redirect whose header lines are ready as text. Node's own writeHead takes names and values
// apart and checks each, which costs as much as everything else that a redirect does.

import type { ServerResponse } from 'node:http'
import { isSafeValue, tailAt } from '../delivery/head-lines.ts'

/** What Node's responses have had for ever and its documentation leaves out. */
interface RawResponse {
  _header: string | null
  _contentLength: number | null
  _hasBody: boolean
}

const isRaw = (response: object): response is RawResponse =>
  '_header' in response && '_contentLength' in response && '_hasBody' in response

const pairsOf = (lines: string): string[] =>
  lines.split('\r\n').flatMap(line => {
    const colon = line.indexOf(':')
    return colon < 0 ? [] : [line.slice(0, colon), line.slice(colon + 2)]
  })

export interface RedirectLinks {
  readonly location: string
  readonly link: string
}

const linesOf = (ready: string, { location, link }: RedirectLinks): string =>
  `content-length: 0\r\nlocation: ${location}\r\n${ready}link: ${link}\r\n`

/**
 * The whole answer that sendRedirectHead sends on a connection that stays open. The links are made of
 * URLs and canonical paths, which have nothing in them that could end a line.
 */
export const redirectText = (nowMs: number, ready: string, links: RedirectLinks): string =>
  `HTTP/1.1 302 Found\r\n${linesOf(ready, links)}${tailAt(nowMs)}`

/** 302 without a body. `ready`: headLines of what is the same for everybody. */
export const sendRedirectHead = (
  response: ServerResponse,
  nowMs: number,
  ready: string,
  links: RedirectLinks,
): void => {
  if (!isSafeValue(links.location) || !isSafeValue(links.link)) {
    throw new TypeError('a link of odd characters')
  }
  if (response.shouldKeepAlive && isRaw(response)) {
    response.statusCode = 302
    response._header = redirectText(nowMs, ready, links)
    response._contentLength = 0
    response._hasBody = false
  } else response.writeHead(302, pairsOf(linesOf(ready, links)))
  response.end()
}
