// Keeps the swarm from taking the thread's time from clients: looks a few times a second at how busy
// the thread is, and holds both directions of the swarm to the rate that follows from it.

import { performance } from 'node:perf_hooks'
import type { Clock } from '../core/clock.ts'
import type { RateLimiter } from '../core/rate-limiter.ts'
import { courtesyTickMs } from '../core/volunteer-limits.ts'
import { type CourtesyState, calmCourtesy, stepCourtesy } from './logic/courtesy.ts'

export interface CourtesyParts {
  readonly limiters: readonly RateLimiter[]
  /** Clients that are being served now. */
  readonly activeClients: () => number
  /** Bytes sent to clients since the start. */
  readonly clientBytes: () => number
  readonly swarm: () => { readonly downloadedBytes: number; readonly uploadedBytes: number }
  readonly clock: Pick<Clock, 'monotonicMs'>
}

export class Courtesy {
  readonly #parts: CourtesyParts
  #state: CourtesyState = calmCourtesy
  #utilization = performance.eventLoopUtilization()
  #counters = { atMs: 0, client: 0, down: 0, up: 0 }
  #timer: NodeJS.Timeout | undefined

  constructor(parts: CourtesyParts) {
    this.#parts = parts
  }

  /** What the swarm is held to now, in bytes a second; null: nothing. */
  get bytesPerSecond(): number | null {
    return this.#state.bytesPerSecond
  }

  start(): void {
    this.#counters = this.#read()
    this.#utilization = performance.eventLoopUtilization()
    this.#timer = setInterval(() => this.#look(), courtesyTickMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    for (const limiter of this.#parts.limiters) limiter.holdSwarm(null)
  }

  #read() {
    const { clientBytes, swarm, clock } = this.#parts
    const { downloadedBytes, uploadedBytes } = swarm()
    const atMs = clock.monotonicMs()
    return { atMs, client: clientBytes(), down: downloadedBytes, up: uploadedBytes }
  }

  #look(): void {
    const before = this.#counters
    const now = this.#read()
    const utilization = performance.eventLoopUtilization()
    const elapsedMs = Math.max(1, now.atMs - before.atMs)
    const swarmBytes = Math.max(now.down - before.down, now.up - before.up)
    const held = this.#state.bytesPerSecond
    this.#state = stepCourtesy(this.#state, {
      nowMs: now.atMs,
      clientsServed: this.#parts.activeClients() > 0 || now.client > before.client,
      utilization: performance.eventLoopUtilization(utilization, this.#utilization).utilization,
      swarmBytesPerSecond: (1000 * swarmBytes) / elapsedMs,
    })
    this.#counters = now
    this.#utilization = utilization
    const { bytesPerSecond } = this.#state
    if (bytesPerSecond === held) return
    for (const limiter of this.#parts.limiters) limiter.holdSwarm(bytesPerSecond)
  }
}
