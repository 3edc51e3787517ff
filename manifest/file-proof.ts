// The origin's signed word that a path has a content: for clients that check one file and want no
// manifest. Signed by the online key, for which the root key vouches, as for heads.

import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { MirrorswarmError } from '../core/errors.ts'
import { isSha256, type RepoPath, type Sha256 } from '../core/ids.ts'
import { importPublicKey, type KeyPair, signText, verifyText } from '../core/keys.ts'
import { certifiedKey, repositoryIdOf } from './head.ts'
import type { RepositoryIdentity } from './model.ts'

const purpose = 'mirrorswarm file v1\n'

export interface FileClaim extends RepositoryIdentity {
  readonly snapshot: number
  readonly path: RepoPath
  readonly sha256: Sha256
  readonly sizeBytes: number
  readonly expiresMs: number
}

/** The document that clients fetch; `vouch` is what the head keeper says of the online key. */
export const signFileProof = (
  claim: FileClaim,
  online: KeyPair,
  vouch: { readonly rootKey: string; readonly certificate: string },
): string => {
  const payload = JSON.stringify(claim)
  const signature = signText(purpose + payload, online.privateKey)
  return JSON.stringify({ payload, signature, key: online.publicKey, ...vouch })
}

const documentSchema = Compile(
  Type.Object({
    payload: Type.String({ maxLength: 64_000 }),
    signature: Type.String({ maxLength: 200 }),
    key: Type.String({ maxLength: 100 }),
    rootKey: Type.String({ maxLength: 100 }),
    certificate: Type.String({ maxLength: 4000 }),
  }),
)

const claimSchema = Compile(
  Type.Object({
    repositoryId: Type.String(),
    epoch: Type.Integer({ minimum: 1 }),
    snapshot: Type.Integer({ minimum: 1 }),
    path: Type.String(),
    sha256: Type.String(),
    sizeBytes: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    expiresMs: Type.Integer({ minimum: 0 }),
  }),
)

const invalid = (what: string, cause?: unknown): MirrorswarmError =>
  new MirrorswarmError('MS_MANIFEST_INVALID', `the origin's word for the file ${what}`, { cause })

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw invalid('is no JSON', error)
  }
}

/** The root key that a document claims to come from, unchecked: for those who pin it at first use. */
export const claimedRootKey = (text: string): string => {
  const document = parse(text)
  if (!documentSchema.Check(document)) throw invalid('lacks something')
  return document.rootKey
}

/** Check a document for a path against the root key. Throws MS_MANIFEST_INVALID. */
export const verifyFileProof = (
  text: string,
  expected: { readonly rootKey: string; readonly path: RepoPath },
  nowMs: number,
): FileClaim => {
  const document = parse(text)
  if (!documentSchema.Check(document)) throw invalid('lacks something')
  const online = certifiedKey(document.certificate, expected.rootKey, nowMs)
  const { payload, signature } = document
  if (document.key !== online) throw invalid('is by a key that is not certified')
  if (!verifyText(purpose + payload, signature, importPublicKey(online, 'ed25519'))) {
    throw invalid('is not signed by the online key')
  }
  const claim = parse(payload)
  if (!claimSchema.Check(claim) || !isSha256(claim.sha256)) throw invalid('claims nothing')
  if (claim.repositoryId !== repositoryIdOf(expected.rootKey)) {
    throw invalid('is for another repository')
  }
  if (claim.path !== expected.path) throw invalid('is about another path')
  if (claim.expiresMs <= nowMs) throw invalid('has expired; is the clock of this machine right?')
  return claim as FileClaim
}
