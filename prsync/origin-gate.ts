// The way to the origin for all torrents together: a handful of range requests at once, shared
// pauses after failures, and the download limit. It does not know what a torrent is.

import type { Readable } from 'node:stream'
import type { Clock, Random } from '../core/clock.ts'
import { isMirrorswarmError, MirrorswarmError } from '../core/errors.ts'
import type { Sha256 } from '../core/ids.ts'
import {
  originInFlightBytes,
  originRequests,
  originRetryCeilingMs,
  originRetryMs,
  pausedContents,
  retryAfterCeilingMs,
} from '../core/limits.ts'
import type { RateLimiter } from '../core/rate-limiter.ts'
import { backoffMs } from './logic/backoff.ts'

/** Get a range of a content from the origin. An error may say `retryAfterMs`. */
export type OriginFetch = (
  sha256: Sha256,
  offset: number,
  length: number,
  signal: AbortSignal,
) => Promise<Readable>

interface Pause {
  failures: number
  untilMs: number
}

/** Failures that say something about one content, not about the origin. */
const contentCodes = [
  'MS_CONTENT_NOT_HELD',
  'MS_CONTENT_MISMATCH',
  'MS_FILE_CHANGED',
  'MS_PATH_NOT_FOUND',
] as const

const aboutContent = (error: unknown): boolean =>
  contentCodes.some(code => isMirrorswarmError(error, code))

const retryAfterOf = (error: unknown): number => {
  const asked =
    typeof error === 'object' && error !== null && 'retryAfterMs' in error ? error.retryAfterMs : 0
  return typeof asked === 'number' && asked > 0 ? Math.min(asked, retryAfterCeilingMs) : 0
}

export interface OriginGateParts {
  readonly fetch: OriginFetch
  readonly downloadLimiter: RateLimiter
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly random: Random
  /** A request has ended: others may ask. */
  readonly onFree: () => void
}

export class OriginGate {
  readonly #parts: OriginGateParts
  /** Pauses for single contents that failed, the newest last. */
  readonly #contents = new Map<Sha256, Pause>()
  #origin: Pause = { failures: 0, untilMs: 0 }
  #busy = 0
  /** It is about to be told that others may ask. */
  #freeing = false
  #receivedBytes = 0

  constructor(parts: OriginGateParts) {
    this.#parts = parts
  }

  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /** Is the origin left alone now, was it until now, or does it answer? */
  get mood(): 'paused' | 'failing' | 'well' {
    if (this.#parts.clock.monotonicMs() < this.#origin.untilMs) return 'paused'
    return this.#origin.failures > 0 ? 'failing' : 'well'
  }

  /** Requests of up to `length` bytes that may be started now. */
  freeSlots(length: number): number {
    const { mood } = this
    if (mood === 'paused') return 0
    // After a failure one request goes ahead to see whether the origin is back.
    if (mood === 'failing') return this.#busy === 0 ? 1 : 0
    const most = Math.max(1, Math.min(originRequests, Math.floor(originInFlightBytes / length)))
    return Math.max(0, most - this.#busy)
  }

  mayAsk(sha256: Sha256): boolean {
    if (this.#contents.size === 0) return true
    const pause = this.#contents.get(sha256)
    return pause === undefined || this.#parts.clock.monotonicMs() >= pause.untilMs
  }

  /** The bytes of a range; on failure the origin, or this content, is left alone for a while. */
  async get(
    sha256: Sha256,
    offset: number,
    length: number,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    this.#busy++
    try {
      const data = await this.#receive(sha256, offset, length, signal)
      this.praise(sha256)
      return data
    } catch (error) {
      if (!signal.aborted) this.blame(sha256, error)
      throw error
    } finally {
      this.#busy--
      this.freed()
    }
  }

  /** Others may ask: a request, or a part of one, was answered or failed. */
  freed(): void {
    if (this.#freeing) return
    this.#freeing = true
    queueMicrotask(() => {
      this.#freeing = false
      this.#parts.onFree()
    })
  }

  /** The origin gave what was asked of it. */
  praise(sha256: Sha256): void {
    this.#origin = { failures: 0, untilMs: 0 }
    this.#contents.delete(sha256)
  }

  /** Bytes of contents have come from the origin. */
  received(bytes: number): void {
    this.#receivedBytes += bytes
  }

  /** The origin sent bytes that are not this content's. */
  distrust(sha256: Sha256): void {
    this.blame(sha256, new MirrorswarmError('MS_CONTENT_MISMATCH', `bad bytes of ${sha256}`))
  }

  #pauseContent(sha256: Sha256, pause: Pause): void {
    this.#contents.delete(sha256)
    this.#contents.set(sha256, pause)
    const [oldest] = this.#contents.keys()
    if (this.#contents.size > pausedContents && oldest !== undefined) this.#contents.delete(oldest)
  }

  async #receive(
    sha256: Sha256,
    offset: number,
    length: number,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const body = await this.#parts.fetch(sha256, offset, length, signal)
    const ended = Promise.withResolvers<never>()
    // A body that neither moves nor ends must not keep its place for ever.
    const stop = (): void => ended.reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    try {
      signal.throwIfAborted()
      return await Promise.race([this.#fill(body, length, signal), ended.promise])
    } finally {
      signal.removeEventListener('abort', stop)
      body.destroy()
    }
  }

  async #fill(body: Readable, length: number, signal: AbortSignal): Promise<Uint8Array> {
    const data = Buffer.allocUnsafe(length)
    let received = 0
    for await (const part of body) {
      await this.#parts.downloadLimiter.take(part.length, 'swarm', signal)
      this.received(part.length)
      if (received + part.length > length) throw oddAnswer('more bytes than were asked for')
      data.set(part, received)
      received += part.length
    }
    if (received < length) throw oddAnswer('less bytes than were asked for')
    return data
  }

  /** The origin, or if the error is about it this content, is left alone for a while. */
  blame(sha256: Sha256, error: unknown): void {
    const nowMs = this.#parts.clock.monotonicMs()
    const next = (pause: Pause | undefined): Pause => {
      const failures = (pause?.failures ?? 0) + 1
      const range = { firstMs: originRetryMs, ceilingMs: originRetryCeilingMs }
      const waitMs = backoffMs(failures, this.#parts.random(), range, retryAfterOf(error))
      return { failures, untilMs: nowMs + waitMs }
    }
    if (aboutContent(error)) this.#pauseContent(sha256, next(this.#contents.get(sha256)))
    else if (nowMs >= this.#origin.untilMs) this.#origin = next(this.#origin)
  }
}

export const oddAnswer = (what: string): MirrorswarmError =>
  new MirrorswarmError('MS_ANSWER_INVALID', `the origin sent ${what}`)
