// The volunteer's memory of its mirror folder (held.db): which path holds which content, exactly as
// it was verified. A row is written after the file is safely in place, never before.

import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { MirrorswarmError } from '../core/errors.ts'
import type { ContentNumber, RepoPath, Sha256, SnapshotNumber } from '../core/ids.ts'
import type { RepositoryIdentity } from '../manifest/model.ts'
import type { PathRecord } from './logic/plan.ts'

/** What identifies a file on disk as the very one that was verified. */
export interface FileStamp {
  readonly sizeBytes: number
  readonly modifiedNs: bigint
  readonly inode: bigint
}

export interface HeldFile extends FileStamp {
  readonly path: RepoPath
  readonly sha256: Sha256
  readonly content: ContentNumber | null
}

/** Told when a content becomes held or stops being held (its number, not its paths). */
export type HoldingListener = (content: ContentNumber, held: boolean) => void

/** Told of files that are about to be recorded. */
export type RecordListener = (files: readonly HeldFile[]) => void

const schema = `
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
  path TEXT PRIMARY KEY, sha256 BLOB NOT NULL, content INTEGER, size INTEGER NOT NULL,
  modified TEXT NOT NULL, inode TEXT NOT NULL, changed INTEGER NOT NULL DEFAULT 0, retired INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_content ON files (content);
CREATE INDEX IF NOT EXISTS files_sha256 ON files (sha256);
CREATE INDEX IF NOT EXISTS files_retired ON files (retired) WHERE retired IS NOT NULL;
CREATE TABLE IF NOT EXISTS links (path TEXT PRIMARY KEY, target TEXT NOT NULL, retired INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS folders (path TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS examined (
  path TEXT PRIMARY KEY, sha256 BLOB NOT NULL, size INTEGER NOT NULL, modified TEXT NOT NULL,
  inode TEXT NOT NULL
) WITHOUT ROWID;
`

type Row = Record<string, unknown>

const textOf = (row: Row, column: string): string => String(row[column])
const numberOrNull = (value: unknown): number | null => (typeof value === 'number' ? value : null)
const hexOf = (value: unknown): Sha256 =>
  (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : '') as Sha256
const blobOf = (sha256: Sha256): Buffer => Buffer.from(sha256, 'hex')

const stampOf = (row: Row): FileStamp => ({
  sizeBytes: Number(row.size),
  modifiedNs: BigInt(textOf(row, 'modified')),
  inode: BigInt(textOf(row, 'inode')),
})

export const heldFileOf = (row: Row): HeldFile => ({
  path: textOf(row, 'path') as RepoPath,
  sha256: hexOf(row.sha256),
  content: numberOrNull(row.content),
  ...stampOf(row),
})

const recordOf = (row: Row): PathRecord => {
  const path = textOf(row, 'path') as RepoPath
  const retired = row.retired !== null
  return typeof row.target === 'string'
    ? { kind: 'link', path, target: row.target, retired }
    : {
        kind: 'file',
        path,
        content: numberOrNull(row.content),
        changed: row.changed === 1,
        retired,
      }
}

export const sameStamp = (left: FileStamp, right: FileStamp): boolean =>
  left.sizeBytes === right.sizeBytes &&
  left.modifiedNs === right.modifiedNs &&
  left.inode === right.inode

export class HeldStore {
  /** Shared with the work list, whose temporary tables are joined with these. */
  readonly database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  readonly #listeners = new Set<HoldingListener>()
  readonly #recorders = new Set<RecordListener>()

  private constructor(database: DatabaseSync) {
    this.database = database
  }

  static open(file: string): HeldStore {
    const database = new DatabaseSync(file)
    try {
      database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=FILE')
      database.exec(schema)
    } catch (error) {
      database.close()
      throw new MirrorswarmError('MS_DATA_CORRUPT', `cannot read ${file}`, { cause: error })
    }
    return new HeldStore(database)
  }

  close(): void {
    this.#statements.clear()
    this.database.close()
  }

  /** A prepared statement, made once. */
  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  /** All of `work` or nothing of it; `work` must not wait. */
  transaction<T>(work: () => T): T {
    this.database.exec('BEGIN')
    try {
      const result = work()
      this.database.exec('COMMIT')
      return result
    } catch (error) {
      this.database.exec('ROLLBACK')
      throw error
    }
  }

  onHolding(listener: HoldingListener): void {
    this.#listeners.add(listener)
  }

  onRecord(listener: RecordListener): void {
    this.#recorders.add(listener)
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.prepare(sql).run(...values)
  }

  /** A remembered fact about the mirror. */
  meta(key: string): string | null {
    const row = this.prepare('SELECT value FROM meta WHERE key = ?').get(key)
    return row === undefined ? null : textOf(row, 'value')
  }

