// What was found at mirrors without our daemon, on the disk: which path has which content, how far it
// was compared and when to look again. It sends no requests and takes no decisions.

import { CacheDatabase } from '../../core/cache-database.ts'
import type { ContentNumber, RepoPath, SnapshotNumber } from '../../core/ids.ts'
import type { Proof } from '../logic/mirror-sampling.ts'

const schema = `
  -- Which snapshot the rows of a mirror were last compared with.
  CREATE TABLE IF NOT EXISTS mirrors (mirror TEXT PRIMARY KEY, snapshot INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS looks (
    mirror TEXT NOT NULL, content INTEGER NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL,
    proved INTEGER NOT NULL, looked INTEGER NOT NULL, covered INTEGER NOT NULL,
    validator TEXT NOT NULL, due INTEGER NOT NULL, times INTEGER NOT NULL,
    PRIMARY KEY (mirror, content)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS looks_due ON looks (mirror, proved, due);
  CREATE INDEX IF NOT EXISTS looks_unfinished ON looks (mirror, looked) WHERE covered < size AND proved = 1;
`

/** What is known of one content at one mirror. */
export interface Look extends Proof {
  readonly path: RepoPath
  readonly sizeBytes: number
  readonly proved: boolean
  /** When to look again, milliseconds since 1970. */
  readonly dueMs: number
  /** Looks in a row that did not find it. */
  readonly times: number
}

/** Rows are kept by `mirror`: whatever makes a mirror another one has to be in that name. */
export class ProofStore {
  readonly #database: CacheDatabase

