// What clients ask for most, so that volunteers with little space can keep it. Counts fade with
// time; the list that volunteers get is made anew seldom, so that it costs next to nothing.

import type { ContentNumber } from '../../core/ids.ts'
import { countedContents, popularContents, popularityRefreshMs } from '../../core/limits.ts'

/** Counts halve in this time. */
const halfLifeMs = 7 * 24 * 3_600_000
/** Contents asked for less than this are nobody's favourites. */
const leastRequests = 2

/** The most requested contents: number and requests, faded and rounded, most first. */
export interface PopularList {
  /** Names this list. */
  readonly tag: string
  readonly contents: readonly (readonly [ContentNumber, number])[]
}

/**
 * What a request now is worth in counts that never have to be renewed: all fade alike, so later ones
 * weigh more instead of earlier ones less. Enough exponents for nineteen years without a restart.
 */
const weightAt = (nowMs: number): number => 2 ** (nowMs / halfLifeMs)

/** A power of two, so that at most a third of the slots are taken. */
const slotCount = 2 ** Math.ceil(Math.log2(3 * countedContents))

/** Mutable, without I/O; times are monotonic milliseconds. */
export class Popularity {
  /**
   * Arrays and no Map: each redirect counts here, and a collector would have much to clear away. One
   * more than the content of each slot, 0: empty; a content is in the first slot from its own on.
   */
  readonly #slots = new Uint32Array(slotCount)
  /** Requests of the slot's content, each with its weight. */
  readonly #counts = new Float64Array(slotCount)
  #taken = 0
  #list: PopularList | null = null
  #listedMs = Number.NEGATIVE_INFINITY
  #lists = 0

  /** A client asked for a content. */
  requested(content: ContentNumber, nowMs: number): void {
    this.#add(content, weightAt(nowMs))
    if (this.#taken > countedContents) this.#forgetLeast()
  }

  /** Numbers name other contents from now on. */
  clear(): void {
    this.#empty()
    this.#list = null
    this.#listedMs = Number.NEGATIVE_INFINITY
  }

  /** The newest list; null while nothing is popular. */
  list(nowMs: number): PopularList | null {
    if (nowMs - this.#listedMs < popularityRefreshMs) return this.#list
    this.#listedMs = nowMs
    const contents = this.#ranked(nowMs)
      .slice(0, popularContents)
      .map(([content, requests]) => [content, Math.round(requests)] as const)
    const same = JSON.stringify(contents) === JSON.stringify(this.#list?.contents ?? [])
    if (!same) this.#list = { tag: String(++this.#lists), contents }
    return this.#list
  }

  #add(content: ContentNumber, weight: number): void {
    const slots = this.#slots
    const counts = this.#counts
    let slot = Math.imul(content, 0x9e3779b1) & (slotCount - 1)
    while (slots[slot] !== 0 && slots[slot] !== content + 1) slot = (slot + 1) & (slotCount - 1)
    if (slots[slot] === 0) this.#taken++
    slots[slot] = content + 1
    counts[slot] = (counts[slot] as number) + weight
  }

  #empty(): void {
    this.#slots.fill(0)
    this.#counts.fill(0)
    this.#taken = 0
  }

  /** Of those that are asked for at all. */
  #ranked(nowMs: number): [ContentNumber, number][] {
    const weight = weightAt(nowMs)
    const ranked: [ContentNumber, number][] = []
    for (const [slot, count] of this.#counts.entries()) {
      const requests = count / weight
      if (requests >= leastRequests) ranked.push([(this.#slots[slot] as number) - 1, requests])
    }
    return ranked.sort((a, b) => b[1] - a[1] || a[0] - b[0])
  }

  /** Keep the half that is asked for most. */
  #forgetLeast(): void {
    const slots = this.#slots.slice()
    const counts = this.#counts.slice()
    const ranked = counts.filter(count => count > 0).sort()
    const kept = Math.floor(countedContents / 2)
    const threshold = ranked[ranked.length - kept] ?? 0
    this.#empty()
    for (let slot = 0; slot < slotCount && this.#taken < kept; slot++) {
      const count = counts[slot] as number
      if (count > threshold) this.#add((slots[slot] as number) - 1, count)
    }
    for (let slot = 0; slot < slotCount && this.#taken < kept; slot++) {
      if (counts[slot] === threshold) this.#add((slots[slot] as number) - 1, threshold)
    }
  }
}
