// Shares one rate between clients and the swarm: whoever sends takes its bytes first and waits its
// turn. Clients go before the swarm, and within a kind large takers and small ones get the same rate.
// Whoever waits does so once, so the queues are as short as the number of connections, which their
// owners bound.

import { type Clock, systemClock } from './clock.ts'
import { activeClientMs, clientReserve, rateBurstMs, rateTurnBytes } from './limits.ts'
import { type BucketOptions, TokenBucket } from './token-bucket.ts'

export type TrafficPriority = 'client' | 'swarm'

interface Waiter {
  /** Still to be given. */
  bytes: number
  readonly resume: () => void
}

const bucketOptions = (bytesPerSecond: number): BucketOptions => ({
  bytesPerSecond,
  burstBytes: Math.max(1, (bytesPerSecond * rateBurstMs) / 1000),
})

export class RateLimiter {
  #bucket: TokenBucket | null = null
  readonly #clock: Pick<Clock, 'monotonicMs'>
  #reserveBytes = 0
  readonly #clients = new Set<Waiter>()
  readonly #swarm = new Set<Waiter>()
  #timer: NodeJS.Timeout | undefined
  #takenBytes = 0
  /** What the swarm alone is held to for now. */
  #brake: TokenBucket | null = null
  /** When a client last asked. */
  #clientMs = Number.NEGATIVE_INFINITY

  /** `null` is no limit. */
  constructor(bytesPerSecond: number | null, clock: Pick<Clock, 'monotonicMs'> = systemClock) {
    this.#clock = clock
    this.change(bytesPerSecond)
  }

  /** Another limit for all from now on, also for those who wait; `null` is none. */
  change(bytesPerSecond: number | null): void {
    const options = bytesPerSecond === null ? null : bucketOptions(bytesPerSecond)
    if (options === null) this.#bucket = null
    else if (this.#bucket !== null) this.#bucket.change(options)
    else this.#bucket = new TokenBucket(options, this.#clock)
    this.#reserveBytes = (options?.burstBytes ?? 0) * clientReserve
    this.#schedule()
  }

  /** Hold the swarm to a rate of its own, on top of the limit for all; null: no more. */
  holdSwarm(bytesPerSecond: number | null): void {
    if (bytesPerSecond === null) this.#brake = null
    else if (this.#brake !== null) this.#brake.change(bucketOptions(bytesPerSecond))
    else this.#brake = new TokenBucket(bucketOptions(bytesPerSecond), this.#clock)
    this.#schedule()
  }

  /** False when every `take` for a client resolves at once. */
  get limits(): boolean {
    return this.#bucket !== null
  }

  /** False when every `take` of that kind resolves at once. */
  limitsFor(priority: TrafficPriority): boolean {
    return this.limits || (priority === 'swarm' && this.#brake !== null)
  }

  /** Bytes given out so far, limited or not. */
  get takenBytes(): number {
    return this.#takenBytes
  }

  /** Resolves when `bytes` may be sent; rejects with the signal's reason when it is aborted. */
  async take(bytes: number, priority: TrafficPriority, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (this.takeNow(bytes, priority)) return
    await this.#wait(bytes, priority === 'client' ? this.#clients : this.#swarm, signal)
  }

  /** The same without waiting: false, and nothing is taken, when it is not one's turn yet. */
  takeNow(bytes: number, priority: TrafficPriority): boolean {
    const passes = this.#passes(bytes, priority)
    if (passes) this.#takenBytes += bytes
    return passes
  }

  #passes(bytes: number, priority: TrafficPriority): boolean {
    if (priority === 'client') {
      if (this.#bucket === null) return true
      this.#clientMs = this.#clock.monotonicMs()
      return this.#clients.size === 0 && this.#tryTake(bytes, priority)
    }
    return this.#clients.size + this.#swarm.size === 0 && this.#tryTake(bytes, priority)
  }

  #waitMs(bytes: number, priority: TrafficPriority): number {
    const waitMs = this.#bucket?.waitMs(bytes, this.#reserveAgainst(priority)) ?? 0
    return priority === 'client' ? waitMs : Math.max(waitMs, this.#brake?.waitMs(bytes) ?? 0)
  }

  #tryTake(bytes: number, priority: TrafficPriority): boolean {
    if (this.#waitMs(bytes, priority) > 0) return false
    this.#bucket?.tryTake(bytes, this.#reserveAgainst(priority))
    if (priority === 'swarm') this.#brake?.tryTake(bytes)
    return true
  }

  /**
   * What a client that has just been given its bytes will ask for next is not there yet; the swarm
   * must not take it while the client reads and sends.
   */
  #reserveAgainst(priority: TrafficPriority): number {
    if (priority === 'client') return 0
    return this.#clock.monotonicMs() - this.#clientMs < activeClientMs ? this.#reserveBytes : 0
  }

  #wait(bytes: number, queue: Set<Waiter>, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        queue.delete(waiter)
        this.#schedule()
        reject(signal?.reason)
      }
      const waiter: Waiter = {
        bytes,
        resume: () => {
          signal?.removeEventListener('abort', giveUp)
          this.#takenBytes += bytes
          resolve()
        },
      }
      queue.add(waiter)
      signal?.addEventListener('abort', giveUp, { once: true })
      this.#schedule()
    })
  }

  /** Let pass whoever may pass now, and come back when the next one may. */
  #schedule(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (;;) {
      const priority = this.#clients.size > 0 ? 'client' : 'swarm'
      const queue = priority === 'client' ? this.#clients : this.#swarm
      const [next] = queue
      if (next === undefined) return
      const bytes = Math.min(next.bytes, rateTurnBytes)
      if (!this.#tryTake(bytes, priority)) {
        const waitMs = Math.ceil(this.#waitMs(bytes, priority))
        this.#timer = setTimeout(() => this.#schedule(), waitMs)
        return
      }
      queue.delete(next)
      next.bytes -= bytes
      if (next.bytes > 0) queue.add(next)
      else next.resume()
    }
  }
}
