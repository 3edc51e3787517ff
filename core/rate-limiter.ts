// Shares one rate between clients and the swarm: whoever sends takes its bytes first and waits its
// turn. Clients go before the swarm, and each kind keeps its order. Whoever waits does so once, so
// the queues are as short as the number of connections, which their owners bound.

import { type Clock, systemClock } from './clock.ts'
import { rateBurstMs } from './limits.ts'
import { TokenBucket } from './token-bucket.ts'

export type TrafficPriority = 'client' | 'swarm'

interface Waiter {
  readonly bytes: number
  readonly resume: () => void
}

export class RateLimiter {
  readonly #bucket: TokenBucket | null
  readonly #clients = new Set<Waiter>()
  readonly #swarm = new Set<Waiter>()
  #timer: NodeJS.Timeout | undefined
  #takenBytes = 0

  /** `null` is no limit. */
  constructor(bytesPerSecond: number | null, clock: Pick<Clock, 'monotonicMs'> = systemClock) {
    this.#bucket =
      bytesPerSecond === null
        ? null
        : new TokenBucket(
            { bytesPerSecond, burstBytes: Math.max(1, (bytesPerSecond * rateBurstMs) / 1000) },
            clock,
          )
  }

  /** False when every `take` resolves at once. */
  get limits(): boolean {
    return this.#bucket !== null
  }

  /** Bytes given out so far, limited or not. */
  get takenBytes(): number {
    return this.#takenBytes
  }

  /** Resolves when `bytes` may be sent; rejects with the signal's reason when it is aborted. */
  async take(bytes: number, priority: TrafficPriority, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (this.#bucket === null || (!this.#mustQueue(priority) && this.#bucket.tryTake(bytes))) {
      this.#takenBytes += bytes
      return
    }
    await this.#wait(bytes, priority === 'client' ? this.#clients : this.#swarm, signal)
  }

  #mustQueue(priority: TrafficPriority): boolean {
    return this.#clients.size > 0 || (priority === 'swarm' && this.#swarm.size > 0)
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
          queue.delete(waiter)
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

  #first(): Waiter | undefined {
    for (const waiter of this.#clients) return waiter
    for (const waiter of this.#swarm) return waiter
    return undefined
  }

  /** Let pass whoever may pass now, and come back when the next one may. */
  #schedule(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (let next = this.#first(); next !== undefined; next = this.#first()) {
      const waitMs = this.#bucket?.waitMs(next.bytes) ?? 0
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#schedule(), Math.ceil(waitMs))
        return
      }
      this.#bucket?.tryTake(next.bytes)
      next.resume()
    }
  }
}
