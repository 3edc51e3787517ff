// Bounds how many requests one address may make: a bucket of tokens for each, in bounded memory. A
// burst passes (apt sends a thousand in one go); a steady flood does not.

import { LRUCache } from 'lru-cache'
import { limitedAddresses, requestBurstSeconds } from '../core/access-limits.ts'
import type { Clock } from '../core/clock.ts'
import { addressBlock, inNetworks, type Network } from '../core/networks.ts'

interface Bucket {
  tokens: number
  filledMs: number
}

export interface RequestLimitOptions {
  /** Null: no limit. */
  readonly perSecond: number | null
  /** Networks without a limit. */
  readonly exempt: readonly Network[]
}

export class RequestLimit {
  #options: RequestLimitOptions
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #buckets = new LRUCache<string, Bucket | 'exempt'>({ max: limitedAddresses })

  constructor(options: RequestLimitOptions, clock: Pick<Clock, 'monotonicMs'>) {
    this.#options = options
    this.#clock = clock
  }

  /** Another limit from now on; everybody begins with a full bucket. */
  change(options: RequestLimitOptions): void {
    this.#options = options
    this.#buckets.clear()
  }

  /**
   * Count one request, or as many as `cost` says; with cost 0 only who is in debt is held back.
   * Returns 0 if it may pass, else after how many seconds there will be room again.
   */
  take(address: string, cost = 1): number {
    const { perSecond } = this.#options
    if (perSecond === null) return 0
    const bucket = this.#bucketOf(address, perSecond)
    if (bucket === 'exempt') return 0
    if (bucket.tokens < Math.min(cost, 1)) return Math.ceil((1 - bucket.tokens) / perSecond)
    bucket.tokens -= cost
    return 0
  }

  /** Whether there is room for one request, which is not counted. */
  hasRoom(address: string): boolean {
    const { perSecond } = this.#options
    if (perSecond === null) return true
    const bucket = this.#bucketOf(address, perSecond)
    return bucket === 'exempt' || bucket.tokens >= 1
  }

  #bucketOf(address: string, perSecond: number): Bucket | 'exempt' {
    const nowMs = this.#clock.monotonicMs()
    const most = perSecond * requestBurstSeconds
    const known = this.#buckets.get(address)
    if (known === 'exempt') return known
    if (known !== undefined) {
      const earned = ((nowMs - known.filledMs) / 1000) * perSecond
      known.tokens = Math.min(most, known.tokens + earned)
      known.filledMs = nowMs
      return known
    }
    return this.#newBucket(address, { tokens: most, filledMs: nowMs })
  }

  #newBucket(address: string, fresh: Bucket): Bucket | 'exempt' {
    const block = addressBlock(address)
    // All addresses of one block share one bucket.
    const bucket = inNetworks(this.#options.exempt, address)
      ? ('exempt' as const)
      : (this.#buckets.get(block) ?? fresh)
    if (block !== address && bucket !== 'exempt') this.#buckets.set(block, bucket)
    this.#buckets.set(address, bucket)
    return bucket
  }
}
