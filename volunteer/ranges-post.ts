// The transport of requests for ranges: a signed POST to the origin or to another volunteer, and its
// answer as it comes, decompressed without ever holding more than a little of it.

import { pipeline } from 'node:stream/promises'
import { constants, createZstdDecompress } from 'node:zlib'
import { zstdWindowLog } from '../core/delta-limits.ts'
import { describeError, isMirrorswarmError, MirrorswarmError } from '../core/errors.ts'
import { discard, type HttpAnswer, type HttpClient } from '../core/http-client.ts'
import type { VolunteerName } from '../core/ids.ts'
import type { Compression } from './options.ts'
import { readRefusal } from './origin-client.ts'
import { type RequestSigner, sendSigned } from './request-signer.ts'

/** Who is asked, by public URL; the name of a volunteer, none for the origin. */
export interface RangesRecipient {
  readonly url: string
  readonly recipient?: VolunteerName
}

export interface RangesPostParts {
  readonly http: HttpClient
  readonly signer: RequestSigner
  /** Waits until so many bytes may be received; called for bytes as they come over the wire. */
  readonly onBytes: (url: string, bytes: number, signal: AbortSignal) => Promise<void>
  /** What answers may be compressed with. */
  readonly compression: Compression
}

const path = '/-/v1/ranges'

const brokenOff = (error: unknown): MirrorswarmError =>
  new MirrorswarmError(
    'MS_REMOTE_UNREACHABLE',
    `an answer to ranges broke off (${describeError(error)})`,
    { cause: error },
  )

/** The bytes as they come, at the rate that they may come. */
async function* received(
  answer: HttpAnswer,
  take: (bytes: number) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  for await (const part of answer.body) {
    const bytes = part as Buffer
    await take(bytes.length)
    yield bytes
  }
}

/** Little memory whatever the frame asks for. */
async function* inflated(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const zstd = createZstdDecompress({
    params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLog },
  })
  const done = pipeline(source, zstd)
  // Whoever reads is told by the stream itself.
  done.catch(() => undefined)
  try {
    for await (const part of zstd) yield part as Buffer
  } finally {
    zstd.destroy()
    await done.catch(() => undefined)
  }
}

async function* readAnswer(
  answer: HttpAnswer,
  zstd: boolean,
  take: (bytes: number) => Promise<void>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const wire = received(answer, take)
  try {
    yield* zstd ? inflated(wire) : wire
  } catch (error) {
    if (signal.aborted || isMirrorswarmError(error)) throw error
    throw brokenOff(error)
  } finally {
    discard(answer)
  }
}

/**
 * Ask the origin or a volunteer and resolve, once it has said yes, with the
 * decompressed answer: read it to its end or return from it early. The caller checks that it is as
 * long as it should be and has the right bytes. Throws MS_REMOTE_UNREACHABLE, MS_ANSWER_INVALID,
 * MS_AUTH_REFUSED and what else the other side says, with `retryAfterMs` if it says when.
 */
export const postRanges = async (
  parts: RangesPostParts,
  { url, recipient }: RangesRecipient,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> => {
  const { http, signer, onBytes, compression } = parts
  const accepted = compression === 'zstd' ? 'zstd' : 'identity'
  const method = 'POST' as const
  const signed = { method, path, body, ...(recipient === undefined ? {} : { recipient }) }
  const answer = await sendSigned({ http, signer, url }, signed, {
    headers: {
      'content-type': 'application/octet-stream',
      'accept-encoding': accepted,
    },
    signal,
  })
  if (answer.status !== 200) throw await readRefusal(http, answer, 'ranges')
  const encoding = answer.headers['content-encoding'] ?? 'identity'
  if (encoding !== accepted && encoding !== 'identity') {
    discard(answer)
    throw new MirrorswarmError('MS_ANSWER_INVALID', 'an answer has an encoding nobody asked for')
  }
  const take = (bytes: number): Promise<void> => onBytes(url, bytes, signal)
  return readAnswer(answer, encoding === 'zstd', take, signal)
}
