// What is still to be done for one snapshot: temporary tables beside held.db, so that millions of
// files cost disk and not memory. A survey fills them anew; nothing here outlives the process.

import type { SQLInputValue } from 'node:sqlite'
import type { ContentNumber, RepoPath } from '../core/ids.ts'
import type { Content } from '../manifest/model.ts'
import type { HeldStore } from './held-store.ts'
import { leftOutByQuota, type PlacementRank, type QuotaCandidate } from './logic/placement.ts'

const schema = `
PRAGMA temp.journal_mode = MEMORY;
PRAGMA temp.cache_size = -32768;
CREATE TEMP TABLE IF NOT EXISTS wanted (
  content INTEGER PRIMARY KEY, size INTEGER NOT NULL, metadata INTEGER NOT NULL,
  first INTEGER NOT NULL, modified INTEGER NOT NULL, paths INTEGER NOT NULL, chosen INTEGER NOT NULL
);
CREATE TEMP TABLE IF NOT EXISTS todo (
  path TEXT PRIMARY KEY, content INTEGER, target TEXT, rank INTEGER NOT NULL, blocked TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS temp.todo_content ON todo (content, rank);
CREATE INDEX IF NOT EXISTS temp.todo_blocked ON todo (path) WHERE blocked IS NOT NULL;
CREATE TEMP TABLE IF NOT EXISTS leaving (path TEXT PRIMARY KEY) WITHOUT ROWID;
`

/** Files are paths; bytes count each content once. */
export interface Progress {
  readonly wantedFiles: number
  readonly wantedBytes: number
  readonly heldFiles: number
  readonly heldBytes: number
}

const noProgress: Progress = { wantedFiles: 0, wantedBytes: 0, heldFiles: 0, heldBytes: 0 }

export interface TodoFile {
  readonly path: RepoPath
  readonly content: ContentNumber
  readonly rank: PlacementRank
}

export interface BlockedPath {
  readonly path: RepoPath
  readonly reason: string
}

type Row = Record<string, unknown>
const pathOf = (row: Row): RepoPath => String(row.path) as RepoPath

const candidateOf = (row: Row): QuotaCandidate => ({
  number: Number(row.content),
  sizeBytes: Number(row.size),
  metadata: row.metadata === 1,
  firstSnapshot: Number(row.first),
  modifiedSeconds: Number(row.modified),
})

const toDo = 'blocked IS NULL'

export class WorkList {
  readonly #store: HeldStore
  #progress = noProgress

  constructor(store: HeldStore) {
    this.#store = store
    store.database.exec(schema)
    store.onHolding((content, held) => this.#holdingChanged(content, held))
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#store.prepare(sql).run(...values)
  }

  #row(sql: string, ...values: SQLInputValue[]): Row {
    return this.#store.prepare(sql).get(...values) ?? {}
  }

  /** Forget everything: a new survey begins. */
  clear(): void {
    this.#store.database.exec('DELETE FROM wanted; DELETE FROM todo; DELETE FROM leaving')
  }

