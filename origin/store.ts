// Everything of the data folder that is open while an origin, or a command in its place, works:
// databases, objects, and the tracker restored from its log.

import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import type { Logger } from '../core/log.ts'
import { defaultGraceMs } from '../core/update-limits.ts'
import { repositoryIdOf } from '../manifest/head.ts'
import { KeptStore } from '../manifest/kept-store.ts'
import { ObjectStore } from '../manifest/objects.ts'
import { ManifestReader } from '../manifest/store/reader.ts'
import { ManifestWriter } from '../manifest/store/writer.ts'
import type { EventLog } from '../tracker/event-log.ts'
import { type NetworkEvent, parseNetworkEvent } from '../tracker/events.ts'
import { SqliteEventLog } from '../tracker/sqlite-event-log.ts'
import { Tracker } from '../tracker/tracker.ts'
import { ClientStore } from './access/client-store.ts'
import type { DataFolder } from './data-folder.ts'
import { Grace } from './grace.ts'
import { TokenStore } from './token-store.ts'
import { TorrentIndex } from './torrent-index.ts'

export interface OpenStore {
  readonly reader: ManifestReader
  readonly kept: KeptStore
  readonly objects: ObjectStore
  readonly tokens: TokenStore
  readonly clients: ClientStore
  readonly torrents: TorrentIndex
  /** Of the tracker. */
  readonly log: EventLog<NetworkEvent>
  /** Not started. */
  readonly tracker: Tracker
  readonly grace: Grace
}

/** The first epoch of a repository; a restore from backup starts another one. */
const firstEpoch = 1

/**
 * Later than every epoch that began before, of which a restored copy may know nothing: the time says
 * so, unless the clock went back.
 */
const nextEpoch = (current: number): number =>
  Math.max(current + 1, Math.floor(systemClock.nowMs() / 1000))

/** Name the repository in its manifest, once; throws MS_DATA_CORRUPT if it is another's. */
const ensureIdentity = ({ files, rootKeys }: DataFolder, logger: Logger): void => {
  const isRestored = existsSync(files.newEpoch)
  const writer = ManifestWriter.open(files.manifest)
  try {
    const current = writer.identity()?.epoch ?? firstEpoch
    const epoch = isRestored ? nextEpoch(current) : current
    writer.setIdentity({ repositoryId: repositoryIdOf(rootKeys.publicKey), epoch })
    if (isRestored) logger.warn({ epoch }, 'a new epoch begins, as after restoring a backup')
  } finally {
    writer.close()
  }
  // Last: whoever is killed before begins one more, which does no harm.
  rmSync(files.newEpoch, { force: true })
}

/** Open the stores of a data folder; what was opened is closed by `stack`, last first. */
export const openStore = (
  folder: DataFolder,
  options: { readonly announceIntervalMs: number; readonly graceMs?: number },
  logger: Logger,
  stack: AsyncDisposableStack,
): OpenStore => {
  const { files } = folder
  ensureIdentity(folder, logger)
  const closing = <T extends { close(): void | Promise<void> }>(part: T): T => {
    stack.defer(() => part.close())
    return part
  }
  const reader = closing(ManifestReader.open(files.manifest))
  const log = closing(new SqliteEventLog(files.state, parseNetworkEvent))
  const manifest = {
    contentCount: () => reader.contentCount(),
    bundleMembers: (infoHash: Parameters<ManifestReader['bundleByInfoHash']>[0]) =>
      reader.bundleByInfoHash(infoHash)?.members ?? null,
  }
  const grace = new Grace(options.graceMs ?? defaultGraceMs)
  const parts = { log, manifest, clock: systemClock, random: Math.random, logger }
  return {
    reader,
    kept: closing(new KeptStore(files.folder)),
    objects: new ObjectStore(join(files.folder, 'objects')),
    tokens: closing(new TokenStore(files.tokens)),
    clients: closing(new ClientStore(files.clients)),
    torrents: closing(new TorrentIndex(files.torrents)),
    ...{ log, grace },
    tracker: new Tracker(parts, {
      intervalMs: options.announceIntervalMs,
      get graceMs() {
        return grace.ms
      },
    }),
  }
}
