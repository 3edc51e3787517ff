// Watches the owner's hours and carries out their beginning and end, one after the other.

import type { Clock } from '../core/clock.ts'
import { describeError } from '../core/errors.ts'
import { type Hours, isOpen } from '../core/hours.ts'
import type { Logger } from '../core/log.ts'
import { hoursCheckMs } from '../core/volunteer-limits.ts'

export interface ScheduleParts {
  readonly clock: Pick<Clock, 'nowMs'>
  readonly logger: Logger
}

export class Schedule {
  readonly #parts: ScheduleParts
  #hours: Hours | null
  #open: boolean
  #turn: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  /** Null: not started, or stopped. */
  #look: (() => void) | null = null
  #checkMs = hoursCheckMs

  /** Null: always open. */
  constructor(parts: ScheduleParts, hours: Hours | null) {
    this.#parts = parts
    this.#hours = hours
    this.#open = this.#isOpenNow()
  }

  /** True within the hours, as last looked at. */
  get isOpen(): boolean {
    return this.#open
  }

  /** Call `change` whenever the hours begin or end; if it fails it is called again. */
  start(change: (open: boolean) => Promise<void>, checkMs = hoursCheckMs): void {
    this.#checkMs = checkMs
    this.#look = () => {
      const open = this.#isOpenNow()
      if (open === this.#open) return
      this.#open = open
      this.#turn = this.#turn.then(() => this.#change(open, change))
    }
    this.#watch()
  }

  /** Other hours, which begin or end at once if they differ so; null: always open. */
  change(hours: Hours | null): void {
    this.#hours = hours
    if (this.#look === null) this.#open = this.#isOpenNow()
    else this.#watch()
  }

  #isOpenNow(): boolean {
    return this.#hours === null || isOpen(this.#hours, this.#parts.clock.nowMs())
  }

  /** Who is open since the start has nothing to look at; else what failed is tried again. */
  #watch(): void {
    clearInterval(this.#timer)
    this.#look?.()
    if (this.#hours === null && this.#timer === undefined && this.#open) return
    this.#timer = setInterval(() => this.#look?.(), this.#checkMs)
    this.#timer.unref()
  }

  async #change(open: boolean, change: (open: boolean) => Promise<void>): Promise<void> {
    try {
      await change(open)
      this.#parts.logger.info({ open }, open ? 'the hours begin' : 'the hours end')
    } catch (error) {
      this.#parts.logger.error({ open, error: describeError(error) }, 'a change of hours failed')
      // As if the hours had not changed yet: looked at again soon.
      if (this.#open === open) this.#open = !open
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#look = null
    await this.#turn
  }
}