  setMeta(key: string, value: string): void {
    this.#run('INSERT OR REPLACE INTO meta VALUES (?, ?)', key, value)
  }

  /** The newest snapshot that is wholly in place, of the epoch that the numbers belong to. */
  placedSnapshot(): SnapshotNumber | null {
    const text = this.meta('placed')
    return text === null ? null : Number(text)
  }

  setPlacedSnapshot(snapshot: SnapshotNumber): void {
    this.setMeta('placed', String(snapshot))
    this.setMeta('adopted', 'yes')
  }

  /** True until the first snapshot has been put in place wholly: old copies may be replaced. */
  get adopting(): boolean {
    return this.meta('adopted') === null
  }

  /**
   * Tie the rows to a repository and epoch. In another epoch the numbers mean other contents: they
   * are looked up anew by hash, and nothing counts as placed.
   */
  bind(identity: RepositoryIdentity, numberOf: (sha256: Sha256) => ContentNumber | null): void {
    const key = `${identity.repositoryId} ${identity.epoch}`
    if (this.meta('identity') === key) return
    this.transaction(() => {
      const next = this.prepare('SELECT min(sha256) AS sha256 FROM files WHERE sha256 > ?')
      for (let last: Uint8Array = Buffer.alloc(0); ; ) {
        const blob = next.get(last)?.sha256
        if (!(blob instanceof Uint8Array)) break
        this.#run('UPDATE files SET content = ? WHERE sha256 = ?', numberOf(hexOf(blob)), blob)
        last = blob
      }
      this.#run("DELETE FROM meta WHERE key = 'placed'")
      this.setMeta('identity', key)
    })
  }

  #tell(changes: readonly { content: ContentNumber | null; before: boolean }[]): void {
    const seen = new Set<ContentNumber>()
    for (const { content, before } of changes) {
      if (content === null || seen.has(content)) continue
      seen.add(content)
      const held = this.holds(content)
      if (held === before) continue
      for (const listener of this.#listeners) listener(content, held)
    }
  }

