// How a volunteer shows that a request is its own, and new: an Ed25519 signature (RFC 8032) over
// method, path, body and time in the authorization header. Who may do what is decided by the caller.

import type { KeyObject } from 'node:crypto'
import { isVolunteerName, type VolunteerName } from '../core/ids.ts'
import { importPublicKey, sha256Hex, signText, verifyText } from '../core/keys.ts'
import { requestSkewMs } from '../core/limits.ts'

export interface SignedRequest {
  readonly method: string
  /** Below the origin's public URL, from the "/", with the query as sent: `/-/v1/announce`. */
  readonly path: string
  /** The body as sent (compressed if it was); empty or missing for GET. */
  readonly body?: Uint8Array | string
  /** The volunteer that is asked, so that it cannot pass the request on; missing: the origin. */
  readonly recipient?: VolunteerName
}

export interface RequestSignature {
  readonly name: VolunteerName
  /** When it was signed, on the origin's clock as the sender knows it. */
  readonly timeMs: number
  /** Ed25519, base64url. */
  readonly signature: string
}

const headerPattern =
  /^Mirrorswarm name="([a-z0-9-]{1,63})", time="(0|[1-9]\d{0,14})", signature="([A-Za-z0-9_-]{86})"$/

const signedText = ({ method, path, body, recipient }: SignedRequest, timeMs: number): string => {
  const meant = recipient === undefined ? [] : [recipient]
  return [method, path, sha256Hex(body ?? ''), timeMs, ...meant].join('\n')
}

/** The value of the authorization header for a volunteer's request; whole `timeMs` since 1970. */
export const signRequest = (
  request: SignedRequest,
  name: VolunteerName,
  privateKey: KeyObject,
  timeMs: number,
): string => {
  const signature = signText(signedText(request, timeMs), privateKey)
  return `Mirrorswarm name="${name}", time="${timeMs}", signature="${signature}"`
}

/** Who claims to have signed; null for a missing header or one of another scheme or form. */
export const parseRequestSignature = (header: string | undefined): RequestSignature | null => {
  const match = header === undefined ? null : headerPattern.exec(header)
  const [, name = '', time = '', signature = ''] = match ?? []
  if (match === null || !isVolunteerName(name)) return null
  return { name, timeMs: Number(time), signature }
}

/** Whether it was signed just now: a request that somebody recorded is good for minutes only. */
export const isTimely = ({ timeMs }: RequestSignature, nowMs: number): boolean =>
  Math.abs(nowMs - timeMs) <= requestSkewMs

/** Whether the claim is true, whatever its time. `publicKey`: the raw 32 bytes in base64url, as enrolled. */
export const verifyRequest = (
  request: SignedRequest,
  claim: RequestSignature,
  publicKey: string,
): boolean => verifyRequestBy(request, claim, importPublicKey(publicKey, 'ed25519'))

/** The same for a key that is imported already. */
export const verifyRequestBy = (
  request: SignedRequest,
  claim: RequestSignature,
  publicKey: KeyObject,
): boolean => verifyText(signedText(request, claim.timeMs), claim.signature, publicKey)
