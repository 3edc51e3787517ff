// How many bytes may pass now: a bucket that fills at a steady rate. It knows no queue and no timer.
// A taker larger than the bucket drives it below zero and so pays afterwards: the rate holds.

import assert from 'node:assert'
import type { Clock } from './clock.ts'

export interface BucketOptions {
  readonly bytesPerSecond: number
  /** What may pass at once after a pause. */
  readonly burstBytes: number
}

export class TokenBucket {
  #options: BucketOptions
  readonly #clock: Pick<Clock, 'monotonicMs'>
  #balanceBytes: number
  #filledMs: number

  constructor(options: BucketOptions, clock: Pick<Clock, 'monotonicMs'>) {
    assert(options.bytesPerSecond > 0 && options.burstBytes > 0)
    this.#options = options
    this.#clock = clock
    this.#balanceBytes = options.burstBytes
    this.#filledMs = clock.monotonicMs()
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs()
    const grownBytes = ((nowMs - this.#filledMs) * this.#options.bytesPerSecond) / 1000
    this.#balanceBytes = Math.min(this.#options.burstBytes, this.#balanceBytes + grownBytes)
    this.#filledMs = nowMs
  }

  /** Another rate from now on; what has gathered stays, up to the new burst. */
  change(options: BucketOptions): void {
    assert(options.bytesPerSecond > 0 && options.burstBytes > 0)
    this.#fill()
    this.#options = options
    this.#balanceBytes = Math.min(this.#balanceBytes, options.burstBytes)
  }

  /** Milliseconds until `bytes` may pass and leave `reserveBytes` for others; 0 means now. */
  waitMs(bytes: number, reserveBytes = 0): number {
    this.#fill()
    const neededBytes = Math.min(bytes + reserveBytes, this.#options.burstBytes)
    const missingBytes = neededBytes - this.#balanceBytes
    return missingBytes <= 0 ? 0 : (missingBytes * 1000) / this.#options.bytesPerSecond
  }

  /** Take `bytes` if they may pass now and leave `reserveBytes`. */
  tryTake(bytes: number, reserveBytes = 0): boolean {
    if (this.waitMs(bytes, reserveBytes) > 0) return false
    this.#balanceBytes -= bytes
    return true
  }
}
