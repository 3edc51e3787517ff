// Checks names and secrets: what was checked a moment ago costs microseconds, wrong ones cost those
// who send them a growing pause, and the slow kind of check is done one at a time, off the event loop.

import { createHmac, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import {
  clientSecretCharacters,
  freeGuessesPerAddress,
  freeGuessesPerName,
  rememberedGuesses,
  verifiedSecretMs,
  verifiedSecrets,
  waitingSecrets,
} from '../../core/access-limits.ts'
import type { Clock } from '../../core/clock.ts'
import { addressBlock } from '../../core/networks.ts'
import { afterFailure, type Guesses, guessPause } from '../logic/guesses.ts'
import { type AccessClient, type ClientStore, isClientName } from './client-store.ts'
import { isSlowToCheck, secretMatches } from './secrets.ts'

export interface Credentials {
  readonly name: string
  readonly secret: string
}

export type Verdict =
  | { readonly kind: 'known'; readonly client: AccessClient }
  | { readonly kind: 'wrong' }
  /** Not looked at: too many wrong ones came before, or too many wait. */
  | { readonly kind: 'later'; readonly why: 'guesses' | 'busy'; readonly seconds: number }

const wrong: Verdict = { kind: 'wrong' }

export class Verifier {
  readonly #store: ClientStore
  readonly #clock: Clock
  /** Of this process alone: what is remembered is worth nothing elsewhere. */
  readonly #key = randomBytes(32)
  /** HMAC of name and secret → the client's id. */
  readonly #verified: LRUCache<string, number>
  readonly #byAddress = new LRUCache<string, Guesses>({ max: rememberedGuesses })
  readonly #byName = new LRUCache<string, Guesses>({ max: rememberedGuesses })
  /** Addresses that had the right secret of a name: others' guesses do not shut them out. */
  readonly #proven = new LRUCache<string, true>({ max: rememberedGuesses })
  readonly #checking = new Map<string, Promise<Verdict>>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(store: ClientStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
    this.#verified = new LRUCache({
      max: verifiedSecrets,
      ttl: verifiedSecretMs,
      ttlResolution: 0,
      perf: { now: () => clock.monotonicMs() },
    })
  }

  verify(credentials: Credentials, address: string): Verdict | Promise<Verdict> {
    const { secret } = credentials
    // Made-up names share one memory of failures.
    const name = isClientName(credentials.name) ? credentials.name : ''
    if (secret.length > clientSecretCharacters) return wrong
    const client = this.#store.clients.get(name)
    const stored = client?.secretHash ?? null
    const mark = stored !== null && isSlowToCheck(stored) ? this.#markOf(credentials) : null
    if (mark !== null && client !== undefined && this.#verified.get(mark) === client.id) {
      return { kind: 'known', client }
    }
    const block = addressBlock(address)
    const pauseMs = this.#pauseOf(name, block)
    if (pauseMs > 0) return { kind: 'later', why: 'guesses', seconds: Math.ceil(pauseMs / 1000) }
    if (mark !== null && client !== undefined) return this.#checkSlowly(client, secret, mark, block)
    const matches = secretMatches(secret, stored) === true
    return this.#conclude(matches ? client : undefined, name, block)
  }

  #markOf({ name, secret }: Credentials): string {
    return createHmac('sha256', this.#key).update(`${name}\0${secret}`).digest('base64')
  }

  #pauseOf(name: string, block: string): number {
    const nowMs = this.#clock.monotonicMs()
    const ofAddress = guessPause(this.#byAddress.get(block), freeGuessesPerAddress, nowMs)
    if (this.#proven.has(`${name} ${block}`)) return ofAddress
    return Math.max(ofAddress, guessPause(this.#byName.get(name), freeGuessesPerName, nowMs))
  }

  #conclude(client: AccessClient | undefined, name: string, block: string): Verdict {
    if (client !== undefined) {
      this.#proven.set(`${name} ${block}`, true)
      return { kind: 'known', client }
    }
    const nowMs = this.#clock.monotonicMs()
    this.#byAddress.set(block, afterFailure(this.#byAddress.get(block), nowMs))
    this.#byName.set(name, afterFailure(this.#byName.get(name), nowMs))
    return wrong
  }

  /** Equal ones that come at the same time are checked once. */
  #checkSlowly(
    client: AccessClient,
    secret: string,
    mark: string,
    block: string,
  ): Verdict | Promise<Verdict> {
    const under = this.#checking.get(mark)
    if (under !== undefined) return under
    if (this.#checking.size >= waitingSecrets) return { kind: 'later', why: 'busy', seconds: 1 }
    const before = this.#last
    const check = async (): Promise<Verdict> => {
      await before
      // Others of the same address may have failed while this one waited.
      const pauseMs = this.#pauseOf(client.name, block)
      if (pauseMs > 0) return { kind: 'later', why: 'guesses', seconds: Math.ceil(pauseMs / 1000) }
      const matches = await secretMatches(secret, client.secretHash)
      const now = this.#store.clients.get(client.name)
      const still = now?.id === client.id ? now : undefined
      if (matches && still !== undefined) this.#verified.set(mark, still.id)
      return this.#conclude(matches ? still : undefined, client.name, block)
    }
    const checking = check().finally(() => this.#checking.delete(mark))
    this.#last = checking.catch(() => undefined)
    this.#checking.set(mark, checking)
    return checking
  }
}
