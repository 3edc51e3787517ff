// Which connections of stock BitTorrent clients are let in: so many in sum, so many of one address, and
// when all places are taken, who has not even greeted goes first. Knows no sockets.

export interface PlaceLimits {
  readonly inSum: number
  readonly each: number
}

/** A place that is taken; compared by identity. */
export interface Place {
  /** What the bound for each client counts by. */
  readonly block: string
  greeted: boolean
}

export class SeedPlaces<P extends Place> {
  readonly #limits: PlaceLimits
  /** The oldest first. */
  readonly #places = new Set<P>()
  readonly #counts = new Map<string, number>()

  constructor(limits: PlaceLimits) {
    this.#limits = limits
  }

  get taken(): number {
    return this.#places.size
  }

  [Symbol.iterator](): Iterator<P> {
    return this.#places.values()
  }

  /** Take a place. `evicted` has lost its own and is to be closed; not `admitted`: there is none. */
  enter(place: P): { readonly admitted: boolean; readonly evicted: P | null } {
    const count = this.#counts.get(place.block) ?? 0
    if (count >= this.#limits.each) return { admitted: false, evicted: null }
    let evicted: P | null = null
    if (this.#places.size >= this.#limits.inSum) {
      evicted = this.#oldestStranger()
      if (evicted === null) return { admitted: false, evicted }
      this.leave(evicted)
    }
    this.#places.add(place)
    this.#counts.set(place.block, (this.#counts.get(place.block) ?? 0) + 1)
    return { admitted: true, evicted }
  }

  leave(place: P): void {
    if (!this.#places.delete(place)) return
    const count = (this.#counts.get(place.block) ?? 0) - 1
    if (count > 0) this.#counts.set(place.block, count)
    else this.#counts.delete(place.block)
  }

  #oldestStranger(): P | null {
    for (const place of this.#places) if (!place.greeted) return place
    return null
  }
}
