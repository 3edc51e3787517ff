// Lets volunteers in: a token from the operator, the volunteer's own keys, and a proof that its
// public URL is its own.

import { timingSafeEqual } from 'node:crypto'
import Type from 'typebox'
import type { Clock } from '../core/clock.ts'
import { MirrorswarmError } from '../core/errors.ts'
import type { RepositoryId, VolunteerName } from '../core/ids.ts'
import { agreeOnSecret, importPublicKey, type KeyPair } from '../core/keys.ts'
import type { Logger } from '../core/log.ts'
import { parseNetwork } from '../core/networks.ts'
import { volunteerNetworks } from '../core/selection-limits.ts'
import type { VolunteerRecord } from '../tracker/events.ts'
import { messageParser, networkSchema, volunteerNameSchema } from '../tracker/messages.ts'
import type { Tracker } from '../tracker/tracker.ts'
import { checkVolunteerUrl, type ProbeResult, type Prober, type ProbeTarget } from './prober.ts'
import type { TokenStore } from './token-store.ts'

const key = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })

const EnrolmentRequest = Type.Object({
  /** May be missing when the same volunteer (name and key) enrols again. */
  token: Type.Optional(Type.String({ maxLength: 200 })),
  name: volunteerNameSchema,
  url: Type.String({ minLength: 1, maxLength: 1024 }),
  /** Ed25519, raw, base64url: signs announces. */
  publicKey: key,
  /** X25519, raw, base64url: agrees on the key of links. */
  exchangeKey: key,
  /** The owner's own networks (CIDR), for the operator to approve. */
  networks: Type.Optional(Type.Array(networkSchema, { maxItems: volunteerNetworks })),
})

const parseRequest = messageParser(EnrolmentRequest, 'enrolment', 'MS_REQUEST_INVALID')

export interface EnrolmentAnswer {
  readonly name: VolunteerName
  readonly repositoryId: RepositoryId
  readonly rootKey: string
  /** The origin's X25519 key. */
  readonly exchangeKey: string
  readonly intervalMs: number
  readonly reachable: boolean
  /** Why it is not. */
  readonly reason?: string
}

export interface EnrolmentParts {
  readonly tracker: Tracker
  readonly tokens: TokenStore
  readonly prober: Prober
  readonly exchangeKeys: KeyPair
  readonly repositoryId: RepositoryId
  readonly rootKey: string
  readonly clock: Clock
  readonly logger: Logger
  /** Aborted when the origin stops. */
  readonly stopping: AbortSignal
}

export interface EnrolmentOptions {
  readonly intervalMs: number
  /** Loopback addresses are good only where the origin itself is on one. */
  readonly allowLoopback: boolean
}

type Identity = Pick<VolunteerRecord, 'name' | 'url' | 'publicKey' | 'linkKey' | 'askedNetworks'>

const equalKeys = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))

export class Enrolment {
  readonly #parts: EnrolmentParts
  readonly #options: EnrolmentOptions
  /** Names whose URL is being probed: two of one name must not both find it free. */
  readonly #underWay = new Set<VolunteerName>()

  constructor(parts: EnrolmentParts, options: EnrolmentOptions) {
    this.#parts = parts
    this.#options = options
  }

  /**
   * Enrol, or enrol again, the sender of `body` (parsed JSON). `isSignedBy` tells whether the
   * request itself is signed by a key: only then may an enrolled volunteer change its URL or link
   * key. Throws MS_REQUEST_INVALID, MS_URL_REFUSED, MS_TOKEN_INVALID, MS_NAME_TAKEN,
   * MS_AUTH_REFUSED.
   */
  async enrol(body: unknown, isSignedBy: (publicKey: string) => boolean): Promise<EnrolmentAnswer> {
    const request = parseRequest(body)
    const { tracker } = this.#parts
    const url = checkVolunteerUrl(request.url, this.#options.allowLoopback)
    importPublicKey(request.publicKey, 'ed25519')
    const linkKey = agreeOnSecret(
      this.#parts.exchangeKeys.privateKey,
      importPublicKey(request.exchangeKey, 'x25519'),
      'mirrorswarm link v1',
    ).toString('base64')
    if (this.#underWay.has(request.name)) {
      throw new MirrorswarmError('MS_NAME_TAKEN', `${request.name} is being enrolled already`)
    }
    const before = tracker.volunteer(request.name)
    const askedNetworks = request.networks ?? before?.askedNetworks ?? []
    askedNetworks.forEach(parseNetwork)
    const { name, publicKey } = request
    const wanted = { name, url, publicKey, linkKey, askedNetworks }
    if (before === null) return this.#enrolNew(wanted, request.token ?? '')
    if (!equalKeys(before.publicKey, request.publicKey)) {
      throw new MirrorswarmError('MS_NAME_TAKEN', `another volunteer is called ${request.name}`)
    }
    const same =
      before.url === url &&
      equalKeys(before.linkKey, linkKey) &&
      (before.askedNetworks ?? []).join() === askedNetworks.join()
    if (!same && !isSignedBy(request.publicKey)) {
      throw new MirrorswarmError(
        'MS_AUTH_REFUSED',
        `${request.name} is enrolled; a request that changes its URL or networks must be signed by its key`,
      )
    }
    return this.#settle({ ...before, ...wanted })
  }

  async #enrolNew(wanted: Identity, token: string): Promise<EnrolmentAnswer> {
    const { tokens, clock } = this.#parts
    const trust = tokens.redeem(token, clock.nowMs())
    if (trust === null) {
      throw new MirrorswarmError('MS_TOKEN_INVALID', 'the token is unknown, used up or expired')
    }
    const settings = { weight: 1, disabled: false, draining: false, reachable: false }
    try {
      return await this.#settle({ ...wanted, ...settings, trust, enrolledMs: clock.nowMs() })
    } catch (error) {
      tokens.refund(token)
      throw error
    }
  }

  async #settle(record: VolunteerRecord): Promise<EnrolmentAnswer> {
    const { name, url } = record
    const { tracker, logger } = this.#parts
    this.#underWay.add(name)
    try {
      const probe = await this.#probe(record)
      // What the operator decided while the URL was probed stays.
      const { trust, weight, disabled, draining, networks, site } =
        tracker.volunteer(name) ?? record
      const settled = {
        ...{ trust, weight, disabled, draining, reachable: probe.reachable },
        ...(networks === undefined ? {} : { networks }),
        ...(site === undefined ? {} : { site }),
      }
      await tracker.enrol({ ...record, ...settled })
      logger.info({ volunteer: name, url, ...probe }, 'volunteer enrolled')
      return this.#answer(name, probe)
    } finally {
      // Not before the log has it: the name would look free in between.
      this.#underWay.delete(name)
    }
  }

  #answer(name: VolunteerName, probe: ProbeResult): EnrolmentAnswer {
    const { repositoryId, rootKey, exchangeKeys } = this.#parts
    return {
      name,
      repositoryId,
      rootKey,
      exchangeKey: exchangeKeys.publicKey,
      intervalMs: this.#options.intervalMs,
      ...probe,
    }
  }

  #probe(target: ProbeTarget): Promise<ProbeResult> {
    return this.#parts.prober.probe(target, this.#parts.stopping)
  }
}
