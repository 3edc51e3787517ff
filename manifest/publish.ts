// Makes a snapshot of a tree: read and hash what changed, check that nothing is half there, plan
// bundles, and flip to the new snapshot in one transaction. kill -9 at any moment leaves the last
// snapshot as it is, and the next publish goes on where this one was.

import type { Clock } from '../core/clock.ts'
import { MirrorswarmError } from '../core/errors.ts'
import type { RepoPath } from '../core/ids.ts'
import { objectWrites, publishWarnings } from '../core/limits.ts'
import { displayPath } from '../core/repo-path.ts'
import { writeCheckpointIfDue, writeDifference } from './checkpoint.ts'
import type { HashPool } from './hash-pool.ts'
import { findIncomplete, isIndexFile } from './index-check.ts'
import type { KeptStore } from './kept-store.ts'
import type { KeepAtOrigin } from './logic/keep-at-origin.ts'
import type { Bundle, Snapshot } from './model.ts'
import type { ObjectStore } from './objects.ts'
import type { ScannedFile } from './scan.ts'
import { type Bundler, candidateSlices, prepareBundles } from './store/bundles.ts'
import { type ChangeCounts, ChangeSet } from './store/changes.ts'
import { clearRepacked, collectRepacked } from './store/repacking.ts'
import { WorkingTree } from './store/working-tree.ts'
import type { ManifestWriter } from './store/writer.ts'
import { type ReadingProgress, TreeReading } from './tree-reading.ts'

export type { BundleCandidate, Bundler, PlannedBundle } from './store/bundles.ts'

/** A publish that drops more than this part of the files is taken for an unmounted disk. */
const tolerableLoss = 0.1
/** In a small repository one new repodata/ replaces more than that: so many may be replaced. */
const replacedFiles = 32

export interface PublishOptions {
  readonly root: string
  /** Has an identity already; used by nobody else meanwhile. */
  readonly store: ManifestWriter
  readonly objects: ObjectStore
  readonly kept: KeptStore
  readonly hashPool: HashPool
  readonly bundler: Bundler
  readonly keepAtOrigin: KeepAtOrigin
  /** Which volunteers want a path, as a key (see BundleCandidate); without it all want all. */
  readonly demandOf?: (path: RepoPath) => string
  readonly clock: Clock
  readonly allowShrink?: boolean
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: Readonly<ReadingProgress>) => void
  readonly onWarning?: (warning: PublishWarning) => void
  /** Told of all Release, InRelease and repomd.xml files once the tree was looked at. */
  readonly onIndexes?: (paths: readonly RepoPath[]) => void
}

/** A path that is not in the snapshot, and why. */
export interface PublishWarning {
  readonly path: RepoPath
  readonly reason: string
}

export interface PublishResult {
  /** The newest snapshot now; `added` and so on are those of this publish. */
  readonly snapshot: Snapshot
  readonly files: number
  readonly bytes: number
  readonly added: number
  readonly changed: number
  readonly removed: number
  /** The tree is as the newest snapshot has it; no new one was made. */
  readonly unchanged: boolean
  /** At most `publishWarnings` of them. */
  readonly warnings: readonly PublishWarning[]
  readonly warningCount: number
  readonly hashedFiles: number
  readonly hashedBytes: number
}

const checkLoss = (counts: ChangeCounts, before: Snapshot, allowed: boolean): void => {
  const { added, droppedFiles } = counts
  const tolerable = before.files * tolerableLoss
  if (allowed || droppedFiles <= tolerable) return
  if (droppedFiles <= replacedFiles && droppedFiles - added <= tolerable) return
  throw new MirrorswarmError(
    'MS_PUBLISH_SHRINKS',
    `${droppedFiles} of ${before.files} files are not there any more`,
  )
}

class Publish {
  readonly #options: PublishOptions
  readonly #warnings: PublishWarning[] = []
  readonly #indexes: ScannedFile[] = []
  readonly #reading: TreeReading
  #warningCount = 0

