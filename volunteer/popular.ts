// What clients ask for most, as the origin last told: kept between runs, for a volunteer whose space
// is short decides by it what to hold.

import type { ContentNumber } from '../core/ids.ts'
import type { ManifestPosition, PopularContents } from '../tracker/messages.ts'
import type { HeldStore } from './held-store.ts'

const metaKey = 'popular'

interface Known extends PopularContents {
  /** Whose numbers they are. */
  readonly epoch: string
}

const epochOf = ({ repositoryId, epoch }: Omit<ManifestPosition, 'snapshot'>): string =>
  `${repositoryId}.${epoch}`

const read = (store: HeldStore): Known | null => {
  const text = store.meta(metaKey)
  if (text === null) return null
  try {
    const known = JSON.parse(text) as Partial<Known> | null
    return Array.isArray(known?.contents) && typeof known.tag === 'string' ? (known as Known) : null
  } catch {
    // A damaged list is asked for again.
    return null
  }
}

export class Popular {
  readonly #store: HeldStore
  #known: Known | null

  constructor(store: HeldStore) {
    this.#store = store
    this.#known = read(store)
  }

  /** What the next announce says it has. */
  get tag(): string | null {
    return this.#known?.tag ?? null
  }

  /** The origin has told a new list, in the numbers of this manifest. */
  replace(list: PopularContents, manifest: Omit<ManifestPosition, 'snapshot'>): void {
    this.#known = { ...list, epoch: epochOf(manifest) }
    this.#store.setMeta(metaKey, JSON.stringify(this.#known))
  }

  /** The most requested contents, most first; none if they are another epoch's numbers. */
  contents(manifest: Omit<ManifestPosition, 'snapshot'> | null): ContentNumber[] {
    if (manifest === null || this.#known?.epoch !== epochOf(manifest)) return []
    return this.#known.contents.map(([content]) => content)
  }
}
