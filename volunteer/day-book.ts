// Keeps, in a small file of the data folder, what the volunteer gave and how long it synchronised on
// each day. A crash loses the last minutes; a file that cannot be read or written costs the history only.

import { readFile } from 'node:fs/promises'
import Type from 'typebox'
import type { Clock } from '../core/clock.ts'
import { daySaveMs, dayStepMs, rememberedDays } from '../core/dashboard-limits.ts'
import { writeFileDurably } from '../core/durable-file.ts'
import { describeError, systemCode } from '../core/errors.ts'
import type { Logger } from '../core/log.ts'
import type { Day } from '../dashboard/logic/overview.ts'
import { messageParser } from '../tracker/messages.ts'
import { addToDay, gained, noSums, type Sums } from './logic/days.ts'

const sum = Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

const parseBook = messageParser(
  Type.Object({
    days: Type.Array(
      Type.Object({
        date: Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\d$' }),
        ...{ syncMs: sum, clientBytes: sum, networkBytes: sum, peersBytes: sum },
        ...{ fromPeersBytes: sum, fromOriginBytes: sum, reusedBytes: sum },
      }),
      { maxItems: rememberedDays },
    ),
  }),
  'days',
  'MS_DATA_CORRUPT',
)

/** By the clock and time zone of this machine. */
const dateOf = (nowMs: number): string => {
  const now = new Date(nowMs)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`
}

export interface DayBookParts {
  readonly file: string
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>
  readonly logger: Logger
  /** Since the start of this process. */
  readonly totals: () => Sums
}

export class DayBook {
  readonly #parts: DayBookParts
  #days: readonly Day[] = []
  #before: Sums = noSums
  #timer: NodeJS.Timeout | undefined
  #savedMs: number
  #saving: Promise<void> = Promise.resolve()

  constructor(parts: DayBookParts) {
    this.#parts = parts
    this.#savedMs = parts.clock.monotonicMs()
  }

  async start(): Promise<void> {
    const { file, logger } = this.#parts
    try {
      this.#days = parseBook(JSON.parse(await readFile(file, 'utf8'))).days
    } catch (error) {
      const isNew = systemCode(error) === 'ENOENT'
      if (!isNew) logger.warn({ error: describeError(error) }, 'what was given before is not known')
    }
    this.#timer = setInterval(() => this.step(), dayStepMs).unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.step()
    await this.#save()
  }

  /** Oldest first; the last is today. */
  get days(): readonly Day[] {
    this.step()
    return this.#days
  }

  /** Add what was done since the last step. */
  step(): void {
    const { clock, totals } = this.#parts
    const now = totals()
    this.#days = addToDay(this.#days, dateOf(clock.nowMs()), gained(this.#before, now))
    this.#before = now
    if (clock.monotonicMs() - this.#savedMs < daySaveMs) return
    this.#savedMs = clock.monotonicMs()
    this.#saving = this.#saving.then(() => this.#save())
  }

  async #save(): Promise<void> {
    const { file, logger } = this.#parts
    try {
      await writeFileDurably(file, `${JSON.stringify({ days: this.#days })}\n`)
    } catch (error) {
      logger.warn({ error: describeError(error) }, 'what was given today cannot be written down')
    }
  }
}
