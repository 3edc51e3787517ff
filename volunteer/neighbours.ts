// Answers other volunteers of the same origin: pieces of many held contents in one answer, contents
// and parts of the manifest by hash. Who asks is known by a signature; what goes out is swarm traffic.

import type { KeyObject } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  rangesAnswers,
  rangesAnswersEach,
  rangesFloorBytesPerSecond,
  rangesFloorMs,
  rangesWaiting,
  rangesWaitingEach,
} from '../core/delta-limits.ts'
import { describeError, isMirrorswarmError, MirrorswarmError, systemCode } from '../core/errors.ts'
import type { Sha256, VolunteerName } from '../core/ids.ts'
import { retryAfterSeconds } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import type { RateLimiter } from '../core/rate-limiter.ts'
import { AnswerSlots, inSlot } from '../delivery/answer-slots.ts'
import { defaultContentType } from '../delivery/content-type.ts'
import { guardOf } from '../delivery/guarded-file.ts'
import { respond } from '../delivery/logic/respond.ts'
import type { ReadBudget } from '../delivery/read-budget.ts'
import { sendRepresentation } from '../delivery/send.ts'
import { acceptsEncoding, sendStream } from '../delivery/send-stream.ts'
import type { Body } from '../delivery/slice-reader.ts'
import type { ObjectStore } from '../manifest/objects.ts'
import type { RangesAnswerer } from '../prsync/ranges-answer.ts'
import { isTimely, parseRequestSignature, verifyRequestBy } from '../tracker/request-signature.ts'
import type { HeldContents } from './held-contents.ts'
import type { Metrics } from './metrics.ts'

export interface NeighbourParts {
  /** The own name: requests must be meant for this volunteer. */
  readonly self: VolunteerName
  /** The keys of the other volunteers, as announces tell them. */
  readonly roster: { keyOf(name: VolunteerName): KeyObject | null }
  readonly contents: HeldContents
  readonly objects: ObjectStore
  readonly ranges: Pick<RangesAnswerer, 'answer'>
  readonly uploadLimiter: RateLimiter
  readonly budget: ReadBudget
  readonly metrics: Metrics
  readonly logger: Logger
  /** The origin's clock. */
  readonly nowMs: () => number
  readonly isWithinHours: () => boolean
  readonly isDraining: () => boolean
}

/** A request and its target as it was signed: below the public URL, from the "/". */
export interface NeighbourRequest {
  readonly raw: IncomingMessage
  readonly response: ServerResponse
  readonly target: string
}

const sendError = (response: ServerResponse, error: MirrorswarmError): void => {
  const { code, message, hint, status } = error
  const body = `${JSON.stringify({ error: { code, message, hint } })}\n`
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
    ...(status === 503 ? { 'retry-after': String(retryAfterSeconds) } : {}),
  })
  response.end(body)
}

const tooMany = (): MirrorswarmError =>
  new MirrorswarmError('MS_VOLUNTEER_BUSY', 'this volunteer answers as many as it may')

