// Carries out the origin's orders to look at another volunteer as a client would: fetches a part of
// a link there and reports what came. Nothing but a path at a volunteer of the roster is ever asked
// for, and little of it, seldom.

import { createHash, type KeyObject } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../core/clock.ts'
import { describeError, isMirrorswarmError, MirrorswarmError } from '../core/errors.ts'
import { auditOrderMs, auditOrdersAtOnce, auditOrdersPerHour } from '../core/healing-limits.ts'
import type { VolunteerName } from '../core/ids.ts'
import type { Logger } from '../core/log.ts'
import { isCanonicalPath } from '../core/repo-path.ts'
import { type Sample, type SampleRequest, sampleDownload } from '../core/sample-download.ts'
import type { LinkKey } from '../delivery/links.ts'
import {
  type AuditOrder,
  type AuditReport,
  decodeOrder,
  encodeReport,
} from '../tracker/audit-order.ts'

export interface AuditOrdersParts {
  readonly linkKey: LinkKey
  readonly privateKey: KeyObject
  readonly roster: { urlOf(name: VolunteerName): string | null }
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** Milliseconds since 1970 on the origin's clock. */
  readonly originNowMs: () => number
  readonly isWithinHours: () => boolean
  readonly isDraining: () => boolean
  /** Waits until so many bytes may be received. */
  readonly takeDownload: (bytes: number, signal: AbortSignal) => Promise<void>
  readonly logger: Logger
}

export interface AuditOrdersOptions {
  /** Loopback addresses are looked at only where this volunteer itself is on one. */
  readonly allowLoopback: boolean
  /** Cuts what is under way. */
  readonly signal: AbortSignal
  /** For tests. */
  readonly localAddress?: string
}

const hourMs = 3_600_000

const reportOf = (id: string, sample: Sample): AuditReport => ({
  id,
  end: sample.end,
  status: sample.status,
  location: sample.location.replace(/[^ -~]/g, '?'),
  contentLength: sample.contentLength,
  contentRange: sample.contentRange.replace(/[^ -~]/g, '?'),
  receivedBytes: sample.body.length,
  sha256: createHash('sha256').update(sample.body).digest('hex'),
  elapsedMs: Math.round(sample.elapsedMs),
})

const refuse = (code: 'MS_AUTH_REFUSED' | 'MS_REQUEST_INVALID', why: string): never => {
  throw new MirrorswarmError(code, why)
}

export class AuditOrders {
  readonly #parts: AuditOrdersParts
  readonly #options: AuditOrdersOptions
  /** No order is carried out twice. */
  readonly #seen = new LRUCache<string, true>({ max: 2 * auditOrdersPerHour })
  #startedMs: number[] = []
  #active = 0

  constructor(parts: AuditOrdersParts, options: AuditOrdersOptions) {
    this.#parts = parts
    this.#options = options
  }

  /** `POST /-/v1/audits`. Never rejects. */
  async answer(
    _request: IncomingMessage,
    response: ServerResponse,
    body: Uint8Array,
  ): Promise<void> {
    try {
      const report = await this.#carryOut(this.#admit(body))
      const { linkKey, privateKey } = this.#parts
      this.#send(response, 200, encodeReport(linkKey.volunteer, report, privateKey))
    } catch (error) {
      const known = isMirrorswarmError(error)
      if (!known) this.#parts.logger.warn({ error: describeError(error) }, 'an audit failed')
      const { status, code, message, hint } = known
        ? error
        : new MirrorswarmError('MS_INTERNAL', 'this volunteer failed', { cause: error })
      this.#send(response, status, JSON.stringify({ error: { code, message, hint } }))
    }
  }

  /** The request of a genuine, new order for a volunteer of the roster. */
  #admit(body: Uint8Array): { readonly id: string; readonly request: SampleRequest } {
    const { linkKey, roster, originNowMs, isDraining, isWithinHours } = this.#parts
    const order = decodeOrder(linkKey, parseBody(body))
    if (order === null) return refuse('MS_AUTH_REFUSED', 'the order is not the origin’s')
    const leftMs = order.expiresSeconds * 1000 - originNowMs()
    if (leftMs < 0 || leftMs > 2 * auditOrderMs) refuse('MS_AUTH_REFUSED', 'the order is old')
    if (this.#seen.has(order.id)) refuse('MS_AUTH_REFUSED', 'the order was carried out')
    const url = roster.urlOf(order.target)
    if (url === null) return refuse('MS_REQUEST_INVALID', `${order.target} is not known here`)
    if (!isCanonicalPath(order.path) || /^-(?:\/|$)/.test(order.path)) {
      refuse('MS_REQUEST_INVALID', 'that is no path of a repository')
    }
    if (isDraining() || !isWithinHours() || !this.#hasRoom()) {
      throw new MirrorswarmError('MS_VOLUNTEER_BUSY', 'this volunteer carries out no order now')
    }
    this.#seen.set(order.id, true)
    return { id: order.id, request: requestOf(order, url) }
  }

  #hasRoom(): boolean {
    const nowMs = this.#parts.clock.monotonicMs()
    this.#startedMs = this.#startedMs.filter(startMs => nowMs - startMs < hourMs)
    if (this.#active >= auditOrdersAtOnce) return false
    if (this.#startedMs.length >= auditOrdersPerHour) return false
    this.#startedMs.push(nowMs)
    return true
  }

  async #carryOut(work: {
    readonly id: string
    readonly request: SampleRequest
  }): Promise<AuditReport> {
    const { signal, allowLoopback, localAddress } = this.#options
    this.#active++
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(auditOrderMs)])
      await this.#parts.takeDownload(work.request.takeBytes, limit)
      const sample = await sampleDownload(work.request, {
        ...{ allowLoopback, signal: limit },
        ...(localAddress === undefined ? {} : { localAddress }),
      })
      return reportOf(work.id, sample)
    } finally {
      this.#active--
    }
  }

  #send(response: ServerResponse, status: number, text: string): void {
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(text)),
      'cache-control': 'no-store',
    })
    response.end(text)
  }
}

const parseBody = (body: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'))
  } catch (error) {
    throw new MirrorswarmError('MS_REQUEST_INVALID', 'the order is not JSON', { cause: error })
  }
}

const requestOf = (order: AuditOrder, url: string): SampleRequest => ({
  url: `${url}/${order.path}?${order.query}`,
  method: 'GET',
  headers: order.headers.map(([name, value]) => [name, value] as const),
  takeBytes: order.takeBytes,
})
