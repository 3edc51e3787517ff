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
  readonly #hours: Hours | null
  #open: boolean
  #turn: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined

  /** Null: always open. */
  constructor(parts: ScheduleParts, hours: Hours | null) {
    this.#parts = parts
    this.#hours = hours
    this.#open = hours === null || isOpen(hours, parts.clock.nowMs())
  }

  /** True within the hours, as last looked at. */
  get isOpen(): boolean {
    return this.#open
  }

  /** Call `change` whenever the hours begin or end; if it fails it is called again. */
  start(change: (open: boolean) => Promise<void>, checkMs = hoursCheckMs): void {
    const hours = this.#hours
    if (hours === null) return
    this.#timer = setInterval(() => {
      const open = isOpen(hours, this.#parts.clock.nowMs())
      if (open === this.#open) return
      this.#open = open
      this.#turn = this.#turn.then(() => this.#change(open, change))
    }, checkMs)
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
    await this.#turn
  }
}
