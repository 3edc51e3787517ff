// Asks the origin for exact runs of many pieces in few requests: what is asked for within a moment
// travels together. The gate decides when the origin may be asked; pieces are not known here.

import { MirrorswarmError } from '../core/errors.ts'
import type { Sha256 } from '../core/ids.ts'
import {
  originBatches,
  originGatherMs,
  originInFlightBytes,
  originSharedBytes,
} from '../core/limits.ts'
import type { RateLimiter } from '../core/rate-limiter.ts'
import { cutRuns, nextBatch } from './logic/run-batch.ts'
import { mergeRuns, type Run, runsBytes } from './logic/runs.ts'
import { type OriginFetch, type OriginGate, oddAnswer } from './origin-gate.ts'

export interface RunsOfContent {
  readonly sha256: Sha256
  /** Sorted, disjoint, not empty. */
  readonly runs: readonly Run[]
}

/**
 * Get runs from the origin: the bytes of all of them, in order. It keeps to the download limit, which
 * counts what travels, compressed or not. An error may say `retryAfterMs`, and with `sha256` which
 * content it is about.
 */
export type OriginRunsFetch = (
  asks: readonly RunsOfContent[],
  signal: AbortSignal,
) => Promise<AsyncIterable<Uint8Array>>

/** The same for an origin that only knows single ranges: one request for each run. */
export const runsByRanges =
  (fetch: OriginFetch, downloadLimiter: RateLimiter): OriginRunsFetch =>
  async (asks, signal) =>
    (async function* () {
      for (const { sha256, runs } of asks) {
        for (const { offset, length } of runs) {
          for await (const part of await fetch(sha256, offset, length, signal)) {
            await downloadLimiter.take(part.length, 'swarm', signal)
            yield part
          }
        }
      }
    })()

export interface OriginRunsParts {
  readonly fetch: OriginRunsFetch
  readonly gate: OriginGate
}

interface Item extends RunsOfContent {
  readonly lengthBytes: number
  readonly answer: PromiseWithResolvers<Uint8Array>
  /** Nobody waits for it any more. */
  cancelled: boolean
}

/** A request under way: the items not answered yet, in order, and what there is of the first. */
interface Batch {
  readonly items: Item[]
  /** The content whose bytes came last. */
  last: Sha256
  readonly abort: AbortController
  data: Buffer | null
  filled: number
}

export class OriginRuns {
  readonly #parts: OriginRunsParts
  readonly #waiting = new Set<Item>()
  readonly #batches = new Set<Batch>()
  #timer: NodeJS.Timeout | undefined
  #owedBytes = 0

  constructor(parts: OriginRunsParts) {
    this.#parts = parts
  }

