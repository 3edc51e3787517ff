// Writes the parts that a head names: the difference of a new snapshot, and now and then a
// checkpoint from which a newcomer starts.

import { MirrorswarmError } from '../core/errors.ts'
import type { SnapshotNumber } from '../core/ids.ts'
import { checkpointDue } from './logic/checkpoint-due.ts'
import type { PartHeader } from './logic/records.ts'
import type { Snapshot } from './model.ts'
import type { ObjectStore } from './objects.ts'
import { checkpointRecords, differenceRecords } from './store/outgoing.ts'
import { preparePartsQuery, recordParts } from './store/parts.ts'
import { numberOf } from './store/rows.ts'
import type { ManifestWriter } from './store/writer.ts'
import { storeParts } from './wire.ts'

const headerFor = (store: ManifestWriter, snapshot: Snapshot, from: number | null): PartHeader => {
  const identity = store.identity()
  if (identity === null) {
    throw new MirrorswarmError('MS_INTERNAL', 'the repository has no identity yet')
  }
  const { number, ...picture } = snapshot
  return {
    type: from === null ? 'segment' : 'difference',
    repository: identity.repositoryId,
    epoch: identity.epoch,
    ...(from === null ? {} : { from }),
    to: number,
    contents: numberOf(store.meta('contentCount') ?? {}, 'value'),
    snapshot: picture,
  }
}

/** Within the transaction that makes `snapshot`, before its ChangeSet is cleared. */
export const writeDifference = async (
  store: ManifestWriter,
  objects: ObjectStore,
  snapshot: Snapshot,
): Promise<void> => {
  const from = snapshot.number - 1
  const header = headerFor(store, snapshot, from)
  const parts = await storeParts(objects, header, differenceRecords(store))
  recordParts(store, from, snapshot.number, parts)
}

const writeCheckpoint = async (
  store: ManifestWriter,
  objects: ObjectStore,
  snapshot: Snapshot,
): Promise<void> => {
  await store.transaction(true, async () => {
    const header = headerFor(store, snapshot, null)
    const parts = await storeParts(objects, header, checkpointRecords(store))
    recordParts(store, snapshot.number, snapshot.number, parts)
  })
}

/** Write a checkpoint of the newest snapshot unless there is one that is no older than `oldest`. */
export const writeCheckpointSince = async (
  store: ManifestWriter,
  objects: ObjectStore,
  oldest: SnapshotNumber,
): Promise<void> => {
  const snapshot = store.latest()
  const newest = preparePartsQuery(store.database)()?.checkpoint.snapshot ?? 0
  if (snapshot !== null && newest < oldest) await writeCheckpoint(store, objects, snapshot)
}

/** Write a checkpoint of the newest snapshot if one is due; the answer tells whether it was. */
export const writeCheckpointIfDue = async (
  store: ManifestWriter,
  objects: ObjectStore,
): Promise<boolean> => {
  const snapshot = store.latest()
  if (snapshot === null || !checkpointDue(preparePartsQuery(store.database)())) return false
  await writeCheckpoint(store, objects, snapshot)
  return true
}
