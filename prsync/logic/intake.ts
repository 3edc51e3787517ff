// Tells whether a volunteer that downloads gets anything, or starves: its peers owe it nothing or send
// next to nothing, and nothing of its own share is under way. Knows neither pieces nor connections.

import { intakeStepMs, starvingBytesPerSecond } from '../../core/limits.ts'

/** Of all torrents together. */
export class Intake {
  /** Requests for pieces of the own share that the origin is answering. */
  ownRequests = 0
  #fed = false
  #bytes = 0
  #lookedMs: number
  #starvingMs = 0

  constructor(nowMs: number) {
    this.#lookedMs = nowMs
  }

  /** Bytes have come from a peer. */
  received(bytes: number): void {
    this.#bytes += bytes
  }

  /** A request for a piece of the own share has ended. */
  ownEnded(): void {
    this.ownRequests--
    this.#fed = true
  }

  /** A download begins, or waits for something that is no fault of the peers'. */
  begun(): void {
    this.#starvingMs = 0
  }

  /** To be called now and then, several times a second. */
  look(nowMs: number): void {
    const sinceMs = nowMs - this.#lookedMs
    const isFed =
      this.#fed || this.ownRequests > 0 || this.#bytes > (starvingBytesPerSecond * sinceMs) / 1000
    // When this process itself had no time, the peers' time does not run out either.
    this.#starvingMs = isFed ? 0 : this.#starvingMs + Math.min(sinceMs, intakeStepMs)
    this.#fed = false
    this.#bytes = 0
    this.#lookedMs = nowMs
  }

  /** For how long next to nothing has come; as of the last look. */
  get starvingMs(): number {
    return this.#starvingMs
  }
}
