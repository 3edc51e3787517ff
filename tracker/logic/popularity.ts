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

/** Mutable, without I/O; times are monotonic milliseconds. */
export class Popularity {
  /** Requests by content, each with its weight. */
  readonly #counts = new Map<ContentNumber, number>()
  #list: PopularList | null = null
  #listedMs = Number.NEGATIVE_INFINITY
  #lists = 0

  /** A client asked for a content. */
  requested(content: ContentNumber, nowMs: number): void {
    this.#counts.set(content, (this.#counts.get(content) ?? 0) + weightAt(nowMs))
    if (this.#counts.size > countedContents) this.#forgetLeast()
  }

  /** Numbers name other contents from now on. */
  clear(): void {
    this.#counts.clear()
    this.#list = null
    this.#listedMs = Number.NEGATIVE_INFINITY
  }

  /** The newest list; null while nothing is popular. */
  list(nowMs: number): PopularList | null {
    if (nowMs - this.#listedMs < popularityRefreshMs) return this.#list
    this.#listedMs = nowMs
    const contents = this.#ranked(nowMs)
      .filter(([, requests]) => requests >= leastRequests)
      .slice(0, popularContents)
      .map(([content, requests]) => [content, Math.round(requests)] as const)
    const same = JSON.stringify(contents) === JSON.stringify(this.#list?.contents ?? [])
    if (!same) this.#list = { tag: String(++this.#lists), contents }
    return this.#list
  }

  #ranked(nowMs: number): [ContentNumber, number][] {
    const weight = weightAt(nowMs)
    return [...this.#counts]
      .map(([content, count]): [ContentNumber, number] => [content, count / weight])
      .sort((a, b) => b[1] - a[1] || a[0] - b[0])
  }

  /** Of equals the oldest go: the map keeps them in the order in which they first came. */
  #forgetLeast(): void {
    const ranked = Float64Array.from(this.#counts.values()).sort()
    const excess = this.#counts.size - Math.floor(countedContents / 2)
    const threshold = ranked[excess - 1] ?? 0
    let left = excess
    for (const [content, count] of this.#counts) {
      if (left === 0) return
      if (count > threshold) continue
      this.#counts.delete(content)
      left--
    }
  }
}
