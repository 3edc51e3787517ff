// Signs a volunteer's requests with its key and the origin's time, which it learns from what the
// origin says: a wrong clock of this machine costs one request. It must not know what is asked.

import type { KeyObject } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { discard, type HttpAnswer, type HttpClient } from '../core/http-client.ts'
import type { VolunteerName } from '../core/ids.ts'
import { requestSkewMs } from '../core/limits.ts'
import { type SignedRequest, signRequest } from '../tracker/request-signature.ts'
import { type OriginClock, originNowMs } from './logic/serving.ts'

export interface RequestSignerParts {
  readonly name: VolunteerName
  readonly privateKey: KeyObject
  readonly clock: Clock
}

export class RequestSigner {
  readonly #parts: RequestSignerParts
  #known: OriginClock | null = null

  constructor(parts: RequestSignerParts) {
    this.#parts = parts
  }

  /** The origin's clock as far as it is known; before, this machine's. */
  nowMs(): number {
    const { clock } = this.#parts
    return Math.max(0, Math.floor(originNowMs(this.#known, clock.monotonicMs(), clock.nowMs())))
  }

  /** What the origin's clock says now. */
  learn(originMs: number): void {
    this.#known = { originMs, learnedAtMs: this.#parts.clock.monotonicMs() }
  }

  /** The value of the authorization header. */
  sign(request: SignedRequest): string {
    const { name, privateKey } = this.#parts
    return signRequest(request, name, privateKey, this.nowMs())
  }

  /**
   * Whether a refusal of the origin shows, by its date (RFC 9110, 6.6.1), that requests were signed
   * at a time which it does not take; then it is learned.
   */
  heedRefusal({ status, headers }: Pick<HttpAnswer, 'status' | 'headers'>): boolean {
    const { date } = headers
    const originMs = status === 403 && typeof date === 'string' ? Date.parse(date) : Number.NaN
    if (!(Math.abs(originMs - this.nowMs()) > requestSkewMs - dateGrainMs)) return false
    this.learn(originMs)
    return true
  }
}

/** Dates are in whole seconds, and an answer takes a while. */
const dateGrainMs = 10_000

export interface SendSignedParts {
  readonly http: HttpClient
  readonly signer: RequestSigner
  /** Of the origin or another volunteer, without a slash at the end. */
  readonly url: string
}

/** Send a signed request; once more where the origin teaches that the time was wrong. */
export const sendSigned = async (
  { http, signer, url }: SendSignedParts,
  request: SignedRequest & { readonly method: 'GET' | 'POST' },
  options: {
    readonly headers?: Readonly<Record<string, string>>
    readonly signal: AbortSignal
    readonly timeoutMs?: number
  },
): Promise<HttpAnswer> => {
  const { method, path, body, recipient } = request
  const send = (): Promise<HttpAnswer> =>
    http.send(`${url}${path}`, {
      ...options,
      method,
      ...(body === undefined ? {} : { body }),
      headers: { ...options.headers, authorization: signer.sign(request) },
    })
  const answer = await send()
  // Others than the origin teach nothing.
  if (recipient !== undefined || !signer.heedRefusal(answer)) return answer
  discard(answer)
  return await send()
}
