// Keeps the volunteer's copy of the manifest from growing for ever: what ended long ago and is not
// held any more is forgotten, in slices between which everybody else has their turn. kill -9 at any
// moment harms nothing, and the next run goes on.

import { rm } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import type { Clock } from '../core/clock.ts'
import { giveSpaceBack, isMostlyFull } from '../core/database-space.ts'
import { describeError } from '../core/errors.ts'
import type { Logger } from '../core/log.ts'
import { defaultKeepMs } from '../core/update-limits.ts'
import {
  forgettingPauseFactor,
  forgottenAtOnce,
  manifestPruneMs,
} from '../core/volunteer-limits.ts'
import type { ObjectStore } from '../manifest/objects.ts'
import { forgetSnapshots, prepareForget } from '../manifest/store/forgetting.ts'
import { namedObjects, oldestNeeded } from '../manifest/store/pruning.ts'
import type { EndedMark } from '../manifest/store/reader.ts'
import type { ManifestWriter } from '../manifest/store/writer.ts'
import type { HeldStore } from './held-store.ts'

export interface ManifestPrunerParts {
  readonly writer: ManifestWriter
  readonly store: Pick<HeldStore, 'holds'>
  readonly objects: ObjectStore
  readonly clock: Clock
  readonly logger: Logger
}

export class ManifestPruner {
  readonly #parts: ManifestPrunerParts
  #dueMs = Number.NEGATIVE_INFINITY

  constructor(parts: ManifestPrunerParts) {
    this.#parts = parts
  }

  /** Remove metainfo that an interrupted run left; only while nobody stores any. */
  async start(): Promise<void> {
    const { writer, objects, logger } = this.#parts
    try {
      const named = namedObjects(writer)
      await objects.prune(sha256 => named.has(sha256))
    } catch (error) {
      logger.warn({ error: describeError(error) }, 'old metainfo cannot be removed')
    }
  }

  /**
   * Forget what ended before the keep time and the time of grace, if it is time to; only while no
   * head is applied. What fails is logged and tried again later; throws what `signal` was aborted
   * with, and then goes on at the next call.
   */
  async prune(graceMs: number, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#parts
    if (clock.monotonicMs() < this.#dueMs) return
    try {
      await this.#run(clock.nowMs() - Math.max(defaultKeepMs, graceMs), signal)
    } catch (error) {
      signal.throwIfAborted()
      logger.warn({ error: describeError(error) }, 'old snapshots cannot be forgotten yet')
    }
    this.#dueMs = clock.monotonicMs() + manifestPruneMs
  }

  async #run(sinceMs: number, signal: AbortSignal): Promise<void> {
    const { writer, store, objects, clock, logger } = this.#parts
    const oldest = oldestNeeded(writer, sinceMs)
    if (oldest === null) return
    const forget = prepareForget(writer)
    const forgotten = { entries: 0, contents: 0, bundles: 0 }
    const isHeld = (content: number): boolean => store.holds(content)
    for (let after: EndedMark | null = { snapshot: 0, path: '' }; after !== null; ) {
      signal.throwIfAborted()
      const beganMs = clock.monotonicMs()
      const slice = forget(after, { oldest, limit: forgottenAtOnce, isHeld })
      forgotten.entries += slice.entries
      forgotten.contents += slice.contents
      forgotten.bundles += slice.bundles
      for (const sha256 of slice.metainfo) await rm(objects.file(sha256), { force: true })
      after = slice.next
      const tookMs = clock.monotonicMs() - beganMs
      await setTimeout(forgettingPauseFactor * tookMs, undefined, { signal })
    }
    const snapshots = forgetSnapshots(writer, oldest)
    if (!isMostlyFull(writer.database)) await giveSpaceBack(writer.database, signal)
    if (snapshots + forgotten.entries === 0) return
    logger.info({ oldest, snapshots, ...forgotten }, 'old snapshots forgotten')
  }
}
