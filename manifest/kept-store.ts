// Copies of what the origin serves itself, named by content: small ones inside a database, larger
// ones as files. Bytes are checked against their name when they come in and before they go out.

import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { copyFile, mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { giveSpaceBack, shrinkable } from '../core/database-space.ts'
import { flushFolder } from '../core/durable-file.ts'
import { MirrorswarmError } from '../core/errors.ts'
import { isSha256, type Sha256 } from '../core/ids.ts'
import { sha256Hex } from '../core/keys.ts'
import { databaseBusyMs, keptInlineBytes, readBufferBytes } from '../core/limits.ts'
import { keptPage } from '../core/update-limits.ts'
import { pruneHashed } from './hashed-folder.ts'

export type Kept = { readonly bytes: Buffer } | { readonly file: string }

const hashFile = async (file: string): Promise<string> => {
  const hash = createHash('sha256')
  for await (const part of createReadStream(file, { highWaterMark: readBufferBytes })) {
    hash.update(part)
  }
  return hash.digest('hex')
}

/** `kept.db` and `kept/` in a data folder. Several may be open on the same folder. */
export class KeptStore {
  readonly #folder: string
  readonly #database: DatabaseSync
  readonly #get: StatementSync
  readonly #put: StatementSync
  #dirty = false

  /** Opens, and makes when they are not there, `kept.db` and `kept/` in `dataFolder`. */
  constructor(dataFolder: string) {
    this.#folder = join(dataFolder, 'kept')
    mkdirSync(this.#folder, { recursive: true })
    this.#database = new DatabaseSync(join(dataFolder, 'kept.db'), { timeout: databaseBusyMs })
    this.#database.exec(`${shrinkable}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 8000;
      CREATE TABLE IF NOT EXISTS kept (sha256 BLOB PRIMARY KEY, bytes BLOB NOT NULL) STRICT`)
    this.#get = this.#database.prepare('SELECT bytes FROM kept WHERE sha256 = ?')
    this.#put = this.#database.prepare('INSERT OR IGNORE INTO kept (sha256, bytes) VALUES (?, ?)')
  }

  close(): void {
    this.#database.close()
  }

  /** Where a large copy lives, whether or not it is there. */
  #file(sha256: Sha256): string {
    return join(this.#folder, sha256.slice(0, 2), sha256)
  }

  /** A new name on the same file system, for a copy that is being written. */
  temporaryFile(): string {
    return join(this.#folder, `${randomBytes(8).toString('hex')}.tmp`)
  }

  /** Remove what an interrupted publish left behind; only while no other publish runs. */
  removeTemporaryFiles(): void {
    for (const name of readdirSync(this.#folder)) {
      if (name.endsWith('.tmp')) rmSync(join(this.#folder, name), { force: true })
    }
  }

  /** Keep small contents in one transaction. Throws MS_CONTENT_MISMATCH for bytes of other hash. */
  putInline(contents: Iterable<readonly [Sha256, Uint8Array]>): void {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      for (const [sha256, bytes] of contents) {
        if (bytes.length > keptInlineBytes || sha256Hex(bytes) !== sha256) {
          throw new MirrorswarmError('MS_CONTENT_MISMATCH', `bytes are not those of ${sha256}`)
        }
        this.#put.run(Buffer.from(sha256, 'hex'), bytes)
      }
      this.#database.exec('COMMIT')
      this.#dirty = true
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  /**
   * Take over a file made at `temporaryFile()`, durably. The caller vouches that its bytes were
   * hashed while they were written.
   */
  async adopt(sha256: Sha256, temporaryFile: string): Promise<void> {
    const handle = await open(temporaryFile, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
    const folder = join(this.#folder, sha256.slice(0, 2))
    const made = await mkdir(folder, { recursive: true })
    if (made !== undefined) await flushFolder(this.#folder)
    await rename(temporaryFile, this.#file(sha256))
    await flushFolder(folder)
  }

  /** Keep bytes or a copy of a file, verified. Throws MS_CONTENT_MISMATCH. */
  async put(sha256: Sha256, source: Uint8Array | string): Promise<void> {
    if (typeof source !== 'string' && source.length <= keptInlineBytes) {
      this.putInline([[sha256, source]])
      return
    }
    const temporary = this.temporaryFile()
    try {
      if (typeof source === 'string') await copyFile(source, temporary)
      else {
        const handle = await open(temporary, 'wx')
        await handle.writeFile(source).finally(() => handle.close())
      }
      if ((await hashFile(temporary)) !== sha256) {
        throw new MirrorswarmError('MS_CONTENT_MISMATCH', `the bytes are not those of ${sha256}`)
      }
      await this.adopt(sha256, temporary)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
  }

  /** The small content's bytes, the large one's file, or null when it is not kept. */
  get(sha256: Sha256): Kept | null {
    if (!isSha256(sha256)) return null
    const row = this.#get.get(Buffer.from(sha256, 'hex'))
    if (row?.bytes instanceof Uint8Array) {
      const bytes = Buffer.from(row.bytes.buffer, row.bytes.byteOffset, row.bytes.byteLength)
      return { bytes }
    }
    const file = this.#file(sha256)
    return existsSync(file) ? { file } : null
  }

  /** Remove every copy but those of which this is true; the answer counts them. */
  async prune(isNeeded: (sha256: Sha256) => boolean): Promise<{ count: number; bytes: number }> {
    const removed = { count: 0, bytes: 0 }
    const page = this.#database.prepare(
      'SELECT sha256, length(bytes) AS size FROM kept WHERE sha256 > ? ORDER BY sha256 LIMIT ?',
    )
    const remove = this.#database.prepare('DELETE FROM kept WHERE sha256 = ?')
    let rows = page.all(Buffer.alloc(0), keptPage)
    while (rows.length > 0) {
      for (const row of rows) {
        if (!(row.sha256 instanceof Uint8Array)) continue
        if (isNeeded(Buffer.from(row.sha256).toString('hex') as Sha256)) continue
        remove.run(row.sha256)
        removed.count += 1
        removed.bytes += Number(row.size)
      }
      const last = rows.at(-1)?.sha256
      rows = last instanceof Uint8Array ? page.all(last, keptPage) : []
    }
    const files = await pruneHashed(this.#folder, isNeeded)
    return { count: removed.count + files.count, bytes: removed.bytes + files.bytes }
  }

  /** Shrink the database by what was removed; see core/database-space.ts. */
  giveSpaceBack(signal?: AbortSignal): Promise<number> {
    return giveSpaceBack(this.#database, signal)
  }

  /** Make everything put so far survive a power cut. */
  flush(): void {
    if (!this.#dirty) return
    // A synchronous commit flushes the whole log, the earlier commits in it included.
    this.#database.exec(`PRAGMA synchronous = FULL; BEGIN IMMEDIATE;
      PRAGMA user_version = 1; COMMIT; PRAGMA synchronous = NORMAL`)
    this.#dirty = false
  }
}
