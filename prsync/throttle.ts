// The download limit, as webtorrent's connections see it: bytes from peers wait here for their turn,
// so that the socket is not read any faster and the peer slows down.

import { Transform } from 'streamx'
import type { RateLimiter } from '../core/rate-limiter.ts'

class LimitedStream extends Transform {
  readonly #limiter: RateLimiter
  readonly #ended = new AbortController()

  constructor(limiter: RateLimiter) {
    super()
    this.#limiter = limiter
  }

  override _transform(data: unknown, done: (error: Error | null, data?: unknown) => void): void {
    const bytes = data instanceof Uint8Array ? data.length : 0
    this.#limiter.take(bytes, 'swarm', this.#ended.signal).then(
      () => done(null, data),
      error => done(error instanceof Error ? error : new Error(String(error))),
    )
  }

  override _predestroy(): void {
    this.#ended.abort(new Error('the connection is closed'))
  }
}

/** What webtorrent calls a throttle group. */
export interface ThrottleGroup {
  /** What the streams of this group wait for; those that need no stream ask it themselves. */
  readonly limiter?: RateLimiter
  throttle(): Transform
  destroy(): void
}

export const limitedBy = (limiter: RateLimiter): ThrottleGroup => ({
  limiter,
  throttle: () => new LimitedStream(limiter),
  destroy: () => undefined,
})

/** For bytes that are limited elsewhere, or not at all. */
export const unlimited: ThrottleGroup = {
  throttle: () => new Transform(),
  destroy: () => undefined,
}
