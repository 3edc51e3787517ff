// Keeps the repository's folder a copy of what an rsync server has: pulls at the start, at intervals
// and when the operator publishes, and publishes after a pull that succeeded, never after another.

import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { describeError, isMirrorswarmError, MirrorswarmError } from '../core/errors.ts'
import type { Logger } from '../core/log.ts'
import { upstreamRetryMs } from '../core/program-limits.ts'
import { runRsync, skippedDeletions } from '../core/rsync.ts'
import type { PublishResult } from '../manifest/publish.ts'
import type { Publisher, PublisherStatus } from './publisher.ts'

export interface UpstreamParts {
  readonly publisher: Pick<Publisher, 'publish' | 'status'>
  readonly clock: Pick<Clock, 'nowMs'>
  readonly logger: Logger
  /** Files of the newest snapshot. */
  readonly publishedFiles: () => number
}

export interface UpstreamOptions {
  /** See checkRsyncSource. */
  readonly source: string
  readonly root: string
  readonly intervalMs: number
}

export interface UpstreamStatus {
  readonly source: string
  readonly pulling: boolean
  /** When the newest pull that succeeded ended; null: none did since the start. */
  readonly pulledMs: number | null
  /** Why the newest pull failed; null when it did not. */
  readonly problem: { readonly code: string; readonly message: string } | null
}

/** Names that the scan of the tree leaves out: what is not complete is in these folders. */
const partialName = '.mirrorswarm-partial'
const temporaryName = '.mirrorswarm-rsync'
/** As for a publish: an upstream that lost more than this is probably not what it should be. */
const tolerableLoss = 0.1
const leastDeletions = 1000

export class Upstream {
  readonly #parts: UpstreamParts
  readonly #options: UpstreamOptions
  readonly #stop = new AbortController()
  /** One pull at a time; a later one begins after it. */
  #tail: Promise<unknown> = Promise.resolve()
  #running: Promise<void> = Promise.resolve()
  #wake: (() => void) | null = null
  #pulling = false
  #pulledMs: number | null = null
  #problem: UpstreamStatus['problem'] = null
  readonly counts = { succeeded: 0, failed: 0 }

  constructor(parts: UpstreamParts, options: UpstreamOptions) {
    this.#parts = parts
    this.#options = options
  }

  get upstreamStatus(): UpstreamStatus {
    const { source } = this.#options
    return { source, pulling: this.#pulling, pulledMs: this.#pulledMs, problem: this.#problem }
  }

  /** As a publisher's, with the pulls. */
  get status(): PublisherStatus & { readonly upstream: UpstreamStatus } {
    return { ...this.#parts.publisher.status, upstream: this.upstreamStatus }
  }

  /** Pull and publish from now on, until `stop`. */
  start(): void {
    this.#running = this.#run()
  }

  /** Ends a pull that is under way, with its child program. */
  async stop(): Promise<void> {
    this.#stop.abort(new MirrorswarmError('MS_INTERNAL', 'the origin stops'))
    this.#wake?.()
    await this.#running
    await this.#tail
  }

  /** Pull, then publish. Throws what both throw; the tree is not published after a failed pull. */
  async publish(options: { allowShrink: boolean }): Promise<PublishResult> {
    const pulled = this.#tail.then(() => this.#pull(options.allowShrink))
    this.#tail = pulled.catch(() => undefined)
    await pulled
    return await this.#parts.publisher.publish(options)
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    const { logger } = this.#parts
    while (!signal.aborted) {
      let waitMs = this.#options.intervalMs
      try {
        await this.publish({ allowShrink: false })
      } catch (error) {
        if (signal.aborted) return
        const code = isMirrorswarmError(error) ? error.code : 'MS_INTERNAL'
        logger.warn({ code, error: describeError(error) }, 'nothing was published from upstream')
        waitMs = Math.min(waitMs, upstreamRetryMs)
      }
      await this.#sleep(waitMs)
    }
  }

  async #pull(allowShrink: boolean): Promise<void> {
    const { clock, logger } = this.#parts
    this.#pulling = true
    try {
      await this.#rsync(allowShrink)
      this.#pulledMs = clock.nowMs()
      this.#problem = null
      this.counts.succeeded += 1
      logger.info({ source: this.#options.source }, 'pulled from upstream')
    } catch (error) {
      const code = isMirrorswarmError(error) ? error.code : 'MS_INTERNAL'
      this.#problem = { code, message: describeError(error) }
      if (!this.#stop.signal.aborted) this.counts.failed += 1
      throw error
    } finally {
      this.#pulling = false
    }
  }

  /** All files get their names together in the end, and only then others are deleted. */
  async #rsync(allowShrink: boolean): Promise<void> {
    const { root } = this.#options
    const temporary = join(root, temporaryName)
    const files = this.#parts.publishedFiles()
    const most = Math.max(leastDeletions, Math.floor(files * tolerableLoss))
    await mkdir(root, { recursive: true })
    await rm(temporary, { recursive: true, force: true })
    await mkdir(temporary)
    try {
      if (allowShrink) await this.#copy(temporary, null)
      else await this.#withoutLoss(temporary, most)
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  }

  /**
   * Deletes nothing until it is known that it is not too much: rsync itself would delete as much as
   * it may and only then stop, and each further attempt as much again.
   */
  async #withoutLoss(temporary: string, most: number): Promise<void> {
    try {
      await this.#copy(temporary, 0)
    } catch (error) {
      const obsolete = skippedDeletions(error)
      if (obsolete === null || obsolete > most) throw error
      await this.#copy(temporary, most)
    }
  }

  async #copy(temporary: string, mostDeletions: number | null): Promise<void> {
    const { source, root } = this.#options
    await runRsync({
      options: [
        ...['--delete-delay', '--delay-updates', '--omit-dir-times', '--filter=- .mirrorswarm*'],
        ...[`--partial-dir=${partialName}`, `--temp-dir=${temporary}`],
        ...(mostDeletions === null ? [] : [`--max-delete=${mostDeletions}`]),
      ],
      source,
      target: root,
      signal: this.#stop.signal,
    })
  }

  async #sleep(waitMs: number): Promise<void> {
    if (this.#stop.signal.aborted) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, waitMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = null
  }
}
