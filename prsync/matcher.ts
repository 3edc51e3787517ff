// Finds wanted chunks of a content in local files: the matching threads and the queue before them. Never
// blocks the event loop. Knows files by name only and nothing of where contents come from.

import { Worker } from 'node:worker_threads'
import { MirrorswarmError } from '../core/errors.ts'
import { chunkHashBytes, isChunkBytes } from '../core/kernel/chunk-map.ts'
import { basesAtOnce, type WantedChunks } from '../core/kernel/chunk-scanner.ts'
import {
  idleMatchThreadMs,
  largeMatchChunks,
  matchedChunksAtOnce,
  matchHeapMiB,
  waitingMatches,
} from '../core/limits.ts'
import type { BasisFile, MatchAnswer, MatchRequest, MatchResult } from './match-worker.ts'

export type { WantedChunks } from '../core/kernel/chunk-scanner.ts'
export type { BasisFile, MatchResult } from './match-worker.ts'

/** Wanted chunks in lists of their own, which go over to the thread. */
interface MovedChunks extends WantedChunks {
  readonly chunks: Uint32Array<ArrayBuffer>
  readonly hashes: Uint8Array<ArrayBuffer>
}

interface Job {
  readonly request: MatchRequest & { readonly wanted: MovedChunks }
  readonly chunkCount: number
  readonly resolve: (result: MatchResult) => void
  readonly reject: (error: unknown) => void
}

export interface MatcherOptions {
  /** Threads, by default one: matching is no hurry, and clients are served beside it. */
  readonly workers?: number
  readonly chunksAtOnce?: number
}

const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? './match-worker.ts' : './match-worker.js',
  import.meta.url,
)

const partOf = (wanted: WantedChunks, from: number, to: number): MovedChunks => ({
  chunkBytes: wanted.chunkBytes,
  chunks: Uint32Array.from(wanted.chunks.subarray(from, to)),
  hashes: Uint8Array.from(wanted.hashes.subarray(from * chunkHashBytes, to * chunkHashBytes)),
})

/** Without what else the caller knows of it, which might not be for other threads. */
const basisOnly = ({ file, sizeBytes, modifiedNs, runs }: BasisFile): BasisFile => ({
  ...{ file, sizeBytes, modifiedNs },
  ...(runs === undefined ? {} : { runs }),
})

/** The parts' places one after the other, without those in bases that were not usable to the end. */
const joinResults = (parts: readonly MatchResult[]): MatchResult => {
  const unusable = new Set(parts.flatMap(part => part.unusable))
  let count = 0
  for (const { bases } of parts) for (const basis of bases) if (!unusable.has(basis)) count++
  const joined = {
    chunks: new Uint32Array(count),
    bases: new Uint32Array(count),
    offsets: new Float64Array(count),
  }
  let at = 0
  for (const { chunks, bases, offsets } of parts) {
    for (const [index, basis] of bases.entries()) {
      if (unusable.has(basis)) continue
      joined.chunks[at] = chunks[index] as number
      joined.bases[at] = basis
      joined.offsets[at++] = offsets[index] as number
    }
  }
  const scannedBytes = parts.reduce((sum, part) => sum + part.scannedBytes, 0)
  return { ...joined, scannedBytes, unusable: [...unusable].sort((a, b) => a - b) }
}

const assertSensible = ({ chunkBytes, chunks, hashes }: WantedChunks, bases: number): void => {
  if (!isChunkBytes(chunkBytes)) throw new RangeError(`no size of a chunk: ${chunkBytes}`)
  if (hashes.length !== chunks.length * chunkHashBytes) throw new RangeError('not a hash a chunk')
  if (bases > basesAtOnce) throw new RangeError(`${bases} bases at once`)
}

/** Threads that look for chunks in files. They do not keep the process alive while they are idle. */
export class Matcher {
  readonly #workers: number
  readonly #chunksAtOnce: number
  readonly #idle = new Map<Worker, NodeJS.Timeout>()
  readonly #running = new Map<Worker, Job>()
  readonly #queue: Job[] = []
  #nextId = 0
  #stopped = false

  constructor(options: MatcherOptions = {}) {
    this.#workers = options.workers ?? 1
    this.#chunksAtOnce = options.chunksAtOnce ?? matchedChunksAtOnce
  }