  /** Bytes that may be asked for now, fewer of them when peers may bring some. */
  freeBytes(isShared: boolean): number {
    const { mood } = this.#parts.gate
    if (mood === 'paused') return 0
    // After a failure one piece goes ahead to see whether the origin is back.
    if (mood === 'failing') return this.#owedBytes === 0 ? 1 : 0
    return Math.max(0, (isShared ? originSharedBytes : originInFlightBytes) - this.#owedBytes)
  }

  /** The bytes of these runs, one after the other. What goes wrong is counted by the gate. */
  async get(sha256: Sha256, runs: readonly Run[], signal: AbortSignal): Promise<Uint8Array> {
    const parts = cutRuns(runs)
    if (parts.length === 1) return await this.#ask(sha256, runs, signal)
    const ended = new AbortController()
    const both = AbortSignal.any([signal, ended.signal])
    try {
      return Buffer.concat(await Promise.all(parts.map(part => this.#ask(sha256, part, both))))
    } catch (error) {
      // The other parts are of no use to anybody without this one.
      ended.abort(error)
      throw error
    }
  }

  async #ask(sha256: Sha256, runs: readonly Run[], signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted()
    const lengthBytes = runsBytes(runs)
    const answer = Promise.withResolvers<Uint8Array>()
    const item: Item = { sha256, runs, lengthBytes, answer, cancelled: false }
    const cancel = (): void => this.#cancel(item, signal.reason)
    signal.addEventListener('abort', cancel, { once: true })
    this.#waiting.add(item)
    this.#owedBytes += lengthBytes
    this.#timer ??= setTimeout(() => this.#send(), originGatherMs)
    try {
      return await answer.promise
    } finally {
      signal.removeEventListener('abort', cancel)
      this.#owedBytes -= lengthBytes
      this.#parts.gate.freed()
    }
  }

  /** Nobody waits for it: a request that is of no more use to anybody is ended. */
  #cancel(item: Item, reason: unknown): void {
    item.cancelled = true
    this.#waiting.delete(item)
    item.answer.reject(reason)
    for (const batch of this.#batches) {
      if (batch.items.every(({ cancelled }) => cancelled)) batch.abort.abort(reason)
    }
  }

  #send(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { gate } = this.#parts
    for (const item of this.#waiting) {
      if (gate.mood !== 'paused' && gate.mayAsk(item.sha256)) continue
      this.#waiting.delete(item)
      item.answer.reject(
        new MirrorswarmError('MS_REMOTE_UNREACHABLE', 'the origin is left alone for a while'),
      )
    }
    while (this.#waiting.size > 0 && this.#batches.size < originBatches) {
      const items = nextBatch(this.#waiting)
      for (const item of items) this.#waiting.delete(item)
      const [first] = items
      if (first === undefined) return
      const abort = new AbortController()
      const batch: Batch = { items, last: first.sha256, abort, data: null, filled: 0 }
      this.#batches.add(batch)
      void this.#carry(batch)
    }
  }

  /** Resolves in any case; each of the batch's items is answered or rejected then. */
  async #carry(batch: Batch): Promise<void> {
    const { gate } = this.#parts
    try {
      await this.#receive(batch)
    } catch (error) {
      const named = (error as { sha256?: Sha256 } | null)?.sha256
      const about = named ?? batch.items[0]?.sha256 ?? batch.last
      if (!batch.abort.signal.aborted) gate.blame(about, error)
      batch.abort.abort(error)
      for (const { answer } of batch.items) answer.reject(error)
    } finally {
      this.#batches.delete(batch)
      this.#send()
    }
  }

  async #receive(batch: Batch): Promise<void> {
    const { signal } = batch.abort
    const ended = Promise.withResolvers<never>()
    ended.promise.catch(() => undefined)
    // An answer that neither moves nor ends must not keep its place for ever.
    const stop = (): void => ended.reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    const asks = asksOf(batch.items)
    const body = (await Promise.race([this.#parts.fetch(asks, signal), ended.promise]))[
      Symbol.asyncIterator
    ]()
    try {
      for (;;) {
        const { done, value } = await Promise.race([body.next(), ended.promise])
        if (done === true) break
        this.#parts.gate.received(value.length)
        this.#fill(batch, value)
      }
      if (batch.items.length > 0) throw oddAnswer('less bytes than were asked for')
    } finally {
      signal.removeEventListener('abort', stop)
      // Its end is not waited for: it may hang.
      void body.return?.(undefined)?.then(undefined, () => undefined)
    }
  }

  /** Hand out what has come; each item is answered as soon as all of it is here. */
  #fill(batch: Batch, part: Uint8Array): void {
    for (let at = 0; at < part.length; ) {
      const [item] = batch.items
      if (item === undefined) throw oddAnswer('more bytes than were asked for')
      batch.last = item.sha256
      batch.data ??= Buffer.allocUnsafe(item.lengthBytes)
      const length = Math.min(part.length - at, item.lengthBytes - batch.filled)
      batch.data.set(part.subarray(at, at + length), batch.filled)
      batch.filled += length
      at += length
      if (batch.filled < item.lengthBytes) return
      batch.items.shift()
      this.#parts.gate.praise(item.sha256)
      item.answer.resolve(batch.data)
      batch.data = null
      batch.filled = 0
    }
  }
}

/** The items' runs, those of one content together; they follow one another in the batch. */
const asksOf = (items: readonly Item[]): RunsOfContent[] => {
  const groups = new Map<Sha256, Run[]>()
  for (const { sha256, runs } of items) {
    const group = groups.get(sha256)
    if (group === undefined) groups.set(sha256, [...runs])
    else for (const run of runs) group.push(run)
  }
  return [...groups].map(([sha256, runs]) => ({ sha256, runs: mergeRuns(runs) }))
}
