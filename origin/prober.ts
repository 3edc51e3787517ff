// Asks a volunteer's public URL to sign a nonce: proof that the URL leads to the owner of the key
// and can be reached. Addresses where nobody's server is are never connected to.

import { randomBytes } from 'node:crypto'
import { Agent, request } from 'undici'
import { describeError, MirrorswarmError } from '../core/errors.ts'
import { guardedLookup, isVolunteerAddress } from '../core/guarded-lookup.ts'
import { auditOrderMs, auditReportBytes } from '../core/healing-limits.ts'
import type { VolunteerName } from '../core/ids.ts'
import { importPublicKey, verifyText } from '../core/keys.ts'
import { concurrentProbes, probeAnswerBytes, probeTimeoutMs } from '../core/limits.ts'

export interface ProbeTarget {
  readonly name: VolunteerName
  readonly url: string
  /** Raw Ed25519 key in base64url. */
  readonly publicKey: string
}

export type ProbeResult =
  | { readonly reachable: true }
  | { readonly reachable: false; readonly reason: string }

/** What a volunteer signs to show that it owns a URL. */
export const enrolmentText = (nonce: string, name: VolunteerName): string =>
  `mirrorswarm enrolment\n${nonce}\n${name}`

/**
 * The canonical form of a volunteer's public URL, without trailing slash. Throws MS_URL_REFUSED for
 * anything but http(s), and for literal addresses that are not a volunteer's.
 */
export const checkVolunteerUrl = (text: string, allowLoopback: boolean): string => {
  const refuse = (reason: string): never => {
    throw new MirrorswarmError('MS_URL_REFUSED', `${text.slice(0, 200)} ${reason}`)
  }
  const url = URL.parse(text)
  if (url === null || text.length > 1024) return refuse('is not a URL')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return refuse('is not http or https')
  if (url.username !== '' || url.password !== '') return refuse('contains credentials')
  if (url.search !== '' || url.hash !== '') return refuse('has a query or fragment')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const literal = /^[0-9.]+$/.test(host) || host.includes(':')
  if (literal && !isVolunteerAddress(host, allowLoopback))
    return refuse('is not an address others can reach')
  if (!allowLoopback && /(?:^|\.)localhost\.?$/.test(host)) return refuse('names only this machine')
  return url.href.replace(/\/+$/, '')
}

export class Prober {
  readonly #agent: Agent

  constructor(options: { allowLoopback: boolean }) {
    const lookup = guardedLookup(options.allowLoopback)
    this.#agent = new Agent({
      connections: concurrentProbes,
      connect: { lookup, timeout: probeTimeoutMs },
      headersTimeout: probeTimeoutMs,
      bodyTimeout: probeTimeoutMs,
    })
  }

  /** One probe; never throws for what the other side does. Redirects are not followed. */
  async probe(target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> {
    const nonce = randomBytes(16).toString('hex')
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(probeTimeoutMs)])
    try {
      const answer = await request(`${target.url}/-/enrolment/${nonce}`, {
        dispatcher: this.#agent,
        signal: deadline,
      })
      const text = await readBounded(answer.body, probeAnswerBytes)
      if (answer.statusCode !== 200) {
        return { reachable: false, reason: `the URL answers with status ${answer.statusCode}` }
      }
      if (text === null) return { reachable: false, reason: 'the URL answers with a long page' }
      const key = importPublicKey(target.publicKey, 'ed25519')
      return verifyText(enrolmentText(nonce, target.name), text.trim(), key)
        ? { reachable: true }
        : { reachable: false, reason: 'another server answers at this URL' }
    } catch (error) {
      const reason = deadline.aborted
        ? `no answer within ${probeTimeoutMs / 1000} s`
        : describeError(error)
      return { reachable: false, reason }
    }
  }

  /**
   * POST to an address of a volunteer; the answer's JSON. Throws MS_REMOTE_UNREACHABLE for any other
   * answer than 200, MS_ANSWER_INVALID for one that is too long or no JSON.
   */
  async post(url: string, body: string, signal: AbortSignal): Promise<unknown> {
    const answer = await request(url, {
      ...{ dispatcher: this.#agent, signal, method: 'POST', body },
      headers: { 'content-type': 'application/json' },
      headersTimeout: auditOrderMs,
    })
    const text = await readBounded(answer.body, auditReportBytes)
    if (answer.statusCode !== 200) {
      const status = `it answers with status ${answer.statusCode}`
      throw new MirrorswarmError('MS_REMOTE_UNREACHABLE', status)
    }
    try {
      return JSON.parse(text ?? '')
    } catch (error) {
      throw new MirrorswarmError('MS_ANSWER_INVALID', 'the answer is no JSON', { cause: error })
    }
  }

  async stop(): Promise<void> {
    await this.#agent.destroy()
  }
}

const readBounded = async (
  body: AsyncIterable<Buffer>,
  limitBytes: number,
): Promise<string | null> => {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of body) {
    length += part.length
    if (length > limitBytes) return null
    parts.push(part)
  }
  return Buffer.concat(parts).toString('latin1')
}
