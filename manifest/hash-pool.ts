// The hashing threads and the queue before them. Batches go to whichever thread is free; what comes
// back is unpacked here.

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { MirrorswarmError } from '../core/errors.ts'
import type { RepoPath } from '../core/ids.ts'
import { hashHeapMiB } from '../core/limits.ts'
import type { BatchAnswer, HashRequest, PackedOutcome } from './hash-worker.ts'

export type { HashRequest } from './hash-worker.ts'

/** A file's digests (raw bytes) and how it looked while it was read. */
export interface HashedFile {
  readonly kind: 'hashed'
  readonly path: RepoPath
  readonly sizeBytes: number
  readonly modifiedNs: bigint
  readonly changedNs: bigint
  readonly inode: bigint
  /** Changed so recently that another change might leave the same times behind. */
  readonly young: boolean
  readonly sha256: Buffer
  readonly sha1: Buffer
  readonly md5: Buffer
  readonly md4: Buffer
  /** 20 bytes each; the last one of the last piece filled up with zeros. */
  readonly pieces: Buffer
  /** 20 bytes: the last piece as it is; empty for an empty file. */
  readonly lastPiece: Buffer
  /** 8 bytes for each whole chunk of 64 KiB. */
  readonly coarse: Buffer
  /** The bytes, when they were asked for and are few. */
  readonly inline: Buffer | null
}

export type HashOutcome =
  | HashedFile
  /** It changed each time it was read. */
  | { readonly kind: 'changed' | 'vanished'; readonly path: RepoPath }
  | { readonly kind: 'unreadable'; readonly path: RepoPath; readonly reason: string }

interface Job {
  readonly id: number
  readonly root: string
  readonly files: readonly HashRequest[]
  readonly resolve: (outcomes: HashOutcome[]) => void
  readonly reject: (error: unknown) => void
}

const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? './hash-worker.ts' : './hash-worker.js',
  import.meta.url,
)

class Unpacker {
  readonly #bytes: Buffer
  #offset = 0

  constructor(packed: Uint8Array<ArrayBuffer>) {
    this.#bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)
  }

  #take(length: number): Buffer {
    this.#offset += length
    return this.#bytes.subarray(this.#offset - length, this.#offset)
  }

  outcome(path: RepoPath, outcome: PackedOutcome): HashOutcome {
    if (outcome.kind !== 'hashed') return { ...outcome, path }
    const { piecesLength, lastPieceLength, coarseLength, inlineLength, ...stats } = outcome
    return {
      ...stats,
      path,
      sha256: this.#take(32),
      sha1: this.#take(20),
      md5: this.#take(16),
      md4: this.#take(16),
      pieces: this.#take(piecesLength),
      lastPiece: this.#take(lastPieceLength),
      coarse: this.#take(coarseLength),
      inline: inlineLength === null ? null : this.#take(inlineLength),
    }
  }
}

/** Threads that hash files. They do not keep the process alive while they are idle. */
export class HashPool {
  readonly workers: number
  readonly #idle: Worker[] = []
  readonly #running = new Map<Worker, Job>()
  readonly #queue: Job[] = []
  #nextId = 0
  #stopped = false

  /** `workers`: how many threads, by default one for each processor. They start when needed. */
  constructor(options: { workers?: number } = {}) {
    this.workers = options.workers ?? availableParallelism()
  }

  /**
   * Hash a batch of files below `root`, one outcome for each in the same order. An abort ends the
   * thread that is at it, however large the file.
   */
  async hash(
    root: string,
    files: readonly HashRequest[],
    signal?: AbortSignal,
  ): Promise<HashOutcome[]> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<HashOutcome[]>()
    const job: Job = { id: this.#nextId++, root, files, resolve, reject }
    const abort = (): void => this.#abandon(job, signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    this.#queue.push(job)
    this.#dispatch()
    try {
      return await promise
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** End the threads that have nothing to do: each keeps tens of MiB. They start again when needed. */
  async rest(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map(worker => worker.terminate()))
  }

  /** End all threads; what they have not answered is rejected. */
  async stop(): Promise<void> {
    this.#stopped = true
    const stopped = new MirrorswarmError('MS_INTERNAL', 'the hashing threads were stopped')
    for (const job of this.#queue.splice(0)) job.reject(stopped)
    const running = [...this.#running]
    this.#running.clear()
    for (const [, job] of running) job.reject(stopped)
    const workers = [...running.map(([worker]) => worker), ...this.#idle.splice(0)]
    await Promise.all(workers.map(worker => worker.terminate()))
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      if (this.#stopped) {
        this.#queue.shift()?.reject(new MirrorswarmError('MS_INTERNAL', 'hashing has stopped'))
        continue
      }
      const worker = this.#idle.pop() ?? this.#start()
      if (worker === null) return
      const job = this.#queue.shift()
      if (job === undefined) return
      this.#running.set(worker, job)
      worker.ref()
      worker.postMessage({ id: job.id, root: job.root, files: job.files })
    }
  }

  #abandon(job: Job, reason: unknown): void {
    const position = this.#queue.indexOf(job)
    if (position >= 0) this.#queue.splice(position, 1)
    for (const [worker, running] of this.#running) {
      if (running !== job) continue
      // Its 'exit' event starts what waits on a new thread.
      worker.terminate().catch((error: unknown) => this.#lose(worker, error))
    }
    job.reject(reason)
  }

  #start(): Worker | null {
    if (this.#running.size + this.#idle.length >= this.workers) return null
    const worker = new Worker(workerFile, {
      resourceLimits: { maxOldGenerationSizeMb: hashHeapMiB, maxYoungGenerationSizeMb: 4 },
    })
    worker.on('message', (answer: BatchAnswer) => this.#finish(worker, answer))
    worker.on('error', error => this.#lose(worker, error))
    worker.on('exit', code => this.#lose(worker, new Error(`the thread ended (${code})`)))
    return worker
  }

  #finish(worker: Worker, answer: BatchAnswer): void {
    const job = this.#running.get(worker)
    if (job === undefined) return
    this.#running.delete(worker)
    worker.unref()
    this.#idle.push(worker)
    if ('failure' in answer) {
      const code = answer.diskFull ? 'MS_DISK_FULL' : 'MS_INTERNAL'
      job.reject(new MirrorswarmError(code, `hashing failed: ${answer.failure}`))
    } else {
      const unpacker = new Unpacker(answer.packed)
      job.resolve(
        answer.outcomes.map((outcome, index) =>
          unpacker.outcome((job.files[index] as HashRequest).path, outcome),
        ),
      )
    }
    this.#dispatch()
  }

  #lose(worker: Worker, error: unknown): void {
    const job = this.#running.get(worker)
    this.#running.delete(worker)
    const position = this.#idle.indexOf(worker)
    if (position >= 0) this.#idle.splice(position, 1)
    job?.reject(new MirrorswarmError('MS_INTERNAL', 'a hashing thread died', { cause: error }))
    this.#dispatch()
  }
}
