// Checks links as links.ts does, and remembers which were genuine: of a hot file the same link comes
// again and again. Whether it has expired is asked each time.

import { LRUCache } from 'lru-cache'
import type { RepoPath, Sha256 } from '../core/ids.ts'
import { rememberedLinkCharacters, rememberedLinks } from '../core/serving-limits.ts'
import { type LinkKey, type LinkVerdict, linkExpiryOf, verifyLink } from './links.ts'

interface Genuine {
  readonly sha256: Sha256
  readonly expiresSeconds: number
}

export class LinkMemory {
  readonly #key: LinkKey
  readonly #genuine = new LRUCache<string, Genuine>({ max: rememberedLinks })

  constructor(key: LinkKey) {
    this.#key = key
  }

  /** What verifyLink says. */
  verify(path: RepoPath, query: string, nowSeconds: number): LinkVerdict {
    // A canonical path has no "?".
    const name = `${path}?${query}`
    const known = this.#genuine.get(name)
    if (known !== undefined && nowSeconds <= known.expiresSeconds) {
      return { ok: true, sha256: known.sha256 }
    }
    const verdict = verifyLink(this.#key, path, query, nowSeconds)
    if (verdict.ok && name.length <= rememberedLinkCharacters) {
      const expiresSeconds = linkExpiryOf(query)
      if (expiresSeconds !== null)
        this.#genuine.set(name, { sha256: verdict.sha256, expiresSeconds })
    }
    return verdict
  }
}
