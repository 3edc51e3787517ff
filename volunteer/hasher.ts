// SHA-256 of whole files in worker threads: for adopting a folder and for the last check before a
// fetched content is put in place.

import { Worker } from 'node:worker_threads'
import { MirrorswarmError } from '../core/errors.ts'
import type { Finish, HashAnswer, HashRequest, HashResult } from './hasher-worker.ts'

export type { Finish, HashResult }

/** What the placer and the adopter need of a hasher. */
export interface FileHasher {
  /** With `finish`, and if it has that hash, a file gets its mode and time and is flushed as well. */
  hash(file: Buffer, finish?: Finish): Promise<HashResult>
}

interface Waiting {
  readonly resolve: (result: HashResult) => void
  readonly reject: (error: unknown) => void
}

const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? './hasher-worker.ts' : './hasher-worker.js',
  import.meta.url,
)

/** One thread and the requests it has not answered. */
class HasherThread {
  readonly waiting = new Map<number, Waiting>()
  readonly #worker = new Worker(workerFile)
  #next = 0

  constructor(onDeath: (thread: HasherThread) => void) {
    this.#worker.unref()
    this.#worker.on('message', (answer: HashAnswer) => {
      const waiting = this.waiting.get(answer.id)
      this.waiting.delete(answer.id)
      if (this.waiting.size === 0) this.#worker.unref()
      waiting?.resolve(answer.result)
    })
    this.#worker.on('error', cause => this.#die(cause, onDeath))
    this.#worker.on('exit', () => this.#die(undefined, onDeath))
  }

  #die(cause: unknown, onDeath: (thread: HasherThread) => void): void {
    onDeath(this)
    const error = new MirrorswarmError('MS_INTERNAL', 'a hashing thread ended', { cause })
    for (const { reject } of this.waiting.values()) reject(error)
    this.waiting.clear()
  }

  hash(file: Buffer, finish?: Finish): Promise<HashResult> {
    return new Promise((resolve, reject) => {
      const request: HashRequest = {
        ...{ id: this.#next++, file },
        ...(finish === undefined ? {} : { finish }),
      }
      this.waiting.set(request.id, { resolve, reject })
      this.#worker.ref()
      this.#worker.postMessage(request)
    })
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }
}

export interface HasherOptions {
  readonly threads: number
  /** Told of every file that was hashed, before whoever asked. */
  readonly onHashed?: (result: Extract<HashResult, { readonly kind: 'hashed' }>) => void
}

/** Threads are started when first needed; one that dies is replaced at the next request. */
export class Hasher implements FileHasher {
  readonly #threads = new Set<HasherThread>()
  readonly #most: number
  readonly #onHashed: HasherOptions['onHashed']
  #stopped = false

  constructor(options: HasherOptions) {
    this.#most = options.threads
    this.#onHashed = options.onHashed
  }

  #pick(): HasherThread {
    let best: HasherThread | undefined
    for (const thread of this.#threads) {
      if (best === undefined || thread.waiting.size < best.waiting.size) best = thread
    }
    if (best !== undefined && (best.waiting.size === 0 || this.#threads.size >= this.#most)) {
      return best
    }
    const thread = new HasherThread(dead => this.#threads.delete(dead))
    this.#threads.add(thread)
    return thread
  }

  /** Never rejects for the file's sake: that is told in the result. */
  async hash(file: Buffer, finish?: Finish): Promise<HashResult> {
    if (this.#stopped) throw new MirrorswarmError('MS_INTERNAL', 'the hasher is stopped')
    const result = await this.#pick().hash(file, finish)
    if (result.kind === 'hashed') this.#onHashed?.(result)
    return result
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([...this.#threads].map(thread => thread.stop()))
  }
}
