// Who may do what: the operator by a bearer token, volunteers by their signature. Reading is for
// everybody unless a route asks for one of these.

import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../core/clock.ts'
import { MirrorswarmError } from '../core/errors.ts'
import type { VolunteerName } from '../core/ids.ts'
import { sha256Hex } from '../core/keys.ts'
import type { VolunteerRecord } from '../tracker/events.ts'
import {
  isTimely,
  parseRequestSignature,
  type RequestSignature,
  verifyRequest,
} from '../tracker/request-signature.ts'
import type { Tracker } from '../tracker/tracker.ts'
import { originalTarget } from './http.ts'
import { splitTarget } from './logic/public-url.ts'

export interface AuthorityParts {
  readonly tracker: Pick<Tracker, 'volunteer'>
  readonly operatorToken: string
  readonly prefix: string
  readonly clock: Pick<Clock, 'nowMs'>
}

export class Authority {
  readonly #parts: AuthorityParts
  /** Hashes are compared, so that neither length nor content shows in the time taken. */
  readonly #operatorHash: Buffer
  /** Of enrolled volunteers: when the newest request was signed that changes an enrolment. */
  readonly #newestMs = new Map<VolunteerName, number>()

  constructor(parts: AuthorityParts) {
    this.#parts = parts
    this.#operatorHash = Buffer.from(sha256Hex(parts.operatorToken), 'hex')
  }

  isOperator(request: IncomingMessage): boolean {
    const [, token = ''] = /^Bearer ([\x21-\x7e]{1,200})$/.exec(authorization(request)) ?? []
    return timingSafeEqual(Buffer.from(sha256Hex(token), 'hex'), this.#operatorHash)
  }

  /** Throws MS_AUTH_REQUIRED or MS_AUTH_REFUSED unless the operator asks. */
  requireOperator(request: IncomingMessage): void {
    if (this.isOperator(request)) return
    throw authorization(request) === ''
      ? new MirrorswarmError('MS_AUTH_REQUIRED', 'this is for the operator')
      : new MirrorswarmError('MS_AUTH_REFUSED', 'the operator token is not that of this origin')
  }

  /**
   * The enrolled volunteer that signed this request; null when it is not signed at all. Throws
   * MS_AUTH_REFUSED for a signature that is not that volunteer's, MS_CLOCK_SKEWED for one of another
   * time.
   */
  volunteerOf(request: IncomingMessage, body?: Uint8Array): VolunteerRecord | null {
    const claim = parseRequestSignature(request.headers.authorization)
    if (claim === null) return null
    const record = this.#parts.tracker.volunteer(claim.name)
    if (record === null || !this.#isSigned(request, claim, record.publicKey, body)) {
      throw new MirrorswarmError('MS_AUTH_REFUSED', `the signature is not that of ${claim.name}`)
    }
    this.#requireTimely(claim)
    return record
  }

  /** Throws MS_AUTH_REQUIRED or MS_AUTH_REFUSED unless an enrolled volunteer asks. */
  requireVolunteer(request: IncomingMessage, body?: Uint8Array): VolunteerRecord {
    const record = this.volunteerOf(request, body)
    if (record !== null) return record
    throw new MirrorswarmError('MS_AUTH_REQUIRED', 'this is for enrolled volunteers')
  }

  /**
   * Whether the request is signed by the owner of the key that an enrolled volunteer has, after all
   * others that this was asked of: one that is repeated would undo what came later. Throws
   * MS_CLOCK_SKEWED.
   */
  isNewestSignedBy(request: IncomingMessage, publicKey: string, body: Uint8Array): boolean {
    const claim = parseRequestSignature(request.headers.authorization)
    if (claim === null || !this.#isSigned(request, claim, publicKey, body)) return false
    if (this.#parts.tracker.volunteer(claim.name)?.publicKey !== publicKey) return false
    this.#requireTimely(claim)
    if (claim.timeMs <= (this.#newestMs.get(claim.name) ?? 0)) return false
    this.#newestMs.set(claim.name, claim.timeMs)
    return true
  }

  #requireTimely(claim: RequestSignature): void {
    const nowMs = this.#parts.clock.nowMs()
    if (isTimely(claim, nowMs)) return
    const seconds = Math.round((claim.timeMs - nowMs) / 1000)
    throw new MirrorswarmError(
      'MS_CLOCK_SKEWED',
      `the request of ${claim.name} was signed ${Math.abs(seconds)} s ${seconds < 0 ? 'ago' : 'ahead'}`,
    )
  }

  #isSigned(
    request: IncomingMessage,
    claim: RequestSignature,
    publicKey: string,
    body?: Uint8Array,
  ): boolean {
    const { raw, query } = splitTarget(originalTarget(request), this.#parts.prefix)
    const path = query === '' ? raw : `${raw}?${query}`
    const method = request.method ?? 'GET'
    return verifyRequest({ method, path, ...(body ? { body } : {}) }, claim, publicKey)
  }
}

const authorization = (request: IncomingMessage): string => request.headers.authorization ?? ''