  constructor(options: PublishOptions) {
    this.#options = options
    const { root, store, kept, hashPool, keepAtOrigin, clock, signal } = options
    this.#reading = new TreeReading({
      ...{ root, kept, hashPool, keepAtOrigin, clock },
      ...(signal === undefined ? {} : { signal }),
      tree: new WorkingTree(store),
      onProgress: progress => options.onProgress?.(progress),
      onWarning: (path, reason) => this.#warn(path, reason),
      onFile: file => {
        if (isIndexFile(file)) this.#indexes.push(file)
      },
    })
  }

  #warn(path: RepoPath, reason: string): void {
    const warning = { path, reason }
    this.#warningCount += 1
    if (this.#warnings.length < publishWarnings) this.#warnings.push(warning)
    this.#options.onWarning?.(warning)
  }

  async run(): Promise<PublishResult> {
    const { store, objects } = this.#options
    const before = store.latest()
    const different = await this.#reading.run()
    this.#options.onIndexes?.(this.#indexes.map(({ path }) => path))
    await this.#options.hashPool.rest()
    const changes = new ChangeSet(store)
    try {
      if (different) changes.collectFromTree()
      const counts = changes.counts()
      const none = counts.added + counts.changed + counts.removed === 0
      if (none && different) store.transactionSync(() => changes.settleTree())
      if (!none || before === null) {
        if (before !== null) checkLoss(counts, before, this.#options.allowShrink ?? false)
        this.#checkIndexes()
        await this.#flip(changes, (before?.number ?? 0) + 1)
      }
    } finally {
      changes.clear()
      clearRepacked(store)
    }
    await writeCheckpointIfDue(store, objects)
    return this.#result(before)
  }

  #checkIndexes(): void {
    const { root, store, kept, clock } = this.#options
    const found = findIncomplete({ root, store, kept, nowMs: clock.nowMs() }, this.#indexes)
    if (found === null) return
    const what = found.presence === 'absent' ? 'is not there' : 'is not the one that it names'
    throw new MirrorswarmError(
      'MS_PUBLISH_INCOMPLETE',
      `${displayPath(found.index)} is not complete: ${displayPath(found.missing)} ${what}`,
    )
  }

  async #planBundles(): Promise<Bundle[]> {
    const { store, bundler, objects, demandOf = () => '' } = this.#options
    const bundles: Bundle[] = []
    collectRepacked(store)
    for (const slice of candidateSlices(store, demandOf)) {
      const planned = bundler.plan(slice)
      for (let start = 0; start < planned.length; start += objectWrites) {
        const some = planned.slice(start, start + objectWrites)
        const stored = await Promise.all(
          some.map(async ({ infoHash, metainfo, pieceLengthBytes, members }) => ({
            ...{ infoHash, pieceLengthBytes, members },
            metainfo: await objects.put(metainfo),
          })),
        )
        bundles.push(...stored)
      }
      this.#options.signal?.throwIfAborted()
    }
    return bundles
  }

  /** Everything that the snapshot needs is on disk before the transaction names it. */
  async #flip(changes: ChangeSet, number: number): Promise<void> {
    const { store, objects, kept, clock } = this.#options
    const bundles = await this.#planBundles()
    kept.flush()
    await store.transaction(true, async () => {
      const snapshot = changes.commit(number, clock.nowMs())
      changes.settleTree()
      const addBundle = prepareBundles(store)
      for (const bundle of bundles) addBundle(bundle)
      await writeDifference(store, objects, snapshot)
    })
  }

  #result(before: Snapshot | null): PublishResult {
    const snapshot = this.#options.store.latest()
    if (snapshot === null) throw new MirrorswarmError('MS_INTERNAL', 'no snapshot was made')
    const unchanged = snapshot.number === before?.number
    const { files, bytes } = snapshot
    const { added, changed, removed } = unchanged ? { added: 0, changed: 0, removed: 0 } : snapshot
    return {
      ...{ snapshot, files, bytes, added, changed, removed, unchanged },
      warnings: this.#warnings,
      warningCount: this.#warningCount,
      hashedFiles: this.#reading.progress.hashedFiles,
      hashedBytes: this.#reading.progress.hashedBytes,
    }
  }
}

/**
 * Publish the tree at `root`. Throws MS_PUBLISH_SHRINKS, MS_PUBLISH_INCOMPLETE, MS_PUBLISH_RUNNING,
 * MS_TREE_UNREADABLE; after any error the newest snapshot is what it was. Meant to run in a thread
 * of its own: it blocks while it scans.
 */
export const publish = async (options: PublishOptions): Promise<PublishResult> => {
  const unlock = options.store.lock()
  try {
    options.kept.removeTemporaryFiles()
    return await new Publish(options).run()
  } finally {
    unlock()
  }
}
