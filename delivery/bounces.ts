// What a volunteer puts behind the "?direct" of a client that it sends back: why, signed with the
// key that it shares with the origin. So nobody else can claim the room that is kept for bounces.

import { createHmac, timingSafeEqual } from 'node:crypto'
import { bounceLifetimeSeconds } from '../core/healing-limits.ts'
import { isVolunteerName, type RepoPath, type Sha256, type VolunteerName } from '../core/ids.ts'
import type { LinkKey } from './links.ts'

/** Why, and the letter that stands for it. */
const letters = {
  expired: 'e',
  draining: 'd',
  'outside hours': 'h',
  full: 'f',
  'not held': 'n',
} as const

export type BounceReason = keyof typeof letters

export const bounceReasons = Object.keys(letters) as readonly BounceReason[]

/** What was bounced; the content is not in the text, since the origin knows it by the path. */
export interface Bounced {
  readonly path: RepoPath
  readonly sha256: Sha256
  readonly reason: BounceReason
}

export interface BounceClaim {
  readonly volunteer: VolunteerName
  readonly reason: BounceReason
  /** Seconds since 1970 on the origin's clock. */
  readonly expiresSeconds: number
  readonly signature: string
}

const signatureBytes = 16
const pattern = /^([a-z0-9-]{1,63})\.([edhfn])\.([1-9a-z][0-9a-z]{0,9})\.([A-Za-z0-9_-]{22})$/

const signatureOf = (key: LinkKey, bounced: Bounced, expiresSeconds: number): string =>
  createHmac('sha256', key.secret)
    .update(
      `mirrorswarm bounce v1\n${key.volunteer}\n${bounced.path}\n${bounced.sha256}\n` +
        `${bounced.reason}\n${expiresSeconds}`,
    )
    .digest()
    .subarray(0, signatureBytes)
    .toString('base64url')

/** The value of "direct=": `NAME.REASON.EXPIRY.SIGNATURE`, which no client rewrites. */
export const signBounce = (key: LinkKey, bounced: Bounced, nowSeconds: number): string => {
  const expiresSeconds = nowSeconds + bounceLifetimeSeconds
  const signature = signatureOf(key, bounced, expiresSeconds)
  return `${key.volunteer}.${letters[bounced.reason]}.${expiresSeconds.toString(36)}.${signature}`
}

/** Null: not the value of a bounce (as the empty one of a plain "?direct"). */
export const parseBounce = (text: string): BounceClaim | null => {
  const [, name = '', letter = '', expiry = '', signature = ''] = pattern.exec(text) ?? []
  const reason = bounceReasons.find(each => letters[each] === letter)
  if (!isVolunteerName(name) || reason === undefined) return null
  return { volunteer: name, reason, expiresSeconds: Number.parseInt(expiry, 36), signature }
}

/** Whether the volunteer that has this key made the claim, lately, for this content at this path. */
export const verifyBounce = (
  key: LinkKey,
  claim: BounceClaim,
  target: { readonly path: RepoPath; readonly sha256: Sha256 },
  nowSeconds: number,
): boolean => {
  if (claim.volunteer !== key.volunteer) return false
  if (claim.expiresSeconds < nowSeconds) return false
  if (claim.expiresSeconds > nowSeconds + 2 * bounceLifetimeSeconds) return false
  const { reason, expiresSeconds, signature } = claim
  const genuine = signatureOf(key, { ...target, reason }, expiresSeconds)
  return (
    genuine.length === signature.length &&
    timingSafeEqual(Buffer.from(genuine), Buffer.from(signature))
  )
}
