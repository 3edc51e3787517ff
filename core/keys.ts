// Keys: Ed25519 signs (RFC 8032), X25519 with HKDF agrees on a shared secret (RFC 7748, RFC 5869),
// so that no secret ever travels.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { writeFileDurably } from './durable-file.ts'
import { MirrorswarmError, systemCode } from './errors.ts'

export type KeyKind = 'ed25519' | 'x25519'

export interface KeyPair {
  readonly privateKey: KeyObject
  /** The raw 32 bytes of the public key in base64url. */
  readonly publicKey: string
}

const rawPublicKey = (key: KeyObject): string => {
  const jwk = createPublicKey(key).export({ format: 'jwk' })
  if (typeof jwk.x !== 'string') throw new MirrorswarmError('MS_INTERNAL', 'a key without x')
  return jwk.x
}

export const generateKeys = (kind: KeyKind): KeyPair => {
  const { privateKey } =
    kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519')
  return { privateKey, publicKey: rawPublicKey(privateKey) }
}

/** Read the PEM file of a private key, or make one (mode 600) when there is none. */
export const loadOrCreateKeys = async (file: string, kind: KeyKind): Promise<KeyPair> => {
  try {
    const privateKey = createPrivateKey(await readFile(file))
    if (privateKey.asymmetricKeyType !== kind) {
      throw new MirrorswarmError('MS_DATA_CORRUPT', `${file} is not an ${kind} key`)
    }
    return { privateKey, publicKey: rawPublicKey(privateKey) }
  } catch (error) {
    if (error instanceof MirrorswarmError) throw error
    if (systemCode(error) !== 'ENOENT') {
      throw new MirrorswarmError('MS_DATA_CORRUPT', `cannot read the key ${file}`, { cause: error })
    }
  }
  const pair = generateKeys(kind)
  await writeFileDurably(file, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }), 0o600)
  return pair
}

/** The key object of 32 raw bytes in base64url; throws MS_REQUEST_INVALID for anything else. */
export const importPublicKey = (text: string, kind: KeyKind): KeyObject => {
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) {
    throw new MirrorswarmError('MS_REQUEST_INVALID', 'a public key is not 32 bytes in base64url')
  }
  const crv = kind === 'ed25519' ? 'Ed25519' : 'X25519'
  return createPublicKey({ key: { kty: 'OKP', crv, x: text }, format: 'jwk' })
}

/** Ed25519 signature in base64url. */
export const signText = (text: string, privateKey: KeyObject): string =>
  sign(null, Buffer.from(text), privateKey).toString('base64url')

export const verifyText = (text: string, signature: string, publicKey: KeyObject): boolean =>
  verify(null, Buffer.from(text), publicKey, Buffer.from(signature, 'base64url'))

/** Some keys (of small order, RFC 7748, 6.1) agree with everyone on the same, which is no secret. */
const agree = (own: KeyObject, theirs: KeyObject): Buffer => {
  try {
    return diffieHellman({ privateKey: own, publicKey: theirs })
  } catch (error) {
    throw new MirrorswarmError('MS_REQUEST_INVALID', 'no secret can be agreed on with that key', {
      cause: error,
    })
  }
}

/**
 * 32 bytes that only the two owners of the X25519 keys know; `purpose` separates uses. Throws
 * MS_REQUEST_INVALID for a key with which there is no secret.
 */
export const agreeOnSecret = (own: KeyObject, theirs: KeyObject, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', agree(own, theirs), '', purpose, 32))

export const sha256Hex = (data: Uint8Array | string): string =>
  createHash('sha256').update(data).digest('hex')
