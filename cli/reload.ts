// What SIGHUP means for a daemon that runs: which options have other values now, which of them it
// takes, and one log line about it. It starts and stops nothing.

import { isDeepStrictEqual } from 'node:util'
import { describeError } from '../core/errors.ts'
import type { Logger } from '../core/log.ts'
import { type OptionTable, optionName, type Values } from './option-spec.ts'

export interface OptionChanges<T extends OptionTable> {
  /** As before, with the new values of those that are taken. */
  readonly values: Values<T>
  /** Names of options, as in the configuration file. */
  readonly taken: readonly string[]
  readonly needRestart: readonly string[]
}

/** Tell apart what can be taken now and what waits for a restart. */
export const compareOptions = <T extends OptionTable>(
  table: T,
  before: Values<T>,
  now: Values<T>,
): OptionChanges<T> => {
  const changed = Object.keys(table).filter(key => !isDeepStrictEqual(before[key], now[key]))
  const reloads = changed.filter(key => table[key]?.reloads === true)
  return {
    values: { ...before, ...Object.fromEntries(reloads.map(key => [key, now[key]])) } as Values<T>,
    taken: reloads.map(optionName),
    needRestart: changed.filter(key => table[key]?.reloads !== true).map(optionName),
  }
}

export interface ReloaderParts<T extends OptionTable> {
  readonly table: T
  /** The options as they are now. Rejects with UsageError. */
  readonly reread: () => Promise<Values<T>>
  /** Throws where values do not fit together. */
  readonly check: (values: Values<T>) => unknown
  /** Have the daemon work by them. Rejects, and then nothing has changed. */
  readonly apply: (values: Values<T>) => Promise<void> | void
  readonly logger: Logger
}

/** Carries out one reload after the other. */
export class Reloader<T extends OptionTable> {
  readonly #parts: ReloaderParts<T>
  #values: Values<T>
  #turn: Promise<void> = Promise.resolve()
  #waiting = false

  constructor(parts: ReloaderParts<T>, values: Values<T>) {
    this.#parts = parts
    this.#values = values
  }

  /** Resolves when it is done or refused. One that waits already is enough for all who ask. */
  reload(): Promise<void> {
    if (!this.#waiting) {
      this.#waiting = true
      this.#turn = this.#turn.then(() => this.#reload())
    }
    return this.#turn
  }

  async #reload(): Promise<void> {
    this.#waiting = false
    const { table, reread, check, apply, logger } = this.#parts
    try {
      const now = await reread()
      check(now)
      const changes = compareOptions(table, this.#values, now)
      // Also where nothing changed: files that options name are read anew.
      await apply(changes.values)
      this.#values = changes.values
      const { taken, needRestart } = changes
      const say = needRestart.length === 0 ? logger.info : logger.warn
      say.call(logger, { taken, needRestart }, 'reloaded')
    } catch (error) {
      logger.error({ error: describeError(error) }, 'not reloaded, nothing has changed')
    }
  }
}
