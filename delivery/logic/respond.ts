// The answer to GET or HEAD of a file whose hash is known: status, headers and which bytes, as
// RFC 9110 says. Knows neither paths nor sockets; send.ts carries the decision out.

import { Buffer } from 'node:buffer'
import type { Sha256 } from '../../core/ids.ts'
import {
  headerOf,
  judgePreconditions,
  type RequestHeaders,
  rangesApply,
  type Validators,
} from './conditional.ts'
import { formatHttpDate } from './http-date.ts'
import { type ByteRange, parseRange } from './ranges.ts'

export interface Representation {
  readonly sha256: Sha256
  readonly sizeBytes: number
  /** Last-Modified, seconds since 1970. */
  readonly modifiedSeconds: number
  readonly contentType: string
}

/** Bytes of the file, with the text that goes before them in a multipart body (else ''). */
export interface BodyPart extends ByteRange {
  readonly preamble: string
}

export interface Decision {
  readonly status: 200 | 206 | 304 | 412 | 416
  /** Names in lower case; content-length is that of the body as sent (of the GET's for HEAD). */
  readonly headers: Readonly<Record<string, string>>
  /** None for HEAD, 304, 412, 416 and empty files. */
  readonly parts: readonly BodyPart[]
  /** What ends a multipart body, else ''. */
  readonly epilogue: string
  /** Preambles, parts and epilogue together: exactly what must be written after the headers. */
  readonly bodyBytes: number
}

export const entityTagOf = (sha256: Sha256): string => `"sha256-${sha256}"`

/** What every answer for a file carries, redirects included: ETag, Last-Modified and digests. */
export const validatorHeaders = (
  representation: Pick<Representation, 'sha256' | 'modifiedSeconds'>,
): Record<string, string> => {
  const digest = Buffer.from(representation.sha256, 'hex').toString('base64')
  return {
    etag: entityTagOf(representation.sha256),
    'last-modified': formatHttpDate(representation.modifiedSeconds),
    'repr-digest': `sha-256=:${digest}:`,
    digest: `SHA-256=${digest}`,
  }
}

const bodiless = (status: Decision['status'], headers: Record<string, string>): Decision => ({
  status,
  headers,
  parts: [],
  epilogue: '',
  bodyBytes: 0,
})

const contentRange = ({ offset, length }: ByteRange, sizeBytes: number): string =>
  `bytes ${offset}-${offset + length - 1}/${sizeBytes}`

/**
 * RFC 9110, 14.6. The boundary is made from the file's own hash, so the file cannot contain it. A
 * line break goes before the first one too, as nginx and Apache do: zsync waits for it.
 */
const multipart = (
  ranges: readonly ByteRange[],
  representation: Representation,
  headers: Record<string, string>,
): Decision => {
  const boundary = `mirrorswarm-${representation.sha256.slice(0, 32)}`
  const parts = ranges.map(range => ({
    ...range,
    preamble:
      `\r\n--${boundary}\r\n` +
      `Content-Type: ${representation.contentType}\r\n` +
      `Content-Range: ${contentRange(range, representation.sizeBytes)}\r\n\r\n`,
  }))
  const epilogue = `\r\n--${boundary}--\r\n`
  const bodyBytes = parts.reduce(
    (sum, part) => sum + part.preamble.length + part.length,
    epilogue.length,
  )
  return {
    status: 206,
    headers: {
      ...headers,
      'content-type': `multipart/byteranges; boundary=${boundary}`,
      'content-length': String(bodyBytes),
    },
    parts,
    epilogue,
    bodyBytes,
  }
}

const single = (
  range: ByteRange,
  representation: Representation,
  headers: Record<string, string>,
): Decision => ({
  status: 206,
  headers: {
    ...headers,
    'content-type': representation.contentType,
    'content-range': contentRange(range, representation.sizeBytes),
    'content-length': String(range.length),
  },
  parts: [{ ...range, preamble: '' }],
  epilogue: '',
  bodyBytes: range.length,
})

const complete = (
  withBody: boolean,
  { sizeBytes, contentType }: Representation,
  headers: Record<string, string>,
): Decision => {
  const send = withBody && sizeBytes > 0
  return {
    status: 200,
    headers: { ...headers, 'content-type': contentType, 'content-length': String(sizeBytes) },
    parts: send ? [{ offset: 0, length: sizeBytes, preamble: '' }] : [],
    epilogue: '',
    bodyBytes: send ? sizeBytes : 0,
  }
}

/**
 * Decide the answer to GET or HEAD. Ranges count for GET only. A repeated Range header is ignored,
 * since Node joins it to one that is malformed.
 */
export const respond = (
  method: 'GET' | 'HEAD',
  headers: RequestHeaders,
  representation: Representation,
): Decision => {
  const validators: Validators = {
    etag: entityTagOf(representation.sha256),
    modifiedSeconds: representation.modifiedSeconds,
  }
  const common = validatorHeaders(representation)
  const verdict = judgePreconditions(headers, validators)
  if (verdict === 'not-modified') return bodiless(304, common)
  if (verdict === 'failed') return bodiless(412, { ...common, 'content-length': '0' })
  common['accept-ranges'] = 'bytes'
  common['x-content-type-options'] = 'nosniff'
  const rangeHeader = method === 'GET' ? headerOf(headers, 'range') : undefined
  if (rangeHeader === undefined || !rangesApply(headers, validators)) {
    return complete(method === 'GET', representation, common)
  }
  const request = parseRange(rangeHeader, representation.sizeBytes)
  if (request.kind === 'whole') return complete(true, representation, common)
  if (request.kind === 'unsatisfiable') {
    const size = { 'content-range': `bytes */${representation.sizeBytes}`, 'content-length': '0' }
    return bodiless(416, { ...common, ...size })
  }
  const [first, second] = request.ranges
  return first !== undefined && second === undefined
    ? single(first, representation, common)
    : multipart(request.ranges, representation, common)
}