  /** One more path in scope has this content. */
  want(content: Content, metadata: boolean): void {
    this.#run(
      `INSERT INTO wanted VALUES (?, ?, ?, ?, ?, 1, 1)
       ON CONFLICT (content) DO UPDATE SET paths = paths + 1, metadata = max(metadata, excluded.metadata)`,
      content.number,
      content.sizeBytes,
      metadata ? 1 : 0,
      content.firstSnapshot,
      content.modifiedSeconds,
    )
  }

  /** The contents that do not fit: the newest are kept, and the first of `popular`. */
  exceeding(quotaBytes: number, popular: readonly ContentNumber[]): ContentNumber[] {
    const { bytes } = this.#row('SELECT total(size) AS bytes FROM wanted WHERE metadata = 1')
    const find = this.#store.prepare('SELECT * FROM wanted WHERE content = ?')
    const favourites = popular.flatMap(content => {
      const row = find.get(content)
      return row === undefined ? [] : [candidateOf(row)]
    })
    const rows = this.#store.database
      .prepare('SELECT * FROM wanted ORDER BY metadata DESC, first DESC, modified DESC, content')
      .iterate()
    const candidates = (function* () {
      for (const row of rows) yield candidateOf(row)
    })()
    return [...leftOutByQuota(candidates, quotaBytes, favourites, Number(bytes))]
  }

  leaveOut(content: ContentNumber): void {
    this.#run('UPDATE wanted SET chosen = 0 WHERE content = ?', content)
  }

  isChosen(content: ContentNumber): boolean {
    return this.#row('SELECT chosen FROM wanted WHERE content = ?', content).chosen === 1
  }

  addFile(path: RepoPath, content: ContentNumber, rank: PlacementRank): void {
    this.#run('INSERT OR REPLACE INTO todo VALUES (?, ?, NULL, ?, NULL)', path, content, rank)
  }

  addLink(path: RepoPath, target: string): void {
    this.#run('INSERT OR REPLACE INTO todo VALUES (?, NULL, ?, 2, NULL)', path, target)
  }

  /** A recorded path that this snapshot no longer has: retired once the metadata is in place. */
  addLeaving(path: RepoPath): void {
    this.#run('INSERT OR IGNORE INTO leaving VALUES (?)', path)
  }

  /** It is retired, or gone. */
  left(path: RepoPath): void {
    this.#run('DELETE FROM leaving WHERE path = ?', path)
  }

  leaving(after: RepoPath | null, limit: number): RepoPath[] {
    return this.#store
      .prepare('SELECT path FROM leaving WHERE path > ? ORDER BY path LIMIT ?')
      .all(after ?? '', limit)
      .map(pathOf)
  }

  done(path: RepoPath): void {
    const row = this.#row('SELECT content FROM todo WHERE path = ?', path)
    this.#run('DELETE FROM todo WHERE path = ?', path)
    if (typeof row.content === 'number') {
      this.#progress = { ...this.#progress, heldFiles: this.#progress.heldFiles + 1 }
    }
  }

  /** The owner must act first: it is neither waited for nor counted as wanted. */
  block(path: RepoPath, reason: string): void {
    const sql = `UPDATE todo SET blocked = ? WHERE path = ? AND ${toDo} RETURNING content`
    const content = this.#row(sql, reason, path).content
    if (typeof content !== 'number') return
    const lost =
      !this.#store.holds(content) && !this.isNeeded(content, false) && !this.isNeeded(content, true)
    const { wantedFiles, wantedBytes } = this.#progress
    this.#progress = {
      ...this.#progress,
      wantedFiles: Math.max(0, wantedFiles - 1),
      wantedBytes: Math.max(0, wantedBytes - (lost ? this.wantedBytes(content) : 0)),
    }
  }

  blocked(limit: number): { readonly count: number; readonly paths: readonly BlockedPath[] } {
    const count = Number(
      this.#row('SELECT count(*) AS count FROM todo WHERE blocked IS NOT NULL').count,
    )
    const rows =
      count === 0
        ? []
        : this.#store
            .prepare('SELECT path, blocked FROM todo WHERE blocked IS NOT NULL LIMIT ?')
            .all(limit)
    return {
      count,
      paths: rows.map(row => ({ path: pathOf(row), reason: String(row.blocked) })),
    }
  }

  /** The next file paths to do, by path. */
  files(after: RepoPath | null, limit: number): TodoFile[] {
    return this.#store
      .prepare(
        `SELECT path, content, rank FROM todo WHERE path > ? AND content IS NOT NULL AND ${toDo}
         ORDER BY path LIMIT ?`,
      )
      .all(after ?? '', limit)
      .map(row => ({
        path: pathOf(row),
        content: Number(row.content),
        rank: Number(row.rank) as PlacementRank,
      }))
  }

  /** The same, of one rank. */
  filesOfRank(rank: PlacementRank, limit: number): TodoFile[] {
    return this.#store
      .prepare(
        `SELECT path, content FROM todo WHERE rank = ? AND content IS NOT NULL AND ${toDo}
         ORDER BY path LIMIT ?`,
      )
      .all(rank, limit)
      .map(row => ({ path: pathOf(row), content: Number(row.content), rank }))
  }

  links(limit: number): { readonly path: RepoPath; readonly target: string }[] {
    return this.#store
      .prepare(`SELECT path, target FROM todo WHERE target IS NOT NULL AND ${toDo} LIMIT ?`)
      .all(limit)
      .map(row => ({ path: pathOf(row), target: String(row.target) }))
  }

  /** Paths of a content that are to be done, of rank 0 (pool) or of the others (metadata). */
  pathsOf(content: ContentNumber, metadata: boolean): RepoPath[] {
    const rank = metadata ? 'rank > 0' : 'rank = 0'
    return this.#store
      .prepare(
        `SELECT path FROM todo WHERE content = ? AND ${rank} AND ${toDo} ORDER BY rank, path`,
      )
      .all(content)
      .map(pathOf)
  }

  /** Contents with paths to do, ascending; `held`: those that need no transfer, or those that do. */
  contents(metadata: boolean, held: boolean, after: ContentNumber, limit: number): ContentNumber[] {
    const rank = metadata ? 'rank > 0' : 'rank = 0'
    const isHeld = held ? 'EXISTS' : 'NOT EXISTS'
    return this.#store
      .prepare(
        `SELECT DISTINCT content FROM todo WHERE content > ? AND ${rank} AND ${toDo} AND ${isHeld}
           (SELECT 1 FROM files WHERE files.content = todo.content AND changed = 0)
         ORDER BY content LIMIT ?`,
      )
      .all(after, limit)
      .map(row => Number(row.content))
  }

  /** True when a path of this kind waits for the content. */
  isNeeded(content: ContentNumber, metadata: boolean): boolean {
    return this.pathsOf(content, metadata).length > 0
  }

  /** Progress towards the snapshot; what is blocked is not waited for and not counted. */
  progress(): Progress {
    return this.#progress
  }

  /** Count anew, after a survey; from then on `done`, `block` and the holdings keep it true. */
  recount(): void {
    const wanted = this.#row(
      'SELECT total(paths) AS files, total(size) AS bytes FROM wanted WHERE chosen = 1',
    )
    const held = this.#row(
      `SELECT total(size) AS bytes FROM wanted WHERE chosen = 1 AND EXISTS
         (SELECT 1 FROM files WHERE files.content = wanted.content AND changed = 0)`,
    )
    const open = this.#row('SELECT count(*) AS count FROM todo WHERE content IS NOT NULL')
    const wantedFiles = Number(wanted.files)
    this.#progress = {
      wantedFiles,
      wantedBytes: Number(wanted.bytes),
      heldFiles: Math.max(0, wantedFiles - Number(open.count)),
      heldBytes: Number(held.bytes),
    }
  }

  #holdingChanged(content: ContentNumber, held: boolean): void {
    const bytes = this.wantedBytes(content)
    const heldBytes = this.#progress.heldBytes + (held ? bytes : -bytes)
    this.#progress = { ...this.#progress, heldBytes: Math.max(0, heldBytes) }
  }

  /** Size of a wanted content; 0 if it is not wanted. */
  wantedBytes(content: ContentNumber): number {
    const row = this.#row('SELECT size FROM wanted WHERE content = ? AND chosen = 1', content)
    return Number(row.size ?? 0)
  }
}
