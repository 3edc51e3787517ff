// What a volunteer asks of its origin, signed with its own key. Everything that comes back is bounded
// and checked before it is believed; redirects are not followed.

import { Readable } from 'node:stream'
import { gunzipSync } from 'node:zlib'
import {
  describeError,
  type ErrorCode,
  errorTable,
  isMirrorswarmError,
  MirrorswarmError,
} from '../core/errors.ts'
import { discard, type HttpAnswer, type HttpClient } from '../core/http-client.ts'
import type { Sha256 } from '../core/ids.ts'
import { sha256Hex } from '../core/keys.ts'
import { operatorBodyBytes, remoteAnswerBytes, requestTimeoutMs } from '../core/limits.ts'
import type { RateLimiter } from '../core/rate-limiter.ts'
import { encodeAnnounce } from '../tracker/announce-body.ts'
import {
  type AnnounceAnswer,
  type AnnounceRequest,
  parseAnnounceAnswer,
} from '../tracker/messages.ts'
import { type RequestSigner, sendSigned } from './request-signer.ts'

export interface OriginClientParts {
  /** For everything but announces, which must not queue behind transfers. */
  readonly http: HttpClient
  readonly announceHttp: HttpClient
  readonly originUrl: string
  readonly signer: RequestSigner
  /** What is read of the manifest and of bundles counts as synchronisation. */
  readonly downloadLimiter: Pick<RateLimiter, 'take'>
}

const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(errorTable, code)

/** JSON of the other side, or MS_ANSWER_INVALID. */
export const parseJson = (bytes: Uint8Array, what: string): unknown => {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (error) {
    throw new MirrorswarmError('MS_ANSWER_INVALID', `${what} is not JSON`, { cause: error })
  }
}

const printable = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not reach a terminal
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .trim()
    .slice(0, 200)

const refusalOf = (bytes: Buffer): { code: ErrorCode; message: string } | null => {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    // Another server's page, perhaps a proxy's: the status alone counts then.
    return null
  }
  const error = (value as { error?: { code?: unknown; message?: unknown } } | null)?.error
  return isErrorCode(error?.code)
    ? { code: error.code, message: printable(String(error.message)) }
    : null
}

/** For answers that are not the origin's own words: a proxy's error page, another server. */
const codeOfStatus = (status: number): ErrorCode => {
  if (status === 401 || status === 403) return 'MS_AUTH_REFUSED'
  return status >= 500 || status === 429 ? 'MS_REMOTE_UNREACHABLE' : 'MS_ANSWER_INVALID'
}

const retryAfterMs = (answer: HttpAnswer): { readonly retryAfterMs?: number } => {
  const header = answer.headers['retry-after']
  const seconds = typeof header === 'string' && /^\d{1,6}$/.test(header) ? Number(header) : null
  return seconds === null ? {} : { retryAfterMs: seconds * 1000 }
}

/** What an answer other than the expected one means; with `retryAfterMs` if it says when to ask. */
export const readRefusal = async (
  http: HttpClient,
  answer: HttpAnswer,
  what: string,
): Promise<MirrorswarmError> => {
  const bytes = await http.read(answer, operatorBodyBytes).catch((error: unknown) => {
    if (isMirrorswarmError(error, 'MS_ANSWER_INVALID')) return Buffer.alloc(0)
    throw error
  })
  const refusal = refusalOf(bytes)
  const error =
    refusal === null
      ? new MirrorswarmError(
          codeOfStatus(answer.status),
          `the origin answers ${what} with status ${answer.status}`,
        )
      : new MirrorswarmError(refusal.code, `the origin refuses ${what}: ${refusal.message}`)
  return Object.assign(error, retryAfterMs(answer))
}

/** Bounded; throws MS_ANSWER_INVALID. */
const unzip = (bytes: Uint8Array, what: string): Buffer => {
  try {
    return gunzipSync(bytes, { maxOutputLength: remoteAnswerBytes })
  } catch (error) {
    throw new MirrorswarmError('MS_ANSWER_INVALID', `${what} cannot be unzipped`, { cause: error })
  }
}

export class OriginClient {
  readonly #parts: OriginClientParts

  constructor(parts: OriginClientParts) {
    this.#parts = parts
  }