export class Neighbours {
  readonly #parts: NeighbourParts
  /** Cuts what is being sent. */
  readonly #signal: AbortSignal
  readonly #slots = new AnswerSlots({
    ...{ inSum: rangesAnswers, each: rangesAnswersEach },
    ...{ waiting: rangesWaiting, waitingEach: rangesWaitingEach },
  })

  constructor(parts: NeighbourParts, signal: AbortSignal) {
    this.#parts = parts
    this.#signal = signal
  }

  /** `POST /-/v1/ranges`. Never rejects. */
  async answerRanges(request: NeighbourRequest, body: Uint8Array): Promise<void> {
    const open = (name: string, signal: AbortSignal): AsyncIterable<Uint8Array> =>
      inSlot(
        () => this.#enter(name, signal),
        () => this.#parts.ranges.answer(body, signal),
      )
    await this.#answer(request, body, async ({ raw, response }, name) => {
      await sendStream(response, signal => open(name, signal), {
        headers: { 'content-type': defaultContentType, 'cache-control': 'no-store' },
        encoding: acceptsEncoding(raw.headers['accept-encoding'], 'zstd') ? 'zstd' : 'identity',
        floor: { bytesPerSecond: rangesFloorBytesPerSecond, graceMs: rangesFloorMs },
        ...this.#sending(),
      })
    })
  }

  /** `GET /-/v1/contents/SHA256`: a held content, or an object of the manifest. Never rejects. */
  async answerContent(request: NeighbourRequest, sha256: Sha256): Promise<void> {
    await this.#answer(request, undefined, async ({ raw, response }, name) => {
      const leave = this.#slots.tryEnter(name)
      if (leave === null) throw tooMany()
      try {
        await this.#sendContent(raw, response, sha256)
      } finally {
        leave()
      }
    })
  }

  async #sendContent(
    raw: IncomingMessage,
    response: ServerResponse,
    sha256: Sha256,
  ): Promise<void> {
    const found = await this.#find(sha256)
    if (found === null) {
      throw new MirrorswarmError('MS_CONTENT_NOT_HELD', `${sha256} is not held here`)
    }
    const decision = respond('GET', raw.headers, {
      sha256,
      sizeBytes: found.guard.sizeBytes,
      modifiedSeconds: found.modifiedSeconds,
      contentType: defaultContentType,
    })
    const { budget } = this.#parts
    const result = await sendRepresentation(response, decision, found, {
      budget,
      ...this.#sending(),
    })
    if (result.headersSent || result.outcome === 'sent') return
    if (result.outcome === 'changed' || result.outcome === 'unreadable') {
      throw new MirrorswarmError('MS_CONTENT_NOT_HELD', `${sha256} is not held here any more`)
    }
  }

  async #enter(name: string, signal: AbortSignal): Promise<() => void> {
    const leave = await this.#slots.enter(name, signal)
    if (leave === null) throw tooMany()
    return leave
  }

  #sending() {
    const { uploadLimiter, metrics } = this.#parts
    return {
      signal: this.#signal,
      onBytes: (bytes: number) => metrics.addSent('sync', bytes),
      ...(uploadLimiter.limits
        ? {
            limiter: {
              take: (bytes: number, signal: AbortSignal) =>
                uploadLimiter.take(bytes, 'swarm', signal),
            },
          }
        : {}),
    }
  }

  async #find(sha256: Sha256) {
    const held = await this.#parts.contents.openFile(sha256)
    return held ?? (await this.#openObject(sha256))
  }

  async #openObject(
    sha256: Sha256,
  ): Promise<(Extract<Body, { handle: unknown }> & { modifiedSeconds: number }) | null> {
    const handle = await open(this.#parts.objects.file(sha256)).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return null
      throw error
    })
    if (handle === null) return null
    try {
      const guard = guardOf(await handle.stat({ bigint: true }))
      return { handle, guard, modifiedSeconds: 0 }
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  async #answer(
    request: NeighbourRequest,
    body: Uint8Array | undefined,
    work: (request: NeighbourRequest, name: VolunteerName) => Promise<void>,
  ): Promise<void> {
    try {
      await work(request, this.#admit(request, body))
    } catch (error) {
      this.#fail(request.response, error)
    }
  }

  /** Strangers learn nothing, not even the owner's hours. */
  #admit(request: NeighbourRequest, body: Uint8Array | undefined): VolunteerName {
    const { isDraining, isWithinHours } = this.#parts
    const name = this.#authenticate(request, body)
    if (isDraining() || !isWithinHours()) {
      throw new MirrorswarmError('MS_VOLUNTEER_BUSY', 'this volunteer does not serve others now')
    }
    return name
  }

  #authenticate({ raw, target }: NeighbourRequest, body: Uint8Array | undefined): VolunteerName {
    const claim = parseRequestSignature(raw.headers.authorization)
    if (claim === null) {
      throw new MirrorswarmError('MS_AUTH_REQUIRED', 'this is for enrolled volunteers')
    }
    const key = this.#parts.roster.keyOf(claim.name)
    const { self: recipient } = this.#parts
    const method = raw.method ?? 'GET'
    const signed = { method, path: target, recipient, ...(body ? { body } : {}) }
    if (key === null || !verifyRequestBy(signed, claim, key)) {
      throw new MirrorswarmError('MS_AUTH_REFUSED', `the signature is not that of ${claim.name}`)
    }
    if (!isTimely(claim, this.#parts.nowMs())) {
      throw new MirrorswarmError('MS_CLOCK_SKEWED', `${claim.name} signed this at another time`)
    }
    return claim.name
  }

  #fail(response: ServerResponse, error: unknown): void {
    const known = isMirrorswarmError(error)
    if (!known) {
      this.#parts.logger.error({ error: describeError(error) }, 'an answer to a volunteer failed')
    }
    if (response.headersSent) response.destroy()
    else {
      sendError(
        response,
        known
          ? error
          : new MirrorswarmError('MS_INTERNAL', 'this volunteer failed', { cause: error }),
      )
    }
  }
}
