// Who this volunteer is and to whom it belongs: keys made once, and the origin's root key, name and
// link key as they were agreed at enrolment. The token is used once and never stored.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Random } from '../core/clock.ts'
import { writeFileDurably } from '../core/durable-file.ts'
import { describeError, isMirrorswarmError, MirrorswarmError, systemCode } from '../core/errors.ts'
import type { HttpClient } from '../core/http-client.ts'
import type { VolunteerName } from '../core/ids.ts'
import {
  agreeOnSecret,
  importPublicKey,
  type KeyPair,
  loadOrCreateKeys,
  sha256Hex,
  signText,
} from '../core/keys.ts'
import { probeTimeoutMs, requestTimeoutMs } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import { messageParser, repositoryIdSchema, volunteerNameSchema } from '../tracker/messages.ts'
import { backoffMs } from './logic/backoff.ts'
import { parseJson, readRefusal } from './origin-client.ts'
import { type RequestSigner, sendSigned } from './request-signer.ts'

const key = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })

const EnrolmentAnswer = Type.Object({
  name: volunteerNameSchema,
  repositoryId: repositoryIdSchema,
  rootKey: key,
  exchangeKey: key,
  intervalMs: Type.Integer({ minimum: 1, maximum: 86_400_000 }),
  reachable: Type.Boolean(),
  reason: Type.Optional(Type.String({ maxLength: 1000 })),
})

/** As it is kept in enrolment.json: no secret in it, those are the keys beside it. */
const Enrolment = Type.Object({
  name: volunteerNameSchema,
  /** The public URL that the origin knows. */
  url: Type.String(),
  repositoryId: repositoryIdSchema,
  rootKey: key,
  exchangeKey: key,
  intervalMs: Type.Integer({ minimum: 1 }),
  /** The own networks that the origin was told of; absent from an older program. */
  networks: Type.Optional(Type.Array(Type.String())),
})
export type Enrolment = Static<typeof Enrolment>

const parseAnswer = messageParser(EnrolmentAnswer, 'answer to the enrolment', 'MS_ANSWER_INVALID')
const storedEnrolment = Compile(Enrolment)

/** The volunteer's own keys. */
export interface Identity {
  readonly signing: KeyPair
  readonly exchange: KeyPair
}

export const loadIdentity = async (folder: string): Promise<Identity> => ({
  signing: await loadOrCreateKeys(join(folder, 'signing.pem'), 'ed25519'),
  exchange: await loadOrCreateKeys(join(folder, 'exchange.pem'), 'x25519'),
})

const enrolmentFile = (folder: string): string => join(folder, 'enrolment.json')

/** What an earlier start agreed with the origin; null before the first. Throws MS_DATA_CORRUPT. */
export const loadEnrolment = async (folder: string): Promise<Enrolment | null> => {
  const file = enrolmentFile(folder)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
  const value: unknown = (() => {
    try {
      return JSON.parse(text)
    } catch {
      // Refused below, with the file's name.
      return null
    }
  })()
  if (storedEnrolment.Check(value)) return value
  throw new MirrorswarmError('MS_DATA_CORRUPT', `cannot read ${file}`)
}

/** The secret behind links to this volunteer, never sent by anyone. */
export const linkSecret = (identity: Identity, enrolment: Enrolment): Buffer =>
  agreeOnSecret(
    identity.exchange.privateKey,
    importPublicKey(enrolment.exchangeKey, 'x25519'),
    'mirrorswarm link v1',
  )

const noncePattern = /^[A-Za-z0-9_-]{16,128}$/

/** What the origin reads at /-/enrolment/NONCE; null for a nonce that no origin makes. */
export const answerNonce = (
  identity: Identity,
  name: VolunteerName,
  nonce: string,
): string | null =>
  noncePattern.test(nonce)
    ? signText(`mirrorswarm enrolment\n${nonce}\n${name}`, identity.signing.privateKey)
    : null

export interface EnrolParts {
  readonly http: HttpClient
  readonly folder: string
  readonly identity: Identity
  readonly signer: RequestSigner
  readonly logger: Logger
  readonly random: Random
}

