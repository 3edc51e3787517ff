// Counters that are read when they are asked for: whoever counts keeps plain numbers, which cost an
// addition. It knows no metric of ours but errors by code.

import { Counter, type Registry } from 'prom-client'
import type { Sample } from './collected-gauge.ts'
import { type ErrorCode, errorTable, isMirrorswarmError } from './errors.ts'

export interface CollectedCounter {
  readonly name: string
  readonly help: string
  readonly labels?: readonly string[]
  /** Each series at most once; what is no number from 0 on is left out. */
  readonly read: () => Iterable<Sample>
}

/** Register it; `read` is called at each scrape. */
export const addCounter = (
  registry: Registry,
  { name, help, labels, read }: CollectedCounter,
): void => {
  new Counter({
    name,
    help,
    labelNames: [...(labels ?? [])],
    registers: [registry],
    collect() {
      this.reset()
      // The library begins a series without labels at 0; what is not known shall have none.
      if (labels === undefined) this.remove()
      for (const [labelled, value] of read()) {
        if (Number.isFinite(value) && value >= 0) this.inc({ ...labelled }, value)
      }
    },
  })
}

/** How often something happened, by one of a fixed set of words. */
export class WordCounts<Word extends string> {
  readonly #counts: Map<Word, number>

  constructor(words: readonly Word[]) {
    this.#counts = new Map(words.map(word => [word, 0]))
  }

  /** A word that is not of the set is not counted: series stay bounded. */
  add(word: Word, times = 1): void {
    const before = this.#counts.get(word)
    if (before !== undefined) this.#counts.set(word, before + times)
  }

  of(word: Word): number {
    return this.#counts.get(word) ?? 0
  }

  samples(label: string): Sample[] {
    return [...this.#counts].map(([word, count]) => [{ [label]: word }, count] as const)
  }
}

export type ErrorCounts = WordCounts<ErrorCode>

export const newErrorCounts = (): ErrorCounts =>
  new WordCounts(Object.keys(errorTable) as ErrorCode[])

/** The code under which a caught value is counted. */
export const codeOf = (error: unknown): ErrorCode =>
  isMirrorswarmError(error) ? error.code : 'MS_INTERNAL'
