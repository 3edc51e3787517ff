// The one place that decides who may ask this origin for anything: address, rate, credentials. What
// it lets in carries the client's rights; routes ask those for each path they speak of.

import type { IncomingMessage } from 'node:http'
import { LRUCache } from 'lru-cache'
import { refusedSignatureCost, rememberedNetworkClients } from '../../core/access-limits.ts'
import { MirrorswarmError } from '../../core/errors.ts'
import { rememberedHeaderCharacters } from '../../core/limits.ts'
import { inNetworks } from '../../core/networks.ts'
import type { Asking, ClientAddresses } from '../../delivery/client-address.ts'
import type { RequestLimit } from '../../delivery/request-limit.ts'
import type { VolunteerRecord } from '../../tracker/events.ts'
import { parseRequestSignature } from '../../tracker/request-signature.ts'
import type { Authority } from '../authority.ts'
import { headerStart } from '../context.ts'
import { clientText } from '../logic/client-text.ts'
import { allRights, type Rights } from '../logic/rights.ts'
import type { LinkRights } from '../rescue-access.ts'
import type { AccessClient, ClientStore } from './client-store.ts'
import type { Credentials, Verdict, Verifier } from './verifier.ts'

/** Who was let in. */
export interface Caller {
  /** Whoever asks, as far as one can know: for stickiness and repeats. Begins with the address. */
  readonly client: string
  /** Behind trusted proxies the client's own; empty when the connection is gone. */
  readonly address: string
  /** By which scheme the client came to a trusted proxy; null when none tells. */
  readonly https: boolean | null
  readonly rights: Rights
  /** The volunteer whose signature was checked; null: none, or not checked. */
  readonly volunteer: VolunteerRecord | null
}

export type AccessDecision =
  | { readonly ok: true; readonly caller: Caller }
  | {
      readonly ok: false
      readonly error: MirrorswarmError
      /** Of the answer: how to identify oneself, when to come again. */
      readonly headers: Readonly<Record<string, string | string[]>>
    }

export interface AccessParts {
  readonly authority: Authority
  readonly clients: ClientStore
  readonly verifier: Verifier
  readonly addresses: ClientAddresses
  readonly limit: RequestLimit
  /** What links under rescue names let their holders read; missing: there are no such names. */
  readonly linkRights?: LinkRights
}

const challenge = {
  'www-authenticate': ['Basic realm="mirrorswarm", charset="UTF-8"', 'Bearer realm="mirrorswarm"'],
}

/** Who asks: see clientText. */
const clientOf = ({ headers }: Asking, address: string, name: string | null): string =>
  clientText(address, name, headerStart(headers['user-agent'] ?? '', rememberedHeaderCharacters))