  #watched(contents: readonly (ContentNumber | null)[], work: () => void): void {
    const before = contents.map(content => ({
      content,
      before: content !== null && this.holds(content),
    }))
    this.transaction(work)
    this.#tell(before)
  }

  /** Record verified files that are in place (and flushed), in one transaction. */
  record(files: readonly HeldFile[]): void {
    for (const listener of this.#recorders) listener(files)
    const replaced = files.map(file => this.file(file.path)?.content ?? null)
    this.#watched([...files.map(file => file.content), ...replaced], () => {
      for (const file of files) {
        this.#run(
          'INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, 0, NULL)',
          file.path,
          blobOf(file.sha256),
          file.content,
          file.sizeBytes,
          String(file.modifiedNs),
          String(file.inode),
        )
        this.#run('DELETE FROM links WHERE path = ?', file.path)
        this.#run('DELETE FROM examined WHERE path = ?', file.path)
      }
    })
  }

  recordLink(path: RepoPath, target: string): void {
    this.#watched([this.file(path)?.content ?? null], () => {
      this.#run('DELETE FROM files WHERE path = ?', path)
      this.#run('INSERT OR REPLACE INTO links VALUES (?, ?, NULL)', path, target)
    })
  }

  /** Nothing of ours stands at these paths any more. */
  forget(paths: readonly RepoPath[]): void {
    this.#watched(
      paths.map(path => this.file(path)?.content ?? null),
      () => {
        for (const path of paths) {
          this.#run('DELETE FROM files WHERE path = ?', path)
          this.#run('DELETE FROM links WHERE path = ?', path)
        }
      },
    )
  }

  /** Somebody else wrote the file: it is not held, and not ours to replace without a look. */
  markChanged(path: RepoPath): void {
    this.#watched([this.file(path)?.content ?? null], () => {
      this.#run('UPDATE files SET changed = 1 WHERE path = ?', path)
    })
  }

  /** Retired paths are deleted after the grace period; `null` takes them back. */
  retire(paths: readonly RepoPath[], sinceMs: number | null): void {
    this.transaction(() => {
      for (const path of paths) {
        const when = sinceMs === null ? null : Math.trunc(sinceMs)
        const old = sinceMs === null ? '' : ' AND retired IS NULL'
        this.#run(`UPDATE files SET retired = ? WHERE path = ?${old}`, when, path)
        this.#run(`UPDATE links SET retired = ? WHERE path = ?${old}`, when, path)
      }
    })
  }

  /** Paths retired before `beforeMs`, those retired first come first. */
  retired(beforeMs: number, limit: number): RepoPath[] {
    return this.prepare(
      `SELECT path, retired FROM files WHERE retired IS NOT NULL AND retired <= ?
       UNION ALL SELECT path, retired FROM links WHERE retired IS NOT NULL AND retired <= ?
       ORDER BY retired, path DESC LIMIT ?`,
    )
      .all(beforeMs, beforeMs, limit)
      .map(row => textOf(row, 'path') as RepoPath)
  }

  /** After the clock was set back: nothing was retired in the future. */
  clampRetired(nowMs: number): void {
    const now = Math.trunc(nowMs)
    this.#run('UPDATE files SET retired = ?1 WHERE retired > ?1', now)
    this.#run('UPDATE links SET retired = ?1 WHERE retired > ?1', now)
  }

  /** When the path that was retired first was retired; null when there is none. */
  firstRetiredMs(): number | null {
    const row = this.prepare(
      `SELECT min(retired) AS first FROM (SELECT retired FROM files WHERE retired IS NOT NULL
       UNION ALL SELECT retired FROM links WHERE retired IS NOT NULL)`,
    ).get()
    return numberOrNull(row?.first)
  }

  file(path: RepoPath): (HeldFile & { readonly changed: boolean }) | null {
    const row = this.prepare('SELECT * FROM files WHERE path = ?').get(path)
    return row === undefined ? null : { ...heldFileOf(row), changed: row.changed === 1 }
  }

  linkTarget(path: RepoPath): string | null {
    const row = this.prepare('SELECT target FROM links WHERE path = ?').get(path)
    return row === undefined ? null : textOf(row, 'target')
  }

  /** Files with this content, unchanged as far as is known. */
  filesOf(sha256: Sha256): HeldFile[] {
    return this.prepare('SELECT * FROM files WHERE sha256 = ? AND changed = 0 LIMIT 16')
      .all(blobOf(sha256))
      .map(heldFileOf)
  }

  holds(content: ContentNumber): boolean {
    const sql = 'SELECT 1 FROM files WHERE content = ? AND changed = 0 LIMIT 1'
    return this.prepare(sql).get(content) !== undefined
  }

  /** Every held content once, ascending. */
  *contents(): Generator<ContentNumber> {
    const rows = this.database
      .prepare(
        'SELECT DISTINCT content FROM files WHERE content IS NOT NULL AND changed = 0 ORDER BY content',
      )
      .iterate()
    for (const row of rows) yield Number(row.content)
  }

  /** Distinct bytes on disk that are ours, held or changed or retired. */
  heldBytes(): number {
    const row = this.prepare(
      'SELECT total(size) AS bytes FROM (SELECT size FROM files WHERE changed = 0 GROUP BY sha256)',
    ).get()
    return Number(row?.bytes ?? 0)
  }

  /** The next rows by path, files and links together. */
  records(after: RepoPath | null, limit: number): PathRecord[] {
    return this.prepare(
      `SELECT * FROM (SELECT path, content, changed, retired, NULL AS target FROM files WHERE path > ?1
         ORDER BY path LIMIT ?2)
       UNION ALL SELECT * FROM (SELECT path, NULL, 0, retired, target FROM links WHERE path > ?1
         ORDER BY path LIMIT ?2)
       ORDER BY path LIMIT ?2`,
    )
      .all(after ?? '', limit)
      .map(recordOf)
  }

  /** Recorded paths below a folder. */
  below(folder: RepoPath, limit: number): RepoPath[] {
    return this.prepare(
      `SELECT path FROM files WHERE path > ?1 || '/' AND path < ?1 || '0'
       UNION ALL SELECT path FROM links WHERE path > ?1 || '/' AND path < ?1 || '0' LIMIT ?2`,
    )
      .all(folder, limit)
      .map(row => textOf(row, 'path') as RepoPath)
  }

  /** The hash of a file that was read before and stands there still, else null. */
  examined(path: RepoPath, stamp: FileStamp): Sha256 | null {
    const row = this.prepare('SELECT * FROM examined WHERE path = ?').get(path)
    return row !== undefined && sameStamp(stampOf(row), stamp) ? hexOf(row.sha256) : null
  }

  setExamined(path: RepoPath, stamp: FileStamp, sha256: Sha256): void {
    this.#run(
      'INSERT OR REPLACE INTO examined VALUES (?, ?, ?, ?, ?)',
      path,
      blobOf(sha256),
      stamp.sizeBytes,
      String(stamp.modifiedNs),
      String(stamp.inode),
    )
  }

  /** Folders that we made may go again when they are empty. */
  addFolder(path: RepoPath): void {
    this.#run('INSERT OR IGNORE INTO folders VALUES (?)', path)
  }

  ownsFolder(path: RepoPath): boolean {
    return this.prepare('SELECT 1 FROM folders WHERE path = ?').get(path) !== undefined
  }

  forgetFolder(path: RepoPath): void {
    this.#run('DELETE FROM folders WHERE path = ?', path)
  }
}
