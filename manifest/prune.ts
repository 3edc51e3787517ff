// Forgets old snapshots, and removes copies and objects that no snapshot within the keep time needs.
// kill -9 at any moment harms nothing: the tables change in one transaction, files are removed after
// it, and the next prune removes what is left; the databases give their free space back at the end. It does not touch the tree.

import { giveSpaceBack } from '../core/database-space.ts'
import type { SnapshotNumber } from '../core/ids.ts'
import { writeCheckpointSince } from './checkpoint.ts'
import type { KeptStore } from './kept-store.ts'
import type { ObjectStore } from './objects.ts'
import {
  namedObjects,
  oldestNeeded,
  partsOfHead,
  prepareIsUsed,
  pruneRows,
} from './store/pruning.ts'
import type { ManifestWriter } from './store/writer.ts'

export interface PruneOptions {
  readonly store: ManifestWriter
  readonly objects: ObjectStore
  readonly kept: KeptStore
  /** What was the newest snapshot then, and all since, stays. Milliseconds since 1970. */
  readonly sinceMs: number
  /** Looked at between the steps. */
  readonly signal?: AbortSignal
  /** Called at the beginning of each of `total` steps, with how many are over. */
  readonly onStep?: (what: string, done: number, total: number) => void
}

export interface PruneResult {
  /** The oldest snapshot that is left; null: nothing is published. */
  readonly oldest: SnapshotNumber | null
  readonly snapshots: number
  readonly entries: number
  readonly contents: number
  readonly bundles: number
  /** Objects and copies together. */
  readonly files: number
  readonly bytes: number
}

const steps = ['snapshots', 'objects', 'copies', 'free space'] as const

const run = async (options: PruneOptions): Promise<PruneResult> => {
  const { store, objects, kept, sinceMs, signal } = options
  const begin = (what: (typeof steps)[number]): void => {
    signal?.throwIfAborted()
    options.onStep?.(what, steps.indexOf(what), steps.length)
  }
  begin('snapshots')
  const oldest = oldestNeeded(store, sinceMs)
  let rows = { snapshots: 0, entries: 0, contents: 0, bundles: 0 }
  if (oldest !== null) {
    // Volunteers that read the last head are still loading what it names.
    const named = new Set(partsOfHead(store))
    await writeCheckpointSince(store, objects, oldest)
    for (const part of partsOfHead(store)) named.add(part)
    signal?.throwIfAborted()
    rows = pruneRows(store, oldest, named)
  }
  begin('objects')
  const needed = namedObjects(store)
  const fromObjects = await objects.prune(sha256 => needed.has(sha256))
  begin('copies')
  const fromKept = await kept.prune(prepareIsUsed(store))
  begin('free space')
  await giveSpaceBack(store.database, signal)
  await kept.giveSpaceBack(signal)
  const first = store.database.prepare('SELECT min(number) AS number FROM snapshots').get()
  return {
    oldest: typeof first?.number === 'number' ? first.number : null,
    ...rows,
    files: fromObjects.count + fromKept.count,
    bytes: fromObjects.bytes + fromKept.bytes,
  }
}

/** Prune; throws MS_PUBLISH_RUNNING while somebody publishes. */
export const prune = async (options: PruneOptions): Promise<PruneResult> => {
  const unlock = options.store.lock()
  try {
    return await run(options)
  } finally {
    unlock()
  }
}