const parseBasic = (value: string): Credentials | null => {
  const text = Buffer.from(value, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? null : { name: text.slice(0, colon), secret: text.slice(colon + 1) }
}

/** NAME.SECRET; names may have dots, secrets that were made have none. */
const parseBearer = (value: string): Credentials | null => {
  const dot = value.lastIndexOf('.')
  return dot < 0 ? null : { name: value.slice(0, dot), secret: value.slice(dot + 1) }
}

/** Name and secret of an Authorization header (RFC 7617, RFC 6750); null for any other. */
export const parseCredentials = (header: string): Credentials | null => {
  const [, scheme = '', value = ''] = /^(basic|bearer) +(\S+) *$/i.exec(header) ?? []
  return scheme.toLowerCase() === 'basic' ? parseBasic(value) : parseBearer(value)
}

const later = (seconds: number, message: string): AccessDecision => ({
  ok: false,
  error: new MirrorswarmError('MS_TOO_MANY_REQUESTS', message),
  headers: { 'retry-after': String(Math.max(1, seconds)) },
})

const required = (message: string): AccessDecision => ({
  ok: false,
  error: new MirrorswarmError('MS_AUTH_REQUIRED', message),
  headers: challenge,
})

/** Without a challenge: credentials are not for a name that may be the volunteer's. */
const linkRefused: AccessDecision = {
  ok: false,
  error: new MirrorswarmError(
    'MS_LINK_FORGED',
    'by this name only links are answered that the origin made of late; ask it by its own name',
  ),
  headers: {},
}

const isSigned = (request: IncomingMessage): boolean =>
  parseRequestSignature(request.headers.authorization) !== null

const admit = (request: Asking, seen: Caller, { name, rights }: AccessClient): AccessDecision => ({
  ok: true,
  caller: { ...seen, client: clientOf(request, seen.address, name), rights },
})

const decide = (request: IncomingMessage, seen: Caller, verdict: Verdict): AccessDecision => {
  if (verdict.kind === 'known') return admit(request, seen, verdict.client)
  if (verdict.kind === 'wrong') return required('these credentials are not valid here')
  return verdict.why === 'guesses'
    ? later(verdict.seconds, 'too many wrong credentials came from there')
    : later(verdict.seconds, 'too many credentials are being checked')
}

export class Access {
  readonly #parts: AccessParts
  /** Whether credentials are required at all. */
  readonly #required: boolean
  readonly #checked = new WeakMap<IncomingMessage, AccessDecision | Promise<AccessDecision>>()
  /** Address → name of the client whose network it is in, as of `#networksOf`. */
  readonly #inNetwork = new LRUCache<string, string>({ max: rememberedNetworkClients })
  #networksOf: ReadonlyMap<string, AccessClient> | null = null

  constructor(parts: AccessParts, options: { readonly requireClients: boolean }) {
    this.#parts = parts
    this.#required = options.requireClients
  }

  /** Let a request in or not. The answer is a promise only while a chosen password is checked. */
  check(request: IncomingMessage): AccessDecision | Promise<AccessDecision> {
    const known = this.#checked.get(request)
    if (known !== undefined) return known
    const metered = this.meter(request)
    if (!this.#required || !metered.ok) return metered
    return isSigned(request)
      ? this.#checkVolunteer(request, metered.caller)
      : this.#checkClient(request, metered.caller)
  }

  /** Whoever asks about this request again gets the same answer, and it is not counted twice. */
  remember(request: IncomingMessage, decision: AccessDecision | Promise<AccessDecision>): void {
    this.#checked.set(request, decision)
  }

  /**
   * Whether a request without credentials may be answered at once; null: `check` has to be asked.
   * Nothing is counted until `countQuick`.
   */
  checkQuickly(request: Asking): Caller | null {
    const { address, https } = this.#parts.addresses.of(request)
    if (!this.#parts.limit.hasRoom(address)) return null
    if (!this.#required) {
      const client = clientOf(request, address, null)
      return { client, address, https, rights: allRights, volunteer: null }
    }
    const known = this.#clientAt(address)
    if (known === null) return null
    const client = clientOf(request, address, known.name)
    return { client, address, https, rights: known.rights, volunteer: null }
  }

  /** A request that `checkQuickly` let in was answered. */
  countQuick({ address }: Caller): void {
    this.#parts.limit.take(address, 1)
  }

  /** Only hold the address to its rate: for routes that ask who it is themselves. */
  meter(request: IncomingMessage): AccessDecision {
    const { address, https } = this.#parts.addresses.of(request)
    // A volunteer's own rate is its swarm's business, as long as its signatures are genuine.
    const seconds = this.#parts.limit.take(address, isSigned(request) ? 0 : 1)
    if (seconds > 0) return later(seconds, 'this address asks too often')
    const client = clientOf(request, address, null)
    return { ok: true, caller: { client, address, https, rights: allRights, volunteer: null } }
  }

  /** A signature turned out to be false: that costs its sender's address some requests. */
  noteFalseSignature(request: IncomingMessage): void {
    const { address } = this.#parts.addresses.of(request)
    this.#parts.limit.take(address, refusedSignatureCost)
  }

  #checkVolunteer(request: IncomingMessage, seen: Caller): AccessDecision {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return required('no volunteer sends that')
    }
    const volunteer = this.#parts.authority.volunteerOf(request)
    return { ok: true, caller: { ...seen, volunteer } }
  }

  #checkClient(request: IncomingMessage, seen: Caller): AccessDecision | Promise<AccessDecision> {
    const header = request.headers.authorization
    const linked = this.#parts.linkRights?.(request) ?? null
    if (linked !== null && linked !== 'nothing') {
      return { ok: true, caller: { ...seen, rights: linked } }
    }
    if (header === undefined) {
      const client = this.#clientAt(seen.address)
      if (client !== null) return admit(request, seen, client)
      if (linked === null) return required('this origin serves only clients that it knows')
    }
    if (header === undefined || linked !== null) return linkRefused
    if (this.#parts.authority.isOperator(request)) return { ok: true, caller: seen }
    const credentials = parseCredentials(header)
    if (credentials === null) return required('these credentials are of no known form')
    const verdict = this.#parts.verifier.verify(credentials, seen.address)
    return verdict instanceof Promise
      ? verdict.then(value => decide(request, seen, value))
      : decide(request, seen, verdict)
  }

  /** The client with the smallest network around an address. */
  #clientAt(address: string): AccessClient | null {
    const { clients } = this.#parts.clients
    if (clients !== this.#networksOf) this.#inNetwork.clear()
    this.#networksOf = clients
    const known = this.#inNetwork.get(address)
    if (known !== undefined) return clients.get(known) ?? null
    let best: AccessClient | null = null
    let bits = -1
    for (const client of clients.values()) {
      for (const network of client.networks) {
        if (network.prefixBits <= bits || !inNetworks([network], address)) continue
        best = client
        bits = network.prefixBits
      }
    }
    this.#inNetwork.set(address, best?.name ?? '')
    return best
  }
}
