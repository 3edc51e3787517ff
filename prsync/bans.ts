// Volunteers that sent bad pieces, remembered for a while. By name, which stands for their key: from
// whatever address they come, they are the same.

import { LRUCache } from 'lru-cache'
import type { VolunteerName } from '../core/ids.ts'
import { banMs, bannedPeers } from '../core/limits.ts'

export class Bans {
  readonly #names = new LRUCache<VolunteerName, true>({ max: bannedPeers, ttl: banMs })

  add(name: VolunteerName): void {
    this.#names.set(name, true)
  }

  has(name: VolunteerName): boolean {
    return this.#names.has(name)
  }
}
