// Clients' secrets: made here at random, or chosen by a person. The first kind needs a plain hash
// only, since nobody can try 192 bits; a chosen one is stretched by argon2id, on a thread of Node's.

import {
  type Argon2Parameters,
  argon2,
  createHash,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { MirrorswarmError } from '../../core/errors.ts'

/** OWASP's first choice for argon2id: 19 MiB, two passes. */
const memoryKiB = 19_456
const passes = 2
const hashBytes = 32

const stretch = (secret: string, salt: Buffer, memory: number, rounds: number): Promise<Buffer> => {
  const parameters: Argon2Parameters = {
    message: secret.normalize('NFC'),
    nonce: salt,
    parallelism: 1,
    tagLength: hashBytes,
    memory,
    passes: rounds,
  }
  return new Promise((resolve, reject) => {
    argon2('argon2id', parameters, (error, hash) => (error ? reject(error) : resolve(hash)))
  })
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** A secret of 192 bits, of letters, digits, "-" and "_". */
export const makeSecret = (): string => randomBytes(24).toString('base64url')

/** How a made secret is stored. */
export const hashMade = (secret: string): string =>
  `$sha256$${sha256(secret).toString('base64url')}`

/** How a chosen secret is stored: the usual text form of argon2 (PHC). */
export const hashChosen = async (secret: string): Promise<string> => {
  const salt = randomBytes(16)
  const hash = await stretch(secret, salt, memoryKiB, passes)
  const encode = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=1$${encode(salt)}$${encode(hash)}`
}

const equal = (one: Buffer, other: Buffer): boolean =>
  one.length === other.length && timingSafeEqual(one, other)

/** Nobody's hash, so that an unknown name takes as long as a known one. */
const nobody = hashMade(makeSecret())

/**
 * Whether a secret is the one of a stored hash (null: of nobody): at once for a made one, later for
 * a chosen one. Compares in constant time. Throws MS_DATA_CORRUPT for a hash of another form.
 */
export const secretMatches = (
  secret: string,
  stored: string | null,
): boolean | Promise<boolean> => {
  const made = /^\$sha256\$([\w-]{43})$/.exec(stored ?? nobody)
  if (made !== null) {
    return equal(sha256(secret), Buffer.from(made[1] ?? '', 'base64url')) && stored !== null
  }
  const chosen = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=1\$([^$]+)\$([^$]+)$/.exec(stored ?? '')
  if (chosen === null) {
    throw new MirrorswarmError('MS_DATA_CORRUPT', 'a client’s secret is stored in no known form')
  }
  const [, memory = '', rounds = '', salt = '', hash = ''] = chosen
  return stretch(secret, Buffer.from(salt, 'base64'), Number(memory), Number(rounds)).then(found =>
    equal(found, Buffer.from(hash, 'base64')),
  )
}

/** Whether checking this stored hash takes a thread's time. */
export const isSlowToCheck = (stored: string): boolean => stored.startsWith('$argon2id$')
