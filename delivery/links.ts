// Signed links: what the origin puts behind a volunteer's URL and the volunteer checks before it
// serves. Bound to volunteer, path, content and expiry by a key that only these two know.

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { RepoPath, Sha256, VolunteerName } from '../core/ids.ts'
import { linkLifetimeSeconds } from '../core/limits.ts'

/** What origin and volunteer share: `secret` is agreeOnSecret(…, 'mirrorswarm link v1'). */
export interface LinkKey {
  readonly volunteer: VolunteerName
  readonly secret: Uint8Array
}

export interface LinkTarget {
  readonly path: RepoPath
  readonly sha256: Sha256
  /** Seconds since 1970 on the origin's clock; see linkExpiry. */
  readonly expiresSeconds: number
}

/**
 * The verdict on a request. `unsigned`: no trace of a signature. `forged`: anything but a genuine
 * one. `expired`: genuine, too late; the content that was meant is told, so it can be bounced.
 */
export type LinkVerdict =
  | { readonly ok: true; readonly sha256: Sha256 }
  | { readonly ok: false; readonly reason: 'unsigned' | 'forged' }
  | { readonly ok: false; readonly reason: 'expired'; readonly sha256: Sha256 }

const signatureBytes = 16
const contentPattern = /^[A-Za-z0-9_-]{43}$/
/** Base 36 without leading zeros; ten digits stay below 2^53. */
const expiryPattern = /^[1-9a-z][0-9a-z]{0,9}$/
const signaturePattern = /^[A-Za-z0-9_-]{22}$/

/**
 * When a link made now expires: valid for at least `linkLifetimeSeconds` and at most twice that,
 * rounded so that links made in the same window are equal and may be cached.
 */
export const linkExpiry = (nowSeconds: number): number =>
  (Math.floor(nowSeconds / linkLifetimeSeconds) + 2) * linkLifetimeSeconds

const signatureOf = (key: LinkKey, path: string, sha256: string, expires: number): string =>
  createHmac('sha256', key.secret)
    .update(`${key.volunteer}\n${path}\n${sha256}\n${expires}`)
    .digest()
    .subarray(0, signatureBytes)
    .toString('base64url')

/**
 * The query (without "?") of a link: `c=CONTENT&e=EXPIRY&s=SIGNATURE`, made of letters, digits, "-"
 * and "_" only, so that no client rewrites it. The URL's path must be `target.path`, canonical.
 */
export const signLink = (key: LinkKey, target: LinkTarget): string => {
  const content = Buffer.from(target.sha256, 'hex').toString('base64url')
  const signature = signatureOf(key, target.path, target.sha256, target.expiresSeconds)
  return `c=${content}&e=${target.expiresSeconds.toString(36)}&s=${signature}`
}

type LinkFields = { c?: string; e?: string; s?: string }

/** The three parameters of a query in any order; null when one of them stands there twice. */
const fieldsOf = (query: string): LinkFields | null => {
  const fields: LinkFields = {}
  for (const parameter of (query.startsWith('?') ? query.slice(1) : query).split('&')) {
    const equals = parameter.indexOf('=')
    const name = equals < 0 ? parameter : parameter.slice(0, equals)
    if (name !== 'c' && name !== 'e' && name !== 's') continue
    if (fields[name] !== undefined) return null
    fields[name] = equals < 0 ? '' : parameter.slice(equals + 1)
  }
  return fields
}

/** What the query of a link says about its expiry, genuine or not; null: nothing. */
export const linkExpiryOf = (query: string): number | null => {
  const text = fieldsOf(query)?.e
  return text !== undefined && expiryPattern.test(text) ? Number.parseInt(text, 36) : null
}

const equalTexts = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))

/**
 * Judge the query of a request as it stood on the wire, with or without "?". Never throws. Further
 * parameters are ignored. `path` is the request's path in canonical form.
 */
export const verifyLink = (
  key: LinkKey,
  path: RepoPath,
  query: string,
  nowSeconds: number,
): LinkVerdict => {
  const forged = { ok: false, reason: 'forged' } as const
  const fields = fieldsOf(query)
  if (fields === null) return forged
  const { c, e, s } = fields
  if (c === undefined && e === undefined && s === undefined)
    return { ok: false, reason: 'unsigned' }
  if (c === undefined || e === undefined || s === undefined) return forged
  if (!contentPattern.test(c) || !expiryPattern.test(e) || !signaturePattern.test(s)) return forged
  const content = Buffer.from(c, 'base64url')
  // The last digit has spare bits: only the one spelling that signLink makes is genuine.
  if (content.toString('base64url') !== c) return forged
  const sha256 = content.toString('hex') as Sha256
  const expires = Number.parseInt(e, 36)
  if (!equalTexts(signatureOf(key, path, sha256, expires), s)) return forged
  return nowSeconds <= expires ? { ok: true, sha256 } : { ok: false, reason: 'expired', sha256 }
}
