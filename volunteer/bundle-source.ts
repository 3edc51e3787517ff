// What the swarm asks of its volunteer: bundles by info-hash, with their metainfo kept on disk, and
// the files in which held contents lie.

import { rm, stat } from 'node:fs/promises'
import { isMirrorswarmError, systemCode } from '../core/errors.ts'
import type { ContentNumber, InfoHash, Sha256 } from '../core/ids.ts'
import { metainfoBytes } from '../core/volunteer-limits.ts'
import type { ObjectStore } from '../manifest/objects.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'
import { type BundleMember, type LoadedBundle, readBundle } from '../prsync/bundle.ts'
import type { HeldFile, PieceSource } from '../prsync/held-files.ts'
import type { HeldStore } from './held-store.ts'
import type { MirrorFolder } from './mirror-folder.ts'
import type { OriginClient } from './origin-client.ts'
import type { Staging } from './staging.ts'

export interface BundleSourceParts {
  readonly reader: ManifestReader
  readonly store: HeldStore
  readonly folder: MirrorFolder
  readonly staging: Staging
  readonly objects: ObjectStore
  readonly origin: Pick<OriginClient, 'object'>
  readonly signal: AbortSignal
}

export class BundleSource implements PieceSource {
  readonly #parts: BundleSourceParts

  constructor(parts: BundleSourceParts) {
    this.#parts = parts
  }

  /** The bundle and what of it is here; null when the manifest does not know it. */
  async load(infoHash: InfoHash): Promise<LoadedBundle | null> {
    const { reader, store, staging } = this.#parts
    const bundle = reader.bundleByInfoHash(infoHash)
    if (bundle === null) return null
    const metainfo = await this.#metainfo(bundle.metainfo)
    const members: BundleMember[] = []
    const held = new Set<ContentNumber>()
    for (const number of bundle.members) {
      const content = reader.contentByNumber(number)
      if (content === null) return null
      members.push({ number, sha256: content.sha256, sizeBytes: content.sizeBytes })
      if (store.holds(number) || staging.has(content.sha256)) held.add(number)
    }
    return readBundle(metainfo, infoHash, members, held)
  }

  async #metainfo(sha256: Sha256): Promise<Buffer> {
    const { objects, origin, signal } = this.#parts
    try {
      const kept = await objects.read(sha256)
      if (kept !== null) return kept
    } catch (error) {
      if (!isMirrorswarmError(error, 'MS_DATA_CORRUPT')) throw error
      // A damaged copy is worth nothing; it is fetched again.
      await rm(objects.file(sha256), { force: true })
    }
    const bytes = await origin.object(sha256, metainfoBytes, signal)
    await objects.put(bytes)
    return bytes
  }

  /** Where a held or staged content lies, as it was when it was verified. */
  async openHeld(number: ContentNumber): Promise<HeldFile | null> {
    const { reader, store, folder, staging } = this.#parts
    const content = reader.contentByNumber(number)
    if (content === null) return null
    for (const { path, sizeBytes, modifiedNs } of store.filesOf(content.sha256)) {
      // A folder on the way may have become a symlink: look at all of them.
      const found = await folder.look(path)
      const same = found.kind === 'file' && found.stamp.modifiedNs === modifiedNs
      if (same) return { file: folder.file(path), sizeBytes, modifiedNs }
    }
    if (!staging.has(content.sha256)) return null
    try {
      const file = staging.file(content.sha256)
      const { size, mtimeNs } = await stat(file, { bigint: true })
      return { file, sizeBytes: Number(size), modifiedNs: mtimeNs }
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return null
      throw error
    }
  }
}