export interface EnrolRequest {
  readonly originUrl: string
  readonly token: string | null
  readonly name: VolunteerName
  /** Where this volunteer answers by now. */
  readonly url: string
  /** The owner's own networks (CIDR). */
  readonly networks: readonly string[]
}

// Signed, so that nobody else can move an enrolled volunteer to another URL.
const post = async (parts: EnrolParts, request: EnrolRequest, signal: AbortSignal) => {
  const { signing, exchange } = parts.identity
  const body = JSON.stringify({
    ...(request.token === null ? {} : { token: request.token }),
    name: request.name,
    url: request.url,
    publicKey: signing.publicKey,
    exchangeKey: exchange.publicKey,
    networks: request.networks,
  })
  const signed = { method: 'POST', path: '/-/v1/enroll', body } as const
  const { http, signer } = parts
  const answer = await sendSigned({ http, signer, url: request.originUrl }, signed, {
    headers: { 'content-type': 'application/json' },
    signal,
    timeoutMs: requestTimeoutMs + probeTimeoutMs,
  })
  if (answer.status !== 201 && answer.status !== 200) {
    throw await readRefusal(parts.http, answer, 'the enrolment')
  }
  return parseAnswer(parseJson(await parts.http.read(answer), 'the answer to the enrolment'))
}

/** One attempt. `before`: the root key that was pinned earlier must be the same. */
const enrolOnce = async (
  parts: EnrolParts,
  request: EnrolRequest,
  before: Enrolment | null,
  signal: AbortSignal,
): Promise<Enrolment> => {
  const answer = await post(parts, request, signal)
  const rootBytes = Buffer.from(answer.rootKey, 'base64url')
  if (sha256Hex(rootBytes) !== answer.repositoryId || answer.name !== request.name) {
    throw new MirrorswarmError('MS_ANSWER_INVALID', 'the origin contradicts itself at enrolment')
  }
  if (before !== null && before.rootKey !== answer.rootKey) {
    throw new MirrorswarmError(
      'MS_AUTH_REFUSED',
      'this origin has another root key than the one enrolled with; name another --data to join it',
    )
  }
  importPublicKey(answer.exchangeKey, 'x25519')
  const { name, repositoryId, rootKey, exchangeKey, intervalMs } = answer
  const enrolment: Enrolment = {
    name,
    url: request.url,
    networks: [...request.networks],
    repositoryId,
    rootKey,
    exchangeKey,
    intervalMs,
  }
  await writeFileDurably(
    enrolmentFile(parts.folder),
    `${JSON.stringify(enrolment, null, 2)}\n`,
    0o600,
  )
  if (answer.reachable) parts.logger.info({ name, url: request.url }, 'enrolled')
  else {
    const fields = { name, url: request.url, reason: answer.reason }
    parts.logger.warn(fields, 'enrolled, but the origin cannot reach this URL: no redirects yet')
  }
  return enrolment
}

const isPassing = (error: unknown): boolean =>
  isMirrorswarmError(error, 'MS_REMOTE_UNREACHABLE') || isMirrorswarmError(error, 'MS_ORIGIN_BUSY')

/**
 * Enrol, or enrol again under a new URL, as often as it takes while the origin does not answer.
 * Throws what the origin refuses for good: MS_TOKEN_INVALID, MS_NAME_TAKEN, MS_URL_REFUSED, ….
 */
export const enrol = async (
  parts: EnrolParts,
  request: EnrolRequest,
  before: Enrolment | null,
  signal: AbortSignal,
): Promise<Enrolment> => {
  for (let failures = 1; ; failures++) {
    try {
      return await enrolOnce(parts, request, before, signal)
    } catch (error) {
      if (signal.aborted || !isPassing(error)) throw error
      const waitMs = Math.round(backoffMs(failures, parts.random))
      parts.logger.warn({ error: describeError(error), waitMs }, 'cannot enrol yet, trying again')
      await delay(waitMs, undefined, { signal })
    }
  }
}
