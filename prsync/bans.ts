// Peers that sent bad pieces, remembered for a while by the names and addresses they had.

import { LRUCache } from 'lru-cache'
import { banMs, bannedPeers } from '../core/limits.ts'

export class Bans {
  readonly #names = new LRUCache<string, true>({ max: bannedPeers, ttl: banMs })

  add(name: string): void {
    this.#names.set(name, true)
  }

  has(name: string): boolean {
    return this.#names.has(name)
  }
}
