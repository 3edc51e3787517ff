// Signs links to one volunteer, as links.ts does and several times as fast: HMAC by two hashes in one
// call each, with the key's halves kept. It is on the path of every redirect.

import { createHash, hash } from 'node:crypto'
import type { RepoPath, Sha256, VolunteerName } from '../core/ids.ts'
import { requestPathBytes } from '../core/limits.ts'
import type { LinkKey, LinkTarget } from './links.ts'

const blockBytes = 64
const digestBytes = 32
const signatureCharacters = 22
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Behind 16 bytes a base64 digit has four spare bits, which a longer text fills: clear them. */
const lastDigits = new Map<string, string>(
  [...alphabet].map((digit, value) => [digit, alphabet[value & 0b110000] ?? digit]),
)

/** Name, path, hash, expiry and the three separators. */
const messageBytes = 64 + requestPathBytes + 64 + 24

/** Shared by all signers: nothing of it outlives a call. */
const inner = Buffer.alloc(blockBytes + messageBytes)
const outer = Buffer.alloc(blockBytes + digestBytes)

const paddedKey = (secret: Uint8Array, pad: number): Buffer => {
  const short =
    secret.length > blockBytes ? createHash('sha256').update(secret).digest() : Buffer.from(secret)
  const block = Buffer.alloc(blockBytes, pad)
  for (const [index, byte] of short.entries()) block[index] = byte ^ pad
  return block
}

/** The `c=` of a link: the hash as base64url. */
export const linkContent = (sha256: Sha256): string =>
  Buffer.from(sha256, 'hex').toString('base64url')

export class LinkSigner {
  readonly #volunteer: VolunteerName
  readonly #innerKey: Buffer
  readonly #outerKey: Buffer

  /** RFC 2104 with SHA-256. */
  constructor({ volunteer, secret }: LinkKey) {
    this.#volunteer = volunteer
    this.#innerKey = paddedKey(secret, 0x36)
    this.#outerKey = paddedKey(secret, 0x5c)
  }

  /** What signLink gives; `content`: linkContent of the target's hash, where the caller has it. */
  sign(target: LinkTarget, content = linkContent(target.sha256)): string {
    const { path, sha256, expiresSeconds } = target
    const signature = this.#signature(path, sha256, expiresSeconds)
    return `c=${content}&e=${expiresSeconds.toString(36)}&s=${signature}`
  }

  #signature(path: RepoPath, sha256: Sha256, expires: number): string {
    const message = `${this.#volunteer}\n${path}\n${sha256}\n${expires}`
    // Canonical paths are ASCII; a longer one than any request's would be cut, so it is refused.
    if (message.length > messageBytes) throw new RangeError('the path is too long for a link')
    this.#innerKey.copy(inner)
    const length = blockBytes + inner.write(message, blockBytes, 'latin1')
    this.#outerKey.copy(outer)
    outer.write(hash('sha256', inner.subarray(0, length), 'binary'), blockBytes, 'latin1')
    const text = hash('sha256', outer, 'base64url')
    const last = text[signatureCharacters - 1] ?? ''
    return text.slice(0, signatureCharacters - 1) + (lastDigits.get(last) ?? last)
  }
}
