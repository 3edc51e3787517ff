// The publisher's table of the tree: what each file held when it was last hashed. It is read beside
// the scan, in the same order, and written in batches, so that an interrupted hashing goes on.

import type { StatementSync } from 'node:sqlite'
import type { ContentNumber, RepoPath, SnapshotNumber } from '../../core/ids.ts'
import type { HashedFile } from '../hash-pool.ts'
import { bigintOf, numberOf, pathOf, type Row, textOf } from './rows.ts'
import type { ManifestWriter } from './writer.ts'

/** A row of the table; a link has a target and no meaningful times. */
export interface TreeRow {
  readonly path: RepoPath
  readonly sizeBytes: bigint
  readonly modifiedNs: bigint
  readonly changedNs: bigint
  readonly inode: bigint
  readonly target: string | null
  /** A copy was kept for the origin to serve. */
  readonly kept: boolean
  /** To be read again whatever its times say. */
  readonly young: boolean
  /** Bound to something else than in the newest snapshot, as far as is known. */
  readonly pending: boolean
}

/** A hashed file and whether a copy of it was kept. */
export interface RecordedFile {
  readonly file: HashedFile
  readonly kept: boolean
}

export interface RecordedLink {
  readonly path: RepoPath
  readonly target: string
}

const pageRows = 2000

const upsert = `
  INSERT INTO files (path, size, modified_ns, changed_ns, inode, content, target, kept, young, since)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (path) DO UPDATE SET
    size = excluded.size, modified_ns = excluded.modified_ns, changed_ns = excluded.changed_ns,
    inode = excluded.inode, content = excluded.content, target = excluded.target,
    kept = excluded.kept, young = excluded.young,
    since = CASE WHEN content IS excluded.content AND target IS excluded.target
      THEN since ELSE excluded.since END`

const prepareStatements = (writer: ManifestWriter) => {
  const prepare = (sql: string): StatementSync => writer.database.prepare(sql)
  const page = prepare('SELECT * FROM files WHERE path > ? ORDER BY path LIMIT ?')
  page.setReadBigInts(true)
  return {
    page,
    upsert: prepare(upsert),
    gone: prepare('INSERT OR IGNORE INTO temp.gone (path) VALUES (?)'),
    goneFiles: prepare('SELECT count(*) AS count FROM temp.gone'),
    find: prepare(
      'SELECT number, first_snapshot, pieces IS NULL AS pruned FROM contents WHERE sha256 = ?',
    ),
    restore: prepare('UPDATE contents SET pieces = ?, last_piece = ? WHERE number = ?'),
    earlier: prepare('UPDATE contents SET modified = min(modified, ?) WHERE number = ?'),
    insert: prepare(
      `INSERT INTO contents (number, sha256, size, sha1, md5, md4, modified, first_snapshot, pieces, last_piece)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    addChunkMap: prepare('INSERT OR IGNORE INTO chunk_maps (content, hashes) VALUES (?, ?)'),
  }
}

/** Seconds since 1970, rounded down, as Last-Modified has them. */
const secondsOf = (nanoseconds: bigint): number => {
  const seconds = Number(nanoseconds / 1_000_000_000n)
  return nanoseconds < 0n && nanoseconds % 1_000_000_000n !== 0n ? seconds - 1 : seconds
}

export class WorkingTree {
  /** The snapshot that is being prepared. */
  readonly next: SnapshotNumber
  readonly #writer: ManifestWriter
  readonly #statements: ReturnType<typeof prepareStatements>
  #nextContent: ContentNumber

  /** Start preparing the snapshot after the newest one; forgets which paths were gone. */
  constructor(writer: ManifestWriter) {
    writer.database.exec(
      'DROP TABLE IF EXISTS temp.gone; CREATE TEMP TABLE gone (path TEXT PRIMARY KEY) WITHOUT ROWID',
    )
    this.#writer = writer
    this.#statements = prepareStatements(writer)
    this.next = (writer.latest()?.number ?? 0) + 1
    const largest = writer.database
      .prepare('SELECT coalesce(max(number), -1) AS number FROM contents')
      .get()
    const published = writer.meta('contentCount')
    this.#nextContent = Math.max(
      numberOf(largest ?? {}, 'number') + 1,
      published === undefined ? 0 : numberOf(published, 'value'),
    )
  }

  /** All rows in the order of their paths, in pages, so that no statement stays open. */
  *rows(): Generator<TreeRow> {
    let after = ''
    for (;;) {
      const rows = this.#statements.page.all(after, pageRows)
      for (const row of rows) yield this.#rowOf(row)
      const last = rows.at(-1)
      if (last === undefined || rows.length < pageRows) return
      after = pathOf(last)
    }
  }

  /** Remember files in one transaction: their contents, and how they looked. */
  recordFiles(files: readonly RecordedFile[]): void {
    this.#writer.transactionSync(() => {
      for (const { file, kept } of files) {
        const { path, sizeBytes, modifiedNs, changedNs, inode, young } = file
        const content = this.#content(file)
        const { coarse } = file
        if (coarse.length > 0) this.#statements.addChunkMap.run(content, coarse)
        const flags = [kept ? 1 : 0, young ? 1 : 0] as const
        const stamp = [sizeBytes, modifiedNs, changedNs, inode] as const
        this.#statements.upsert.run(path, ...stamp, content, null, ...flags, this.next)
      }
    })
  }

  recordLinks(links: readonly RecordedLink[]): void {
    this.#writer.transactionSync(() => {
      for (const { path, target } of links) {
        this.#statements.upsert.run(path, 0, 0, 0, 0, null, target, 0, 0, this.next)
      }
    })
  }

  /** Leave paths out of the next snapshot. Nothing is forgotten before it is published. */
  leaveOut(paths: Iterable<RepoPath>): void {
    for (const path of paths) this.#statements.gone.run(path)
  }

  leftOut(): number {
    return numberOf(this.#statements.goneFiles.get() ?? {}, 'count')
  }

  #rowOf(row: Row): TreeRow {
    return {
      path: pathOf(row),
      sizeBytes: bigintOf(row, 'size'),
      modifiedNs: bigintOf(row, 'modified_ns'),
      changedNs: bigintOf(row, 'changed_ns'),
      inode: bigintOf(row, 'inode'),
      target: row.target === null ? null : textOf(row, 'target'),
      kept: row.kept !== 0n,
      young: row.young !== 0n,
      pending: bigintOf(row, 'since') >= BigInt(this.next),
    }
  }

  /** The number of a file's content; a new one gets the next number. */
  #content(file: HashedFile): ContentNumber {
    const found = this.#statements.find.get(file.sha256)
    const modified = secondsOf(file.modifiedNs)
    if (found === undefined) {
      const number = this.#nextContent++
      const { sha256, sizeBytes, sha1, md5, md4, pieces, lastPiece } = file
      const first = [modified, this.next] as const
      this.#statements.insert.run(
        ...[number, sha256, sizeBytes, sha1, md5, md4, ...first, pieces, lastPiece],
      )
      return number
    }
    const number = numberOf(found, 'number')
    if (numberOf(found, 'pruned') === 1) {
      this.#statements.restore.run(file.pieces, file.lastPiece, number)
    }
    // Several files of one snapshot may be the content's first appearance: the oldest counts.
    if (numberOf(found, 'first_snapshot') >= this.next)
      this.#statements.earlier.run(modified, number)
    return number
  }
}