  constructor(file: string, onFault?: (error: unknown, lost: boolean) => void) {
    this.#database = new CacheDatabase(file, {
      ...{ schema, version: 1 },
      ...(onFault === undefined ? {} : { onFault }),
    })
  }

  close(): void {
    this.#database.close()
  }

  /** Grows when all was lost. */
  get generation(): number {
    return this.#database.generation
  }

  /** The snapshot up to which the rows of a mirror are right; null: nothing is known of it. */
  snapshotOf(mirror: string): number | null {
    const sql = 'SELECT snapshot FROM mirrors WHERE mirror = ?'
    const row = this.#attempt(() => this.#database.prepare(sql).get(mirror), undefined)
    return row === undefined ? null : Number(row.snapshot)
  }

  /** Remember up to which snapshot the rows of a mirror are right. */
  setSnapshot(mirror: string, snapshot: SnapshotNumber): void {
    const sql = 'INSERT OR REPLACE INTO mirrors VALUES (?, ?)'
    this.#attempt(() => this.#database.prepare(sql).run(mirror, snapshot), undefined)
  }

  /** What was known of these contents at these paths is to be found out again; those that were there. */
  end(
    mirror: string,
    ended: Iterable<{ readonly path: RepoPath; readonly content: ContentNumber }>,
    nowMs: number,
  ): ContentNumber[] {
    const sql = `UPDATE looks SET proved = 0, covered = 0, validator = '', due = ?, times = 0
      WHERE mirror = ? AND content = ? AND path = ?`
    return this.#attempt(() => {
      const update = this.#database.prepare(sql)
      const changed: ContentNumber[] = []
      for (const { path, content } of ended) {
        if (update.run(nowMs, mirror, content, path).changes !== 0) changed.push(content)
      }
      return changed
    }, [])
  }

  /** End at most `most` proofs that were not renewed since before `dueMs`; which. */
  expire(mirror: string, dueMs: number, nowMs: number, most: number): ContentNumber[] {
    const old = `SELECT content, path FROM looks WHERE mirror = ? AND proved = 1 AND due <= ?
      ORDER BY due LIMIT ?`
    const rows = this.#attempt(() => this.#database.prepare(old).all(mirror, dueMs, most), [])
    const ended = rows.map(({ content, path }) => ({
      content: Number(content),
      path: String(path) as RepoPath,
    }))
    return this.end(mirror, ended, nowMs)
  }

  /** Forget all that is known of a mirror. */
  forget(mirror: string): void {
    this.#attempt(() => {
      this.#database.prepare('DELETE FROM looks WHERE mirror = ?').run(mirror)
      this.#database.prepare('DELETE FROM mirrors WHERE mirror = ?').run(mirror)
    }, undefined)
  }

  /** Forget one content of a mirror. */
  drop(mirror: string, content: ContentNumber): void {
    const sql = 'DELETE FROM looks WHERE mirror = ? AND content = ?'
    this.#attempt(() => this.#database.prepare(sql).run(mirror, content), undefined)
  }

  /** Forget all mirrors but these, at most `most` contents now; true: there is more to forget. */
  keepOnly(mirrors: ReadonlySet<string>, most: number): boolean {
    const sql = `DELETE FROM looks WHERE mirror = ?1 AND content IN
      (SELECT content FROM looks WHERE mirror = ?1 LIMIT ?2)`
    return this.#attempt(() => {
      const known = this.#database.prepare('SELECT mirror FROM mirrors').all()
      const gone = known.map(row => String(row.mirror)).find(mirror => !mirrors.has(mirror))
      if (gone === undefined) return false
      const { changes } = this.#database.prepare(sql).run(gone, most)
      if (changes === 0) this.#database.prepare('DELETE FROM mirrors WHERE mirror = ?').run(gone)
      return true
    }, false)
  }

  find(mirror: string, content: ContentNumber): Look | null {
    const sql = 'SELECT * FROM looks WHERE mirror = ? AND content = ?'
    const row = this.#attempt(() => this.#database.prepare(sql).get(mirror, content), undefined)
    if (row === undefined) return null
    return {
      path: String(row.path) as RepoPath,
      sizeBytes: Number(row.size),
      proved: row.proved === 1,
      lookedMs: Number(row.looked),
      coveredBytes: Number(row.covered),
      validator: String(row.validator),
      dueMs: Number(row.due),
      times: Number(row.times),
    }
  }

  put(mirror: string, content: ContentNumber, look: Look): void {
    const { path, sizeBytes, proved, lookedMs, coveredBytes, validator, dueMs, times } = look
    const sql = 'INSERT OR REPLACE INTO looks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
    this.#attempt(() => {
      const row = [mirror, content, path, sizeBytes, proved ? 1 : 0, lookedMs] as const
      this.#database.prepare(sql).run(...row, coveredBytes, validator, dueMs, times)
    }, undefined)
  }

  /** The one that is due first among the proved ones, or among the others; null: none is. */
  due(mirror: string, proved: boolean, nowMs: number): ContentNumber | null {
    const sql =
      'SELECT content FROM looks WHERE mirror = ? AND proved = ? AND due <= ? ORDER BY due LIMIT 1'
    return this.#one(sql, mirror, proved ? 1 : 0, nowMs)
  }

  /** One that was proved by parts and not looked at since `beforeMs`; null: there is none. */
  unfinished(mirror: string, beforeMs: number): ContentNumber | null {
    const sql = `SELECT content FROM looks WHERE mirror = ? AND proved = 1 AND covered < size
      AND looked <= ? ORDER BY looked LIMIT 1`
    return this.#one(sql, mirror, beforeMs)
  }

  /** What was proved of the contents from `from` on and below `below`, with its size. */
  proved(
    mirror: string,
    from: ContentNumber,
    below: ContentNumber,
  ): (readonly [content: ContentNumber, sizeBytes: number])[] {
    // By the rows' own order: the index would be sorted anew each time.
    const sql = `SELECT content, size FROM looks
      WHERE mirror = ? AND content >= ? AND content < ? AND +proved = 1`
    const rows = this.#attempt(() => this.#database.prepare(sql).all(mirror, from, below), [])
    return rows.map(row => [Number(row.content), Number(row.size)] as const)
  }

  #one(sql: string, ...values: (string | number)[]): ContentNumber | null {
    const row = this.#attempt(() => this.#database.prepare(sql).get(...values), undefined)
    return row === undefined ? null : Number(row.content)
  }

  #attempt<T>(work: () => T, otherwise: T): T {
    return this.#database.attempt(work, otherwise)
  }
}
