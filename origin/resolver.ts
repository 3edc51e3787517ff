// Looks paths up in the manifest, at a snapshot, with a bounded memory of what was looked up. What
// a snapshot says of a path never changes, so nothing in that memory goes stale.

import { LRUCache } from 'lru-cache'
import type { RepoPath, SnapshotNumber } from '../core/ids.ts'
import { lookupCacheEntries, lookupKeyCharacters, rememberedClients } from '../core/limits.ts'
import { baseName, joinPath, parentPath } from '../core/repo-path.ts'
import { pinsPerConnection } from '../core/update-limits.ts'
import type { Snapshot } from '../manifest/model.ts'
import type { FileResolution, ManifestReader, Resolution } from '../manifest/store/reader.ts'
import type { FoundFile } from './found-file.ts'
import {
  type PinOf,
  pinKeyOf,
  preferredPin,
  promiseKey,
  type SnapshotPin,
  snapshotFor,
} from './logic/snapshot-pin.ts'

/** Who asks, and on which connection; null where a proxy's connections carry several clients. */
export interface PinnedAsker {
  readonly client: string
  readonly connection: object | null
}

export class Resolver {
  readonly #reader: ManifestReader
  readonly #known = new LRUCache<string, Resolution>({ max: lookupCacheEntries })
  readonly #pins = new LRUCache<string, SnapshotPin>({ max: rememberedClients })
  readonly #ofConnections = new WeakMap<object, Map<string, SnapshotPin>>()
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

  /**
   * The file that stood here until a snapshot that was made since `sinceMs`; null when there was
   * none. Its snapshot is the last that had it, or the newest if the bytes are elsewhere there.
   */
  findRetired(path: RepoPath, latest: SnapshotNumber, sinceMs: number): FoundFile | null {
    const real = this.#throughFolders(path, latest)
    const snapshot = real === null ? null : this.#reader.retiredFrom(real, sinceMs)
    if (real === null || snapshot === null) return null
    const found = this.#reader.resolve(real, snapshot)
    if (found.kind !== 'file') return null
    const { content, path: realPath } = found
    const isElsewhere = this.#reader.pathsOf(content.number, latest, 1).length > 0
    return { path, realPath, content, snapshot: isElsewhere ? latest : snapshot, retired: true }
  }

  /** The file at a path in the newest snapshot, or else the one that was dropped since `sinceMs`. */
  findAny(path: RepoPath, sinceMs: number): FoundFile | null {
    const latest = this.#latest?.number
    if (latest === undefined) return null
    const found = this.resolve(path, latest)
    if (found.kind === 'file') {
      return { path, realPath: found.path, content: found.content, snapshot: latest }
    }
    return found.kind === 'missing' ? this.findRetired(path, latest, sinceMs) : null
  }

  /** Folders on the way may be symlinks now; those that are gone stand as they are named. */
  #throughFolders(path: RepoPath, latest: SnapshotNumber): RepoPath | null {
    const folder = parentPath(path)
    if (folder === '') return path
    const found = this.resolve(folder, latest)
    if (found.kind === 'directory') return joinPath(found.path, baseName(path) as RepoPath)
    if (found.kind !== 'missing') return null
    const above = this.#throughFolders(folder, latest)
    return above === null ? null : joinPath(above, baseName(path) as RepoPath)
  }

  /** The snapshot in which this client is to see a path: see snapshot-pin.ts. */
  snapshotFor(asker: PinnedAsker, path: RepoPath, latest: SnapshotNumber, nowMs: number): number {
    const { client, connection } = asker
    const own = connection === null ? undefined : this.#ofConnections.get(connection)
    const pinOf: PinOf = key =>
      preferredPin(own?.get(`${client}\n${key}`), this.#pins.get(`${client}\n${key}`), nowMs)
    return snapshotFor(path, latest, nowMs, pinOf)
  }

  /** Remember that the client was given this path in this snapshot, if that pins anything. */
  notePin(asker: PinnedAsker, path: RepoPath, snapshot: SnapshotNumber, nowMs: number): void {
    const key = pinKeyOf(path)
    if (key !== null) this.#pin(asker, key, snapshot, nowMs)
  }

  /** Remember that the client was told this file's hash in this snapshot: it gets that very file. */
  promise(asker: PinnedAsker, path: RepoPath, snapshot: SnapshotNumber, nowMs: number): void {
    this.#pin(asker, promiseKey(path), snapshot, nowMs)
  }

  #pin(asker: PinnedAsker, key: string, snapshot: SnapshotNumber, sinceMs: number): void {
    const { client, connection } = asker
    const full = `${client}\n${key}`
    if (full.length > lookupKeyCharacters) return
    const pin = { snapshot, sinceMs }
    this.#pins.set(full, pin)
    if (connection === null) return
    const own = this.#ofConnections.get(connection) ?? new Map<string, SnapshotPin>()
    this.#ofConnections.set(connection, own)
    own.delete(full)
    own.set(full, pin)
    const [oldest] = own.keys()
    if (own.size > pinsPerConnection && oldest !== undefined) own.delete(oldest)
  }
}
