// Looks paths up in the manifest, at a snapshot, with a bounded memory of what was looked up. What
// a snapshot says of a path never changes, so nothing in that memory goes stale.

import { LRUCache } from 'lru-cache'
import type { RepoPath, SnapshotNumber } from '../core/ids.ts'
import { lookupCacheEntries, lookupKeyCharacters, rememberedClients } from '../core/limits.ts'
import type { Snapshot } from '../manifest/model.ts'
import type { FileResolution, ManifestReader, Resolution } from '../manifest/store/reader.ts'
import { makePin, pinnedFolder, type SnapshotPin, snapshotFor } from './logic/snapshot-pin.ts'

export class Resolver {
  readonly #reader: ManifestReader
  readonly #known = new LRUCache<string, Resolution>({ max: lookupCacheEntries })
  readonly #pins = new LRUCache<string, SnapshotPin>({ max: rememberedClients })
  #latest: Snapshot | null

  constructor(reader: ManifestReader) {
    this.#reader = reader
    this.#latest = reader.latest()
  }

  get reader(): ManifestReader {
    return this.#reader
  }

  /** The newest snapshot; null before the first one. */
  get latest(): Snapshot | null {
    return this.#latest
  }

  /** To be called when a snapshot was published. */
  refresh(): Snapshot | null {
    this.#latest = this.#reader.latest()
    return this.#latest
  }

  resolve(path: RepoPath, snapshot: SnapshotNumber): Resolution {
    const key = `${snapshot} ${path}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const resolution = this.#reader.resolve(path, snapshot)
    if (key.length <= lookupKeyCharacters) this.#known.set(key, resolution)
    return resolution
  }

  /**
   * The file that a path leads to; null for anything else. Quick for the path of a file itself, and
   * remembers nothing of those: whoever asks keeps what is asked for often.
   */
  findFile(path: RepoPath, snapshot: SnapshotNumber): FileResolution | null {
    const content = this.#reader.fileAt(path, snapshot)
    if (content !== null) return { kind: 'file', path, content }
    const found = this.resolve(path, snapshot)
    return found.kind === 'file' ? found : null
  }

  /** The snapshot in which this client is to see a path: see snapshot-pin.ts. */
  snapshotFor(client: string, path: RepoPath, latest: SnapshotNumber, nowMs: number): number {
    return snapshotFor(path, latest, nowMs, folder => this.#pins.get(`${client}\n${folder}`))
  }

  /** Remember that the client was given this path in this snapshot, if that pins its folder. */
  notePin(client: string, path: RepoPath, snapshot: SnapshotNumber, nowMs: number): void {
    const folder = pinnedFolder(path)
    if (folder !== null) this.#pins.set(`${client}\n${folder}`, makePin(snapshot, nowMs))
  }
}
