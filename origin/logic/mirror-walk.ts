// Which contents of the repository nobody looked for at a mirror yet: the newest first, then all
// others, in steps of bounded work. Pure: it knows numbers only, and others say what they mean.

import type { ContentNumber } from '../../core/ids.ts'
import {
  passedContents,
  walkAgainMs,
  walkedContents,
  walkRanges,
} from '../../core/sampling-limits.ts'

/** Contents from `from` on and below `below`, walked over downwards. */
interface Range {
  readonly from: ContentNumber
  below: ContentNumber
}

export interface WalkQuestions {
  /** Cheap to ask, and true for most contents of a mirror that is whole. */
  readonly isHeld: (content: ContentNumber) => boolean
  /** Whether to look for it; false for what is known, or of no use. */
  readonly isWanted: (content: ContentNumber) => boolean
}

export class MirrorWalk {
  /** The last one is walked over first. */
  #ranges: Range[] = []
  #count = 0
  #begunMs = Number.NEGATIVE_INFINITY

  /** Nothing is left to walk over. */
  get isOver(): boolean {
    return this.#ranges.length === 0
  }

  /** There are `count` contents now: those that are new come first. */
  grow(count: number, nowMs: number): void {
    if (count > this.#count) this.#ranges.push({ from: this.#count, below: count })
    if (this.#count === 0) this.#begunMs = nowMs
    this.#count = count
    if (this.#ranges.length > walkRanges) this.again(nowMs)
  }

  /** All from the beginning. */
  again(nowMs: number): void {
    this.#ranges = this.#count === 0 ? [] : [{ from: 0, below: this.#count }]
    this.#begunMs = nowMs
  }

  /** Begin again when it is time to; `nowMs` only grows. */
  repeat(nowMs: number): void {
    if (this.isOver && nowMs - this.#begunMs >= walkAgainMs) this.again(nowMs)
  }

  /** The next content to look for, the same until it is known; null: none, or not in this step. */
  next({ isHeld, isWanted }: WalkQuestions): ContentNumber | null {
    let asked = 0
    for (let passed = 0; passed < passedContents && asked < walkedContents; passed++) {
      const range = this.#ranges.at(-1)
      if (range === undefined) return null
      const content = range.below - 1
      if (content >= range.from) {
        if (!isHeld(content)) {
          asked++
          if (isWanted(content)) return content
        }
        range.below--
      }
      if (range.below <= range.from) this.#ranges.pop()
    }
    return null
  }
}
