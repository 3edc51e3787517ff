// Publishes for a running origin: one publish at a time, in a thread of its own, asked for by the
// operator or by the watcher of the tree.

import { Worker } from 'node:worker_threads'
import { describeError, isMirrorswarmError, MirrorswarmError } from '../core/errors.ts'
import {
  publisherHeapMiB,
  publisherYoungMiB,
  stopGraceMs,
  waitingPublishes,
} from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import { displayPath } from '../core/repo-path.ts'
import type { WantedPaths } from '../manifest/logic/demand.ts'
import type { PruneResult } from '../manifest/prune.ts'
import type { PublishResult } from '../manifest/publish.ts'
import type { ReadingProgress } from '../manifest/tree-reading.ts'
import type { PublishPlace } from './publish-work.ts'
import type { FromThread, ToThread } from './publisher-thread.ts'

export interface PublisherParts {
  readonly place: PublishPlace
  readonly logger: Logger
  /** What the volunteers want at present. */
  readonly scopes: () => readonly WantedPaths[]
  /**
   * Called when a publish ends with a snapshot that this was not called for yet, before the
   * publish's caller is told. After an error the next publish calls it again, changed or not.
   */
  readonly onPublished: (result: PublishResult) => Promise<void>
  /** What signed indexes name was written down anew. */
  readonly onSigned?: () => Promise<void>
}

export interface PublisherStatus {
  readonly publishing: boolean
  /** Of the publish that is under way. */
  readonly progress: ReadingProgress | null
  /** Why the newest publish failed; null when it did not. */
  readonly problem: { readonly code: string; readonly message: string } | null
}

interface Task {
  readonly resolve: (result: PublishResult) => void
  readonly reject: (error: unknown) => void
}

const threadFile = new URL(
  import.meta.url.endsWith('.ts') ? './publisher-thread.ts' : './publisher-thread.js',
  import.meta.url,
)

export class Publisher {
  readonly #parts: PublisherParts
  #thread: Worker | null = null
  #task: Task | null = null
  #onPruned: ((result: PruneResult) => void) | null = null
  #waiting = 0
  #tail: Promise<unknown> = Promise.resolve()
  #stopped = false
  /** The newest snapshot that `onPublished` was called for with success. */
  #told: number | null = null
  #status: PublisherStatus = { publishing: false, progress: null, problem: null }

  constructor(parts: PublisherParts) {
    this.#parts = parts
  }

  /** Publishes that wait for the one that is under way. */
  get waiting(): number {
    return this.#waiting
  }

  get status(): PublisherStatus {
    return this.#status
  }

  /**
   * Publish the tree as it is from now on, after a publish that is under way. Throws
   * MS_PUBLISH_SHRINKS, MS_PUBLISH_INCOMPLETE, MS_PUBLISH_RUNNING (too many wait already).
   */
  async publish(options: { allowShrink: boolean }): Promise<PublishResult> {
    return this.#inTurn(() => this.#run(options.allowShrink))
  }

  /**
   * Forget what nobody needs who looks back to `sinceMs`, when no publish is under way. Throws
   * MS_PUBLISH_RUNNING (too many wait already).
   */
  async prune(sinceMs: number): Promise<PruneResult> {
    return this.#inTurn(async () => {
      try {
        return await new Promise<PruneResult>((resolve, reject) => {
          this.#onPruned = resolve
          this.#task = { resolve: () => undefined, reject }
          this.#tell({ type: 'prune', sinceMs })
        })
      } finally {
        this.#task = null
        this.#onPruned = null
      }
    })
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#stopped) throw new MirrorswarmError('MS_INTERNAL', 'the origin stops')
    if (this.#waiting >= waitingPublishes) {
      throw new MirrorswarmError('MS_PUBLISH_RUNNING', `${this.#waiting} publishes wait already`)
    }
    this.#waiting++
    const result = this.#tail.then(() => {
      this.#waiting--
      if (this.#stopped) throw new MirrorswarmError('MS_INTERNAL', 'the origin stops')
      return work()
    })
    this.#tail = result.catch(() => undefined)
    return result
  }

  /** Give up the publish that is under way (what was hashed is kept) and end the thread. */
  async stop(): Promise<void> {
    this.#stopped = true
    const thread = this.#thread
    if (thread === null) return
    const ended = new Promise<void>(resolve => thread.once('exit', () => resolve()))
    const late = setTimeout(() => {
      thread.terminate().catch((error: unknown) => {
        this.#parts.logger.warn({ error: describeError(error) }, 'the publisher does not end')
      })
    }, stopGraceMs)
    this.#tell({ type: 'stop' })
    await ended
    clearTimeout(late)
  }

  async #run(allowShrink: boolean): Promise<PublishResult> {
    this.#status = { publishing: true, progress: null, problem: null }
    try {
      const result = await new Promise<PublishResult>((resolve, reject) => {
        this.#task = { resolve, reject }
        this.#tell({ type: 'publish', allowShrink, scopes: this.#parts.scopes() })
      })
      await this.#published(result)
      this.#status = { publishing: false, progress: null, problem: null }
      return result
    } catch (error) {
      const code = isMirrorswarmError(error) ? error.code : 'MS_INTERNAL'
      const problem = { code, message: describeError(error) }
      this.#status = { publishing: false, progress: null, problem }
      throw error
    } finally {
      this.#task = null
    }
  }

  async #published(result: PublishResult): Promise<void> {
    const { number } = result.snapshot
    if (!result.unchanged) {
      const { files, bytes, added, changed, removed, warningCount } = result
      this.#parts.logger.info(
        { snapshot: number, files, bytes, added, changed, removed, warningCount },
        'published',
      )
    }
    // A publish may fail behind its snapshot; the next one finds nothing to change.
    if (number === this.#told) return
    await this.#parts.onPublished(result)
    this.#told = number
  }

  #tell(message: ToThread): void {
    this.#thread ??= this.#start()
    this.#thread.postMessage(message)
  }

  #start(): Worker {
    const thread = new Worker(threadFile, {
      workerData: this.#parts.place,
      resourceLimits: {
        maxYoungGenerationSizeMb: publisherYoungMiB,
        maxOldGenerationSizeMb: publisherHeapMiB,
      },
    })
    thread.on('message', (message: FromThread) => this.#heard(message))
    thread.on('error', error => this.#lost(thread, error))
    thread.on('exit', code => this.#lost(thread, new Error(`the thread ended (${code})`)))
    return thread
  }

  #heard(message: FromThread): void {
    switch (message.type) {
      case 'progress':
        this.#status = { ...this.#status, progress: message.progress }
        break
      case 'warning': {
        const { path, reason } = message.warning
        this.#parts.logger.warn({ path: displayPath(path), reason }, 'left out of the snapshot')
        break
      }
      case 'unfollowed': {
        const { path, reason } = message.warning
        this.#parts.logger.warn({ path: displayPath(path), reason }, 'signed index not followed')
        break
      }
      case 'published':
        this.#task?.resolve(message.result)
        break
      case 'pruned':
        this.#onPruned?.(message.result)
        break
      case 'signed':
        void this.#parts.onSigned?.()
        break
      case 'failed':
        this.#task?.reject(new MirrorswarmError(message.code, message.message))
    }
  }

  /** The next publish starts another thread; what was hashed is kept. */
  #lost(thread: Worker, error: unknown): void {
    if (this.#thread !== thread) return
    this.#thread = null
    const lost = new MirrorswarmError('MS_INTERNAL', 'the publisher thread died', { cause: error })
    this.#task?.reject(lost)
  }
}
