// Where volunteers and clients are: the addresses of volunteers' host names, looked up beside the
// requests and believed for a while, and what the geo database says of them.

import { lookup } from 'node:dns/promises'
import type { Clock } from '../core/clock.ts'
import { volunteers } from '../core/limits.ts'
import { addressBytes } from '../core/networks.ts'
import { addressesPerHost, addressLookups, volunteerAddressMs } from '../core/selection-limits.ts'
import type { GeoDatabase } from './geo.ts'
import type { Reach } from './logic/closeness.ts'
import type { GeoPlace, PlaceFinder } from './standings.ts'

export interface VolunteerPlacesParts {
  /** Null: only addresses are known, not where they are. */
  readonly geo: GeoDatabase | null
  readonly clock: Clock
  /** All addresses of a host name; rejects for one that has none. */
  readonly resolve?: (host: string) => Promise<readonly string[]>
}

interface Known {
  addresses: readonly string[]
  /** When they were asked for, monotonic. */
  atMs: number
}

const systemResolve = async (host: string): Promise<readonly string[]> =>
  (await lookup(host, { all: true })).map(({ address }) => address)

const unknown: GeoPlace & { readonly reach: Reach } = { asn: null, country: null, reach: 'any' }

export class VolunteerPlaces implements PlaceFinder {
  readonly #parts: VolunteerPlacesParts
  readonly #hosts = new Map<string, Known>()
  #geo: GeoDatabase | null
  readonly #waiting = new Set<string>()
  #running = 0
  #revision = 0

  constructor(parts: VolunteerPlacesParts) {
    this.#parts = parts
    this.#geo = parts.geo
  }

  /** What newer databases say, from now on. */
  change(geo: GeoDatabase | null): void {
    this.#geo = geo
    this.#revision += 1
  }

  get revision(): number {
    return this.#revision
  }

  client(address: string): GeoPlace {
    return this.#geo?.find(address) ?? unknown
  }

  volunteer(url: string): GeoPlace & { readonly reach: Reach } {
    const host = URL.parse(url)?.hostname.replace(/^\[|\]$/g, '') ?? ''
    const addresses = addressBytes(host) === null ? this.#addressesOf(host) : [host]
    const families = new Set(addresses.map(address => addressBytes(address)?.length))
    if (families.size === 0) return unknown
    const reach = families.size > 1 ? 'any' : families.has(4) ? 'v4' : 'v6'
    let asn: number | null = null
    let country: string | null = null
    for (const address of addresses) {
      const found = this.client(address)
      asn ??= found.asn
      country ??= found.country
    }
    return { asn, country, reach }
  }

  /** Look up again what is older than is believed; to be called now and then. */
  refresh(): void {
    const nowMs = this.#parts.clock.monotonicMs()
    for (const [host, { atMs }] of this.#hosts) {
      if (nowMs - atMs >= volunteerAddressMs) this.#ask(host)
    }
  }

  /** Resolves when nothing is being looked up; for tests. */
  async settled(): Promise<void> {
    while (this.#running > 0) await new Promise(resolve => setImmediate(resolve))
  }

  #addressesOf(host: string): readonly string[] {
    const known = this.#hosts.get(host)
    if (known === undefined && host !== '') this.#ask(host)
    return known?.addresses ?? []
  }

  #ask(host: string): void {
    const known = this.#hosts.get(host)
    if (known === undefined) {
      if (this.#hosts.size >= volunteers) this.#hosts.delete(this.#hosts.keys().next().value ?? '')
      this.#hosts.set(host, { addresses: [], atMs: this.#parts.clock.monotonicMs() })
    } else known.atMs = this.#parts.clock.monotonicMs()
    this.#waiting.add(host)
    this.#work()
  }

  #work(): void {
    for (const host of this.#waiting) {
      if (this.#running >= addressLookups) return
      this.#waiting.delete(host)
      this.#running += 1
      this.#resolve(host).finally(() => {
        this.#running -= 1
        this.#work()
      })
    }
  }

  /** A name that cannot be looked up just now keeps the addresses that it had. */
  async #resolve(host: string): Promise<void> {
    const { resolve = systemResolve } = this.#parts
    const found = await resolve(host).catch(() => null)
    const known = this.#hosts.get(host)
    if (found === null || known === undefined) return
    const addresses = found.slice(0, addressesPerHost).toSorted()
    if (addresses.join() === known.addresses.join()) return
    known.addresses = addresses
    this.#revision += 1
  }
}
