// A publish with everything it needs, wherever it runs: in the origin's publisher thread, or in the
// command itself when no origin runs.

import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { HashPool } from '../manifest/hash-pool.ts'
import { KeptStore } from '../manifest/kept-store.ts'
import { demandBy, type WantedPaths } from '../manifest/logic/demand.ts'
import { keepAtOriginBy, neverRedirected } from '../manifest/logic/keep-at-origin.ts'
import { ObjectStore } from '../manifest/objects.ts'
import { type PublishResult, type PublishWarning, publish } from '../manifest/publish.ts'
import { ManifestWriter } from '../manifest/store/writer.ts'
import type { ReadingProgress } from '../manifest/tree-reading.ts'
import { bundler } from '../prsync/bundler.ts'

/** What and where; plain data, so that it can be sent to a thread. */
export interface PublishPlace {
  /** The repository's folder, its real path. */
  readonly root: string
  readonly dataDir: string
  /** The operator's patterns besides the built-in ones. */
  readonly keepAtOrigin: readonly string[]
  /** Hashing threads; null: one for each processor. */
  readonly workers: number | null
}

export interface PublishRun {
  readonly allowShrink: boolean
  /** What the volunteers want: contents that the same ones want travel together. */
  readonly scopes: readonly WantedPaths[]
  readonly signal: AbortSignal
  onProgress(progress: Readonly<ReadingProgress>): void
  onWarning(warning: PublishWarning): void
}

/** Names that are never redirected: the built-in patterns and the operator's. */
export const keptPatterns = (own: readonly string[]): string[] => [...neverRedirected, ...own]

/** Holds the publisher's connections and hashing threads from one publish to the next. */
export class PublishWork {
  readonly #place: PublishPlace
  readonly #store: ManifestWriter
  readonly #kept: KeptStore
  readonly #objects: ObjectStore
  readonly #hashPool: HashPool

  constructor(place: PublishPlace) {
    this.#place = place
    this.#store = ManifestWriter.open(join(place.dataDir, 'manifest.db'))
    this.#kept = new KeptStore(place.dataDir)
    this.#objects = new ObjectStore(join(place.dataDir, 'objects'))
    this.#hashPool = new HashPool(place.workers === null ? {} : { workers: place.workers })
  }

  /** Publish the tree as it is now; throws what manifest/publish.ts throws. */
  run(run: PublishRun): Promise<PublishResult> {
    return publish({
      root: this.#place.root,
      store: this.#store,
      objects: this.#objects,
      kept: this.#kept,
      hashPool: this.#hashPool,
      bundler,
      keepAtOrigin: keepAtOriginBy(keptPatterns(this.#place.keepAtOrigin)),
      demandOf: demandBy(run.scopes),
      clock: systemClock,
      allowShrink: run.allowShrink,
      signal: run.signal,
      onProgress: run.onProgress,
      onWarning: run.onWarning,
    })
  }

  async close(): Promise<void> {
    await this.#hashPool.stop()
    this.#kept.close()
    this.#store.close()
  }
}