  /**
   * Look for the wanted chunks in the bases, in this order, until all have been found. Equal chunks all
   * get the place of one of them; chunks of zeros need no basis. Throws RangeError for lists that do
   * not fit together, MS_INTERNAL when a thread dies or too many wait, and the signal's reason.
   */
  async match(
    wanted: WantedChunks,
    bases: readonly BasisFile[],
    signal: AbortSignal,
  ): Promise<MatchResult> {
    assertSensible(wanted, bases.length)
    const files = bases.map(basisOnly)
    const parts: MatchResult[] = []
    for (let from = 0; from < wanted.chunks.length; from += this.#chunksAtOnce) {
      signal.throwIfAborted()
      parts.push(await this.#search(partOf(wanted, from, from + this.#chunksAtOnce), files, signal))
    }
    return parts.length === 1 ? (parts[0] as MatchResult) : joinResults(parts)
  }

  /** End all threads; what they have not answered is rejected. */
  async stop(): Promise<void> {
    this.#stopped = true
    const stopped = new MirrorswarmError('MS_INTERNAL', 'the matching threads were stopped')
    for (const job of this.#queue.splice(0)) job.reject(stopped)
    const workers = [...this.#running.keys(), ...this.#idle.keys()]
    for (const job of this.#running.values()) job.reject(stopped)
    for (const timer of this.#idle.values()) clearTimeout(timer)
    this.#running.clear()
    this.#idle.clear()
    await Promise.all(workers.map(worker => worker.terminate()))
  }

  async #search(
    wanted: MovedChunks,
    bases: readonly BasisFile[],
    signal: AbortSignal,
  ): Promise<MatchResult> {
    if (this.#queue.length >= waitingMatches) {
      throw new MirrorswarmError('MS_INTERNAL', 'too many searches for chunks wait')
    }
    const { promise, resolve, reject } = Promise.withResolvers<MatchResult>()
    const abandoned = new Int32Array(new SharedArrayBuffer(4))
    const request = { id: this.#nextId++, wanted, bases, abandoned }
    const job: Job = { request, chunkCount: wanted.chunks.length, resolve, reject }
    const abort = (): void => this.#abandon(job, signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    this.#queue.push(job)
    this.#dispatch()
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      if (this.#stopped) {
        this.#queue.shift()?.reject(new MirrorswarmError('MS_INTERNAL', 'matching has stopped'))
        continue
      }
      const worker = this.#takeIdle() ?? this.#start()
      if (worker === null) return
      const job = this.#queue.shift() as Job
      this.#running.set(worker, job)
      worker.ref()
      const { chunks, hashes } = job.request.wanted
      worker.postMessage(job.request, [chunks.buffer, hashes.buffer])
    }
  }

  /** The thread notices at its next read and answers, so that it need not be started again. */
  #abandon(job: Job, reason: unknown): void {
    const position = this.#queue.indexOf(job)
    if (position >= 0) this.#queue.splice(position, 1)
    Atomics.store(job.request.abandoned, 0, 1)
    job.reject(reason)
  }

  #takeIdle(): Worker | null {
    const next = this.#idle.entries().next()
    if (next.done) return null
    const [worker, timer] = next.value
    clearTimeout(timer)
    this.#idle.delete(worker)
    return worker
  }

  #start(): Worker | null {
    if (this.#running.size >= this.#workers) return null
    const worker = new Worker(workerFile, {
      resourceLimits: { maxOldGenerationSizeMb: matchHeapMiB, maxYoungGenerationSizeMb: 4 },
    })
    worker.on('message', (answer: MatchAnswer) => this.#finish(worker, answer))
    worker.on('error', error => this.#lose(worker, error))
    worker.on('exit', code => this.#lose(worker, new Error(`the thread ended (${code})`)))
    return worker
  }

  #finish(worker: Worker, answer: MatchAnswer): void {
    const job = this.#running.get(worker)
    if (job === undefined) return
    this.#running.delete(worker)
    if ('result' in answer) job.resolve(answer.result)
    else job.reject(new MirrorswarmError('MS_INTERNAL', `matching failed: ${answer.failure}`))
    worker.unref()
    if (job.chunkCount > largeMatchChunks) this.#end(worker)
    else {
      const timer = setTimeout(() => this.#end(worker), idleMatchThreadMs)
      this.#idle.set(worker, timer.unref())
    }
    this.#dispatch()
  }

  #end(worker: Worker): void {
    this.#idle.delete(worker)
    worker.terminate().catch((error: unknown) => this.#lose(worker, error))
  }

  #lose(worker: Worker, error: unknown): void {
    const job = this.#running.get(worker)
    this.#running.delete(worker)
    clearTimeout(this.#idle.get(worker))
    this.#idle.delete(worker)
    job?.reject(new MirrorswarmError('MS_INTERNAL', 'a matching thread died', { cause: error }))
    this.#dispatch()
  }
}
