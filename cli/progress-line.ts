// Shows how far long work is: a bar that is drawn over on a terminal, now and then a line elsewhere.

import { type Clock, systemClock } from '../core/clock.ts'
import { formatSize } from '../core/units.ts'
import type { Io } from './io.ts'

const drawEveryMs = 100
const lineEveryMs = 10_000
const barLength = 24

/** '[#######-----]  58 %' */
export const progressBar = (done: number, total: number): string => {
  const part = total > 0 ? Math.min(1, done / total) : 0
  const full = Math.round(part * barLength)
  const percent = `${Math.floor(part * 100)}`.padStart(3)
  return `[${'#'.repeat(full)}${'-'.repeat(barLength - full)}] ${percent} %`
}

export class ProgressLine {
  readonly #io: Pick<Io, 'note' | 'draw' | 'interactive'>
  readonly #clock: Pick<Clock, 'monotonicMs'>
  #shownMs: number
  #drawn = false

  constructor(
    io: Pick<Io, 'note' | 'draw' | 'interactive'>,
    clock: Pick<Clock, 'monotonicMs'> = systemClock,
  ) {
    this.#io = io
    this.#clock = clock
    // Work that is over soon prints no line; a terminal sees the bar at once.
    this.#shownMs = io.interactive ? Number.NEGATIVE_INFINITY : clock.monotonicMs()
  }

  /** Call it as often as you like. */
  show(what: string, doneBytes: number, totalBytes: number): void {
    const amount = `${formatSize(doneBytes)} of ${formatSize(totalBytes)}`
    this.#show(what, doneBytes, totalBytes, amount)
  }

  /** The same for work that is counted in steps. */
  step(what: string, done: number, total: number): void {
    this.#show(what, done, total, `${done} of ${total}`)
  }

  #show(what: string, done: number, total: number, amount: string): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#shownMs < (this.#io.interactive ? drawEveryMs : lineEveryMs)) return
    this.#shownMs = nowMs
    if (this.#io.interactive) {
      this.#io.draw(`${progressBar(done, total)}  ${amount}  ${what}`)
      this.#drawn = true
    } else this.#io.note(`${what}: ${amount}`)
  }

  /** Leave the line as it was before. */
  end(): void {
    if (this.#drawn) this.#io.draw('')
    this.#drawn = false
  }
}
