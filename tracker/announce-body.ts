// The announce as bytes: JSON, compressed once it is worth it. Both sides use it; the signature
// covers the bytes that come out of here.

import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { MirrorswarmError, systemCode } from '../core/errors.ts'
import { announceBodyBytes, announceInflatedBytes } from '../core/limits.ts'
import { type AnnounceRequest, parseAnnounceRequest } from './messages.ts'

const compress = promisify(gzip)
const inflate = promisify(gunzip)

/** Below this size compressing saves no packet. */
const worthCompressingBytes = 1024

export interface AnnounceBody {
  readonly body: Buffer
  /** What to send along with it: content-type and, if compressed, content-encoding. */
  readonly headers: Readonly<Record<string, string>>
}

export const encodeAnnounce = async (request: AnnounceRequest): Promise<AnnounceBody> => {
  const json = Buffer.from(JSON.stringify(request))
  const headers = { 'content-type': 'application/json' }
  if (json.length < worthCompressingBytes) return { body: json, headers }
  return { body: await compress(json), headers: { ...headers, 'content-encoding': 'gzip' } }
}

const inflateBounded = async (body: Uint8Array): Promise<Buffer> => {
  try {
    return await inflate(body, { maxOutputLength: announceInflatedBytes })
  } catch (error) {
    const tooLarge = systemCode(error) === 'ERR_BUFFER_TOO_LARGE'
    throw new MirrorswarmError(
      tooLarge ? 'MS_REQUEST_TOO_LARGE' : 'MS_REQUEST_INVALID',
      tooLarge ? 'announce: inflates to too much' : 'announce: the body is not valid gzip',
      { cause: error },
    )
  }
}

/**
 * The announce in a body as it came (at most announceBodyBytes; the caller should stop reading
 * there). Throws MS_REQUEST_INVALID or MS_REQUEST_TOO_LARGE.
 */
export const decodeAnnounce = async (
  body: Uint8Array,
  contentEncoding: string | undefined,
): Promise<AnnounceRequest> => {
  if (body.length > announceBodyBytes) {
    throw new MirrorswarmError('MS_REQUEST_TOO_LARGE', 'announce: the body is too large')
  }
  if (contentEncoding !== undefined && !/^(?:gzip|identity)$/.test(contentEncoding)) {
    throw new MirrorswarmError('MS_REQUEST_INVALID', 'announce: only gzip is understood')
  }
  const json = contentEncoding === 'gzip' ? await inflateBounded(body) : body
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(json).toString('utf8'))
  } catch (error) {
    throw new MirrorswarmError('MS_REQUEST_INVALID', 'announce: the body is not JSON', {
      cause: error,
    })
  }
  return parseAnnounceRequest(value)
}
