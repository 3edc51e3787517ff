// Keeps the volunteer's copy of the manifest at the newest head that the origin signed, and the
// numbers of the record of the mirror in step with it.

import type { Clock } from '../core/clock.ts'
import type { Epoch, RepositoryId } from '../core/ids.ts'
import { manifestSegmentBytes } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import { applyHead } from '../manifest/apply.ts'
import { verifyHead } from '../manifest/head.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'
import type { ManifestWriter } from '../manifest/store/writer.ts'
import { Holdings } from '../tracker/holdings.ts'
import type { AnnounceClient } from '../tracker/logic/announce-client.ts'
import type { HeldStore } from './held-store.ts'
import type { OriginClient } from './origin-client.ts'
import type { Follower, SnapshotName } from './sync.ts'

export interface ManifestFollowerParts {
  readonly origin: Pick<OriginClient, 'head' | 'object'>
  readonly reader: ManifestReader
  readonly writer: ManifestWriter
  readonly store: HeldStore
  readonly client: AnnounceClient
  readonly clock: Clock
  readonly logger: Logger
}

export class ManifestFollower implements Follower {
  readonly #parts: ManifestFollowerParts
  readonly #rootKey: string
  /** The epoch whose numbers the announcer uses. */
  #numbersOf: Epoch | null = null
  readonly #repositoryId: RepositoryId

  constructor(
    parts: ManifestFollowerParts,
    options: { readonly rootKey: string; readonly repositoryId: RepositoryId },
  ) {
    this.#parts = parts
    this.#rootKey = options.rootKey
    this.#repositoryId = options.repositoryId
  }

  /** Announce what an earlier run left. */
  start(): void {
    if (this.current() !== null) this.#renumber()
  }

  current(): SnapshotName | null {
    const identity = this.#parts.reader.identity()
    const latest = this.#parts.reader.latest()
    if (identity === null || latest === null) return null
    return { epoch: identity.epoch, number: latest.number }
  }

  /** Throws MS_MANIFEST_INVALID, MS_REMOTE_UNREACHABLE, … and changes nothing then. */
  async catchUp(signal: AbortSignal, onChange: () => void): Promise<void> {
    const { origin, writer, clock, logger } = this.#parts
    const text = await origin.head(signal)
    if (text === null) return
    const current = this.current()
    const previous =
      current === null
        ? null
        : { repositoryId: this.#repositoryId, epoch: current.epoch, snapshot: current.number }
    const head = verifyHead(text, this.#rootKey, clock.nowMs(), previous)
    if (head.epoch === current?.epoch && head.snapshot === current.number) return
    onChange()
    const result = await applyHead({
      store: writer,
      head,
      fetchPart: part =>
        origin.object(part.sha256, Math.min(part.sizeBytes, manifestSegmentBytes), signal),
      signal,
      onStartOver: reason => logger.warn({ reason }, 'the manifest is loaded anew'),
    })
    this.#renumber()
    logger.info({ ...result, epoch: head.epoch }, 'manifest applied')
  }

  /** Tie the record's numbers to the manifest's epoch and tell the announcer what is held. */
  #renumber(): void {
    const { reader, store, client } = this.#parts
    const identity = reader.identity()
    const latest = reader.latest()
    if (identity === null || latest === null) return
    store.bind(identity, sha256 => reader.contentByHash(sha256)?.number ?? null)
    client.setManifest({ ...identity, snapshot: latest.number })
    if (this.#numbersOf !== identity.epoch) client.replace(Holdings.of(store.contents()))
    this.#numbersOf = identity.epoch
  }
}
