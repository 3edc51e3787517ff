// What one mirror without our daemon holds as far as it was proved: on the disk, and as numbers in
// memory for the tracker. Keeps both right when snapshots come and proofs grow old, in small steps.
// It asks no mirror.

import type { Clock } from '../../core/clock.ts'
import type { ContentNumber, RepoPath, SnapshotNumber } from '../../core/ids.ts'
import { expireMs, proofAgeMs, tendedContents, tendedRows } from '../../core/sampling-limits.ts'
import type { Content, Snapshot } from '../../manifest/model.ts'
import type { EndedMark, ManifestReader } from '../../manifest/store/reader.ts'
import { Holdings } from '../../tracker/holdings.ts'
import type { AnnounceClient } from '../../tracker/logic/announce-client.ts'
import { isValidProof } from '../logic/mirror-sampling.ts'
import type { Look, ProofStore } from './proof-store.ts'

export interface MirrorHoldingsParts {
  readonly store: ProofStore
  readonly reader: Pick<
    ManifestReader,
    'contentByNumber' | 'contentCount' | 'endedAfter' | 'fileAt' | 'snapshots'
  >
  /** It says to the tracker what is held. */
  readonly client: Pick<AnnounceClient, 'count' | 'has' | 'hold' | 'drop' | 'replace'>
  readonly clock: Clock
}

export class MirrorHoldings {
  readonly #parts: MirrorHoldingsParts
  readonly #key: string
  #bytes = 0
  #snapshot: SnapshotNumber = 0
  /** Up to which ended entry the rows on the disk are right; null: all of them are. */
  #mark: EndedMark | null = null
  /** The contents below this one were taken into memory. */
  #loaded: ContentNumber = 0
  #generation: number
  #expiredMs = Number.NEGATIVE_INFINITY

  /** `key` names the mirror in the store. */
  constructor(key: string, parts: MirrorHoldingsParts) {
    this.#parts = parts
    this.#key = key
    this.#generation = parts.store.generation
  }

  get files(): number {
    return this.#parts.client.count
  }

  get bytes(): number {
    return this.#bytes
  }

  has(content: ContentNumber): boolean {
    return this.#parts.client.has(content)
  }

  /** What is known of a content there; null: nobody looked yet. */
  find(content: ContentNumber): Look | null {
    return this.#parts.store.find(this.#key, content)
  }

  /** Where below its URL this content was proved to be; null: nowhere now. */
  provedPathOf(content: ContentNumber): RepoPath | null {
    const known = this.find(content)
    if (known === null || !known.proved) return null
    if (!isValidProof(known, this.#parts.clock.nowMs())) return null
    return this.isBound(known.path, content) ? known.path : null
  }

  /** Whether the newest snapshot has this content at this path: what a mirror of it keeps there. */
  isBound(path: RepoPath, content: ContentNumber): boolean {
    return this.#parts.reader.fileAt(path, this.#snapshot)?.number === content
  }

  /** A snapshot was published; what it means for the rows is found out by `tend`. */
  published({ number }: Snapshot): void {
    const { store, reader } = this.#parts
    this.#snapshot = number
    const before = store.snapshotOf(this.#key)
    if (before === number) return
    const oldest = reader.snapshots(0, 1)[0]?.number ?? number
    if (before === null || before < oldest) {
      // What ended was pruned: nobody can say any more which of it did.
      store.forget(this.#key)
      store.setSnapshot(this.#key, number)
      this.#begin()
    } else this.#mark ??= { snapshot: before + 1, path: '' }
  }

  /** One step of putting things in order; false: all is. */
  tend(): boolean {
    const { store, clock } = this.#parts
    if (store.generation !== this.#generation) this.#begin()
    if (this.#mark !== null) {
      this.#mark = this.#endSome(this.#mark)
      return true
    }
    if (this.#loadSome()) return true
    const nowMs = clock.nowMs()
    // A clock that was put back must not put this off for ever.
    if (Math.abs(nowMs - this.#expiredMs) < expireMs) return false
    // What is renewed at half its age is too old when it is due for as long again.
    const old = store.expire(this.#key, nowMs - proofAgeMs / 2, nowMs, tendedRows)
    for (const content of old) this.#drop(content)
    if (old.length === tendedRows) return true
    this.#expiredMs = nowMs
    return false
  }

  /** True if all was lost since it was asked last: everything is to be looked at anew. */
  get isNew(): boolean {
    return this.#parts.store.generation !== this.#generation
  }

  proved(content: Content, look: Look): void {
    this.#parts.store.put(this.#key, content.number, look)
    if (this.#parts.client.hold(content.number)) this.#bytes += content.sizeBytes
  }

  /** True if it was held until now. */
  lost(content: Content, look: Look): boolean {
    this.#parts.store.put(this.#key, content.number, look)
    return this.#drop(content.number)
  }

  /** It is in no snapshot any more that clients are redirected by. */
  forget(content: ContentNumber): void {
    this.#parts.store.drop(this.#key, content)
    this.#drop(content)
  }

  #begin(): void {
    this.#generation = this.#parts.store.generation
    this.#parts.store.setSnapshot(this.#key, this.#snapshot)
    this.#mark = null
    this.#loaded = 0
    this.#bytes = 0
    this.#parts.client.replace(new Holdings())
  }

  #drop(content: ContentNumber): boolean {
    const { client, reader } = this.#parts
    if (!client.drop(content)) return false
    this.#bytes -= reader.contentByNumber(content)?.sizeBytes ?? 0
    if (client.count === 0) this.#bytes = 0
    return true
  }

  #endSome(mark: EndedMark): EndedMark | null {
    const { store, reader, clock } = this.#parts
    const ended = reader.endedAfter(mark, tendedRows)
    const files = ended.flatMap(({ path, content }) => (content === null ? [] : { path, content }))
    for (const content of store.end(this.#key, files, clock.nowMs())) this.#drop(content)
    const last = ended.at(-1)
    if (last !== undefined && ended.length === tendedRows) return last
    store.setSnapshot(this.#key, this.#snapshot)
    return null
  }

  #loadSome(): boolean {
    const { store, client, reader } = this.#parts
    const count = reader.contentCount()
    if (this.#loaded >= count) return false
    const below = Math.min(count, this.#loaded + tendedContents)
    for (const [content, sizeBytes] of store.proved(this.#key, this.#loaded, below)) {
      if (client.hold(content)) this.#bytes += sizeBytes
    }
    this.#loaded = below
    return true
  }
}
