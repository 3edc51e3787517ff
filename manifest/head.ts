// The signed head: a small document that names the newest snapshot and the hashes of its parts. The
// root key signs an online key, the online key signs heads; volunteers know only the root key.

import type { KeyObject } from 'node:crypto'
import { MirrorswarmError } from '../core/errors.ts'
import { isSha256, type RepositoryId, type Sha256 } from '../core/ids.ts'
import { importPublicKey, type KeyPair, sha256Hex, signText, verifyText } from '../core/keys.ts'
import { headLifetimeMs, headParts, manifestSegmentBytes } from '../core/limits.ts'
import { chainProblem } from './logic/chain.ts'
import type { DifferencePart, Head, ManifestPart, RepositoryIdentity } from './model.ts'
import type { ManifestReader } from './store/reader.ts'

// A signature for one purpose must not be usable for another.
const headPurpose = 'mirrorswarm head v1\n'
const certificatePurpose = 'mirrorswarm online key v1\n'

/** A text and who signed it. */
interface Signed {
  readonly payload: string
  readonly signature: string
}

/** The repository id that belongs to a root key (raw, base64url). */
export const repositoryIdOf = (rootKey: string): RepositoryId =>
  sha256Hex(Buffer.from(rootKey, 'base64url')) as RepositoryId

/** The root key's word that `onlineKey` may sign heads until `expiresMs`. */
export const certifyOnlineKey = (root: KeyPair, onlineKey: string, expiresMs: number): string => {
  const payload = JSON.stringify({
    repositoryId: repositoryIdOf(root.publicKey),
    onlineKey,
    expiresMs,
  })
  const signed: Signed = {
    payload,
    signature: signText(certificatePurpose + payload, root.privateKey),
  }
  return JSON.stringify(signed)
}

/** The head of the newest snapshot, valid from now for `headLifetimeMs`; null before the first. */
export const makeHead = (reader: ManifestReader, nowMs: number): Head | null => {
  const identity = reader.identity()
  const parts = reader.headParts()
  if (identity === null || parts === null) return null
  return { ...identity, ...parts, createdMs: nowMs, expiresMs: nowMs + headLifetimeMs }
}

/** True when half of a head's time is over: sign it again with a new expiry. */
export const headNeedsRenewal = (head: Head, nowMs: number): boolean =>
  nowMs >= head.createdMs + (head.expiresMs - head.createdMs) / 2

/** The document that volunteers fetch. `certificate` is that of the online key. */
export const signHead = (head: Head, online: KeyPair, certificate: string): string => {
  const payload = JSON.stringify(head)
  return JSON.stringify({
    payload,
    signature: signText(headPurpose + payload, online.privateKey),
    key: online.publicKey,
    certificate,
  })
}

type Fields = Readonly<Record<string, unknown>>

const invalid = (what: string, cause?: unknown): never => {
  throw new MirrorswarmError('MS_MANIFEST_INVALID', `the head ${what}`, { cause })
}

const parse = (text: string): Fields => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return invalid('is no JSON', error)
  }
  return typeof value === 'object' && value !== null ? { ...value } : invalid('is no object')
}

const textIn = (fields: Fields, name: string): string => {
  const value = fields[name]
  return typeof value === 'string' ? value : invalid(`lacks "${name}"`)
}

const countIn = (fields: Fields, name: string): number => {
  const value = fields[name]
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? value
    : invalid(`has a bad "${name}"`)
}

const listIn = (fields: Fields, name: string): Fields[] => {
  const value = fields[name]
  if (!Array.isArray(value) || value.length > headParts) return invalid(`has a bad "${name}"`)
  return value.map(each =>
    typeof each === 'object' && each !== null ? { ...each } : invalid(name),
  )
}

const partIn = (fields: Fields): ManifestPart => {
  const sha256 = textIn(fields, 'sha256')
  const sizeBytes = countIn(fields, 'sizeBytes')
  if (!isSha256(sha256) || sizeBytes > manifestSegmentBytes) return invalid('names a bad part')
  return { sha256: sha256 as Sha256, sizeBytes }
}

const differenceIn = (fields: Fields): DifferencePart => ({
  ...partIn(fields),
  from: countIn(fields, 'from'),
  to: countIn(fields, 'to'),
})

const headIn = (fields: Fields): Head => {
  const checkpoint = fields.checkpoint
  if (typeof checkpoint !== 'object' || checkpoint === null) return invalid('lacks "checkpoint"')
  const start: Fields = { ...checkpoint }
  const head: Head = {
    repositoryId: textIn(fields, 'repositoryId') as RepositoryId,
    epoch: countIn(fields, 'epoch'),
    snapshot: countIn(fields, 'snapshot'),
    createdMs: countIn(fields, 'createdMs'),
    expiresMs: countIn(fields, 'expiresMs'),
    checkpoint: {
      snapshot: countIn(start, 'snapshot'),
      segments: listIn(start, 'segments').map(partIn),
    },
    differences: listIn(fields, 'differences').map(differenceIn),
  }
  const problem = head.epoch < 1 || head.snapshot < 1 ? 'it has no number' : chainProblem(head)
  return problem === null ? head : invalid(`is contradictory: ${problem}`)
}

const checkSignature = (purpose: string, signed: Signed, key: KeyObject, whose: string): void => {
  if (!verifyText(purpose + signed.payload, signed.signature, key)) {
    invalid(`is not signed by the ${whose} key`)
  }
}

/** The online key that a certificate names, if the root key vouches for it now. Throws MS_MANIFEST_INVALID. */
export const certifiedKey = (text: string, rootKey: string, nowMs: number): string => {
  const fields = parse(text)
  const signed = { payload: textIn(fields, 'payload'), signature: textIn(fields, 'signature') }
  checkSignature(certificatePurpose, signed, importPublicKey(rootKey, 'ed25519'), 'root')
  const claims = parse(signed.payload)
  if (textIn(claims, 'repositoryId') !== repositoryIdOf(rootKey)) {
    return invalid('has a certificate for another repository')
  }
  if (countIn(claims, 'expiresMs') <= nowMs)
    return invalid('was signed by a key whose time is over')
  return textIn(claims, 'onlineKey')
}

/**
 * Check a signed head against the pinned root key (raw, base64url). `previous`: the newest snapshot
 * known here, behind which no head may fall. Throws MS_MANIFEST_INVALID.
 */
export const verifyHead = (
  text: string,
  rootKey: string,
  nowMs: number,
  previous?: (RepositoryIdentity & { readonly snapshot: number }) | null,
): Head => {
  const fields = parse(text)
  const signed = { payload: textIn(fields, 'payload'), signature: textIn(fields, 'signature') }
  const online = certifiedKey(textIn(fields, 'certificate'), rootKey, nowMs)
  if (textIn(fields, 'key') !== online) return invalid('names a key that is not certified')
  checkSignature(headPurpose, signed, importPublicKey(online, 'ed25519'), 'online')
  const head = headIn(parse(signed.payload))
  if (head.repositoryId !== repositoryIdOf(rootKey)) return invalid('is for another repository')
  if (head.expiresMs <= nowMs)
    return invalid(`expired at ${new Date(head.expiresMs).toISOString()}`)
  if (previous !== undefined && previous !== null) {
    const older =
      head.epoch < previous.epoch ||
      (head.epoch === previous.epoch && head.snapshot < previous.snapshot)
    if (older) {
      return invalid(
        `is older (epoch ${head.epoch}, snapshot ${head.snapshot}) than what is known ` +
          `(epoch ${previous.epoch}, snapshot ${previous.snapshot})`,
      )
    }
  }
  return head
}
