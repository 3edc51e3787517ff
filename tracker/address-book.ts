// IP addresses of volunteers' hosts, for BitTorrent clients that cannot take names. Remembers them for
// a while, and never lets an announce wait long for a slow name server.

import { type LookupAddress, lookup } from 'node:dns'
import { isIP } from 'node:net'
import { LRUCache } from 'lru-cache'
import { resolvedHostMs, resolvedHosts, resolveWaitMs } from '../core/limits.ts'

/** All addresses of a name, as node:dns lookup gives them; rejects when there are none. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>

const resolveBySystem: Resolve = host =>
  new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error, addresses) => {
      if (error === null) resolve(addresses)
      else reject(error)
    })
  })

/** The first of each family: a client with one of them can connect. */
const firstOfEach = (addresses: readonly LookupAddress[]): string[] =>
  [4, 6].flatMap(family => {
    const found = addresses.find(address => address.family === family)
    return found === undefined ? [] : [found.address]
  })

export class AddressBook {
  readonly #resolve: Resolve
  readonly #known = new LRUCache<string, Promise<readonly string[]>>({
    max: resolvedHosts,
    ttl: resolvedHostMs,
  })

  constructor(parts: { readonly resolve?: Resolve } = {}) {
    this.#resolve = parts.resolve ?? resolveBySystem
  }

  /** At most one IPv4 and one IPv6 address; none for a name that is unknown or takes too long. */
  async addresses(host: string): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [host]
    let pending = this.#known.get(host)
    if (pending === undefined) {
      // A name that cannot be resolved now is not asked for again until its time is over.
      pending = this.#resolve(host).then(firstOfEach, () => [])
      this.#known.set(host, pending)
    }
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<readonly string[]>(resolve => {
      timer = setTimeout(resolve, resolveWaitMs, [])
    })
    try {
      return await Promise.race([pending, tooLate])
    } finally {
      clearTimeout(timer)
    }
  }
}
