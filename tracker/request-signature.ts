// How a volunteer shows that a request is its own: an Ed25519 signature (RFC 8032) over method, path
// and body in the authorization header. Who may do what is decided by the caller.

import type { KeyObject } from 'node:crypto'
import { isVolunteerName, type VolunteerName } from '../core/ids.ts'
import { importPublicKey, sha256Hex, signText, verifyText } from '../core/keys.ts'

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
  /** Ed25519, base64url. */
  readonly signature: string
}

const headerPattern = /^Mirrorswarm name="([a-z0-9-]{1,63})", signature="([A-Za-z0-9_-]{86})"$/

const signedText = ({ method, path, body, recipient }: SignedRequest): string =>
  [method, path, sha256Hex(body ?? ''), ...(recipient === undefined ? [] : [recipient])].join('\n')

/** The value of the authorization header for a volunteer's request. */
export const signRequest = (
  request: SignedRequest,
  name: VolunteerName,
  privateKey: KeyObject,
): string => `Mirrorswarm name="${name}", signature="${signText(signedText(request), privateKey)}"`

/** Who claims to have signed; null for a missing header or one of another scheme or form. */
export const parseRequestSignature = (header: string | undefined): RequestSignature | null => {
  const match = header === undefined ? null : headerPattern.exec(header)
  const [, name = '', signature = ''] = match ?? []
  return match !== null && isVolunteerName(name) ? { name, signature } : null
}

/** Whether the claim is true. `publicKey`: the raw 32 bytes in base64url, as enrolled. */
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
): boolean => verifyText(signedText(request), claim.signature, publicKey)