  async #get(
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const { http, originUrl: url, signer } = this.#parts
    return await sendSigned({ http, signer, url }, { method: 'GET', path }, { headers, signal })
  }

  async #read(answer: HttpAnswer, limitBytes: number, signal: AbortSignal): Promise<Buffer> {
    try {
      return await this.#parts.http.read(answer, limitBytes)
    } catch (error) {
      if (signal.aborted || isMirrorswarmError(error)) throw error
      throw new MirrorswarmError(
        'MS_REMOTE_UNREACHABLE',
        `the origin's answer broke off (${describeError(error)})`,
        { cause: error },
      )
    }
  }

  /** The same at the owner's rate; contents are counted by whoever asks for them. */
  async #readLimited(answer: HttpAnswer, limitBytes: number, signal: AbortSignal): Promise<Buffer> {
    const body = Readable.from(this.#limited(answer.body, signal))
    return await this.#read({ ...answer, body }, limitBytes, signal)
  }

  async *#limited(body: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
    for await (const part of body) {
      const bytes = part as Buffer
      await this.#parts.downloadLimiter.take(bytes.length, 'swarm', signal)
      yield bytes
    }
  }

  /** The signed head as text; null while nothing is published. */
  async head(signal: AbortSignal): Promise<string | null> {
    const answer = await this.#get('/-/v1/head', { 'accept-encoding': 'gzip' }, signal)
    if (answer.status === 200) {
      const bytes = await this.#readLimited(answer, remoteAnswerBytes, signal)
      const zipped = answer.headers['content-encoding'] === 'gzip'
      return (zipped ? unzip(bytes, 'the head') : bytes).toString('utf8')
    }
    const refusal = await readRefusal(this.#parts.http, answer, 'the head')
    if (answer.status === 404) return null
    throw refusal
  }

  /** An object by its hash, whole: at most `limitBytes`, checked. Throws MS_MANIFEST_INVALID. */
  async object(sha256: Sha256, limitBytes: number, signal: AbortSignal): Promise<Buffer> {
    const answer = await this.#open(sha256, 0, null, signal)
    const bytes = await this.#readLimited(answer, limitBytes, signal)
    if (sha256Hex(bytes) === sha256) return bytes
    throw new MirrorswarmError('MS_MANIFEST_INVALID', `the origin sent other bytes than ${sha256}`)
  }

  /** Bytes of a content from `offset` on, `length` of them or all. The caller verifies them. */
  async content(
    sha256: Sha256,
    offset: number,
    length: number | null,
    signal: AbortSignal,
  ): Promise<Readable> {
    return (await this.#open(sha256, offset, length, signal)).body
  }

  async #open(
    sha256: Sha256,
    offset: number,
    length: number | null,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const whole = offset === 0 && length === null
    const last = length === null ? '' : String(offset + length - 1)
    const headers: Record<string, string> = whole ? {} : { range: `bytes=${offset}-${last}` }
    const answer = await this.#get(`/-/v1/contents/${sha256}`, headers, signal)
    if (answer.status === (whole ? 200 : 206)) return answer
    if (answer.status === 200 || answer.status === 206) {
      discard(answer)
      throw new MirrorswarmError('MS_ANSWER_INVALID', 'the origin ignores byte ranges')
    }
    throw await readRefusal(this.#parts.http, answer, `content ${sha256.slice(0, 12)}…`)
  }

  /** One announce; the answer may wait up to the request's waitMs. */
  async announce(request: AnnounceRequest, signal: AbortSignal): Promise<AnnounceAnswer> {
    const { announceHttp, originUrl: url, signer } = this.#parts
    const path = '/-/v1/announce'
    const { body, headers } = await encodeAnnounce(request)
    const parts = { http: announceHttp, signer, url }
    const answer = await sendSigned(
      parts,
      { method: 'POST', path, body },
      { headers, signal, timeoutMs: request.waitMs + requestTimeoutMs },
    )
    if (answer.status !== 200) throw await readRefusal(announceHttp, answer, 'the announce')
    const heard = parseAnnounceAnswer(
      parseJson(await this.#read(answer, remoteAnswerBytes, signal), 'the answer to an announce'),
    )
    signer.learn(heard.nowMs)
    return heard
  }
}
