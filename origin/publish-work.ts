// A publish with everything it needs, wherever it runs: in the origin's publisher thread, or in the
// command itself when no origin runs.

import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import type { RepoPath } from '../core/ids.ts'
import { HashPool } from '../manifest/hash-pool.ts'
import { KeptStore } from '../manifest/kept-store.ts'
import { demandBy, type WantedPaths } from '../manifest/logic/demand.ts'
import { copiedIndexes, keepAtOriginBy, neverRedirected } from '../manifest/logic/keep-at-origin.ts'
import { ObjectStore } from '../manifest/objects.ts'
import { type PruneOptions, type PruneResult, prune } from '../manifest/prune.ts'
import { type PublishResult, type PublishWarning, publish } from '../manifest/publish.ts'
import { ManifestReader } from '../manifest/store/reader.ts'
import { ManifestWriter } from '../manifest/store/writer.ts'
import type { ReadingProgress } from '../manifest/tree-reading.ts'
import { bundler } from '../prsync/bundler.ts'
import { SignedWriter } from './signed-writer.ts'

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

/** Names that are copied at publish. */
export const copiedPatterns = (own: readonly string[]): string[] => [
  ...keptPatterns(own),
  ...copiedIndexes,
]

/** Holds the publisher's connections and hashing threads from one publish to the next. */
export class PublishWork {
  readonly #place: PublishPlace
  readonly #store: ManifestWriter
  readonly #kept: KeptStore
  readonly #objects: ObjectStore
  readonly #hashPool: HashPool
  readonly #reader: ManifestReader
  readonly #signed: SignedWriter
  #indexes: readonly RepoPath[] = []
  /** Also at the first publish of this process: the file may be missing or older. */
  #unsigned = true

  constructor(place: PublishPlace) {
    this.#place = place
    this.#store = ManifestWriter.open(join(place.dataDir, 'manifest.db'))
    this.#kept = new KeptStore(place.dataDir)
    this.#objects = new ObjectStore(join(place.dataDir, 'objects'))
    this.#reader = ManifestReader.open(join(place.dataDir, 'manifest.db'))
    const { root, dataDir } = place
    this.#signed = new SignedWriter({ root, dataDir, reader: this.#reader, kept: this.#kept })
    this.#hashPool = new HashPool(place.workers === null ? {} : { workers: place.workers })
  }

  /** Publish the tree as it is now; throws what manifest/publish.ts throws. */
  async run(run: PublishRun): Promise<PublishResult> {
    const result = await publish({
      root: this.#place.root,
      store: this.#store,
      objects: this.#objects,
      kept: this.#kept,
      hashPool: this.#hashPool,
      bundler,
      keepAtOrigin: keepAtOriginBy(copiedPatterns(this.#place.keepAtOrigin)),
      demandOf: demandBy(run.scopes),
      clock: systemClock,
      allowShrink: run.allowShrink,
      signal: run.signal,
      onProgress: run.onProgress,
      onWarning: run.onWarning,
      onIndexes: paths => {
        this.#indexes = paths
      },
    })
    this.#unsigned ||= !result.unchanged
    return result
  }

  /**
   * Behind a publish: write down which contents signed indexes name. False: nothing changed since
   * that was done. An index that cannot be read names nothing; `onWarning` is told.
   */
  async sign(run: Pick<PublishRun, 'signal' | 'onWarning'>): Promise<boolean> {
    if (!this.#unsigned) return false
    const onProblem = (path: RepoPath, reason: string): void => run.onWarning({ path, reason })
    await this.#signed.update(this.#indexes, { signal: run.signal, onProblem })
    this.#unsigned = false
    return true
  }

  /** Forget the snapshots that nobody needs who looks back to `sinceMs`. Throws MS_PUBLISH_RUNNING. */
  prune(
    sinceMs: number,
    signal: AbortSignal,
    onStep: PruneOptions['onStep'] = () => undefined,
  ): Promise<PruneResult> {
    return prune({
      ...{ store: this.#store, objects: this.#objects, kept: this.#kept },
      ...{ sinceMs, signal, onStep },
    })
  }

  async close(): Promise<void> {
    await this.#hashPool.stop()
    this.#reader.close()
    this.#kept.close()
    this.#store.close()
  }
}
