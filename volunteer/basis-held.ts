// Held files as the search for a basis asks for them: by the first bytes of their hash, by a range
// of paths, and whether one still is as it was verified. Reads only.

import { systemCode } from '../core/errors.ts'
import type { RepoPath } from '../core/ids.ts'
import { prefixBytes, prefixOf } from '../prsync/logic/anchor-bucket.ts'
import { type HeldFile, type HeldStore, heldFileOf, sameStamp } from './held-store.ts'
import type { MirrorFolder } from './mirror-folder.ts'

/** Paths of one content that are looked at. */
const pathsEach = 4

const blobOf = (prefix: number): Buffer => {
  const blob = Buffer.alloc(prefixBytes)
  blob.writeUIntBE(prefix, 0, prefixBytes)
  return blob
}

/** Rows of the record that are looked at in one step: a few milliseconds. */
const rowsAtOnce = 256

const lastPrefix = 2 ** (8 * prefixBytes) - 1
/** Above every SHA-256: a blob sorts before all that it begins. */
const endBlob = Buffer.alloc(prefixBytes + 28, 0xff)

const after = ({ sha256 }: HeldFile): number => prefixOf(sha256) + 1

const selectRange = `SELECT * FROM files WHERE sha256 >= ? AND sha256 < ? AND changed = 0 LIMIT ?`

export class BasisHeld {
  readonly #store: HeldStore
  readonly #folder: MirrorFolder

  constructor(parts: { readonly store: HeldStore; readonly folder: MirrorFolder }) {
    this.#store = parts.store
    this.#folder = parts.folder
  }

  /** What stands at a path, if it is ours and unchanged: before a sync, the previous content. */
  at(path: RepoPath): HeldFile | null {
    const file = this.#store.file(path)
    return file === null || file.changed ? null : file
  }

  /** Files whose hash begins with a prefix (logic/anchor-bucket.ts). */
  withPrefix(prefix: number): HeldFile[] {
    const end = prefix >= lastPrefix ? endBlob : blobOf(prefix + 1)
    return this.#store.prepare(selectRange).all(blobOf(prefix), end, pathsEach).map(heldFileOf)
  }

  /** Files whose paths begin with these characters. */
  beginningWith(start: string, limit: number): HeldFile[] {
    const sql = 'SELECT * FROM files WHERE path >= ? AND path < ? AND changed = 0 LIMIT ?'
    // "~" is the last character that a canonical path has.
    return this.#store.prepare(sql).all(start, `${start}\u007f`, limit).map(heldFileOf)
  }

  /** The next files by path. */
  after(path: RepoPath | null, limit: number): HeldFile[] {
    const sql = 'SELECT * FROM files WHERE path > ? ORDER BY path LIMIT ?'
    return this.#store
      .prepare(sql)
      .all(path ?? '', limit)
      .map(heldFileOf)
  }

  /**
   * The first file in the order of hashes, from a prefix on, that is large enough; of the next few
   * hundred, since there may be millions of small ones. `next`: where to go on; null at the end.
   */
  nextByHash(prefix: number, leastBytes: number): { file: HeldFile | null; next: number | null } {
    const sql = 'SELECT * FROM files WHERE sha256 >= ? ORDER BY sha256 LIMIT ?'
    let last: HeldFile | null = null
    let rows = 0
    for (const row of this.#store.prepare(sql).iterate(blobOf(prefix), rowsAtOnce)) {
      rows += 1
      last = heldFileOf(row)
      if (row.changed !== 0 || last.sizeBytes < leastBytes) continue
      return { file: last, next: after(last) }
    }
    return { file: null, next: last === null || rows < rowsAtOnce ? null : after(last) }
  }

  /** Whether it is still the file that was verified. */
  async isIntact(file: HeldFile): Promise<boolean> {
    try {
      const found = await this.#folder.look(file.path)
      return found.kind === 'file' && sameStamp(found.stamp, file)
    } catch (error) {
      if (systemCode(error) === undefined) throw error
      return false
    }
  }

  file(file: HeldFile): Buffer {
    return this.#folder.file(file.path)
  }
}
