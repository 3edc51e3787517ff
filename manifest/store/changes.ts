// What differs between the newest snapshot and the next: collected in temporary tables, counted,
// and then made the new snapshot. The publisher fills them from the tree, a volunteer from the wire.

import type { Snapshot } from '../model.ts'
import { numberOf } from './rows.ts'
import type { ManifestWriter } from './writer.ts'

const temporaryTables = `
  DROP TABLE IF EXISTS temp.changes;
  CREATE TEMP TABLE changes (
    path TEXT PRIMARY KEY, content INTEGER, target TEXT,
    old_content INTEGER, old_target TEXT, existed INTEGER NOT NULL
  ) WITHOUT ROWID;
  DROP TABLE IF EXISTS temp.arriving;
  CREATE TEMP TABLE arriving (content INTEGER PRIMARY KEY, path TEXT NOT NULL);
`

/** Rows that are pending in the tree and those that are gone from it. */
const fromTree = `
  INSERT INTO temp.changes
    SELECT f.path, f.content, f.target, e.content, e.target, e.path IS NOT NULL
    FROM main.files f LEFT JOIN main.entries e ON e.path = f.path AND e.to_snapshot IS NULL
    WHERE f.since >= $next AND NOT EXISTS (SELECT 1 FROM temp.gone g WHERE g.path = f.path)
      AND (e.path IS NULL OR e.content IS NOT f.content OR e.target IS NOT f.target)
    ORDER BY f.path`

const goneFromTree = `
  INSERT INTO temp.changes
    SELECT e.path, NULL, NULL, e.content, e.target, 1
    FROM temp.gone g JOIN main.entries e ON e.path = g.path AND e.to_snapshot IS NULL`

const arriving = `
  INSERT INTO temp.arriving
    SELECT c.content, min(c.path) FROM temp.changes c
    WHERE c.content IS NOT NULL AND NOT EXISTS
      (SELECT 1 FROM main.entries e WHERE e.content = c.content AND e.to_snapshot IS NULL)
    GROUP BY c.content`

const counts = `
  SELECT
    count(*) FILTER (WHERE existed = 0) AS added,
    count(*) FILTER (WHERE existed AND (c.content IS NOT NULL OR c.target IS NOT NULL)) AS changed,
    count(*) FILTER (WHERE c.content IS NULL AND c.target IS NULL) AS removed,
    count(*) FILTER (WHERE old_content IS NOT NULL AND c.content IS NULL AND c.target IS NULL)
      AS dropped_files,
    count(c.content) - count(old_content) AS files,
    count(c.target) - count(old_target) AS links,
    coalesce(sum(n.size), 0) - coalesce(sum(o.size), 0) AS bytes
  FROM temp.changes c
    LEFT JOIN main.contents n ON n.number = c.content
    LEFT JOIN main.contents o ON o.number = c.old_content`

const arrivingBytes = `
  SELECT coalesce(sum(size), 0) AS bytes
  FROM temp.arriving a JOIN main.contents n ON n.number = a.content`

/** Asked once the new entries are in place: contents that no entry has any more. */
const departedBytes = `
  SELECT coalesce(sum(n.size), 0) AS bytes
  FROM (SELECT DISTINCT old_content FROM temp.changes WHERE old_content IS NOT NULL) c
    JOIN main.contents n ON n.number = c.old_content
  WHERE NOT EXISTS
    (SELECT 1 FROM main.entries e WHERE e.content = c.old_content AND e.to_snapshot IS NULL)`

const endEntries = `
  UPDATE main.entries SET to_snapshot = ?
  WHERE to_snapshot IS NULL AND path IN (SELECT path FROM temp.changes WHERE existed = 1)`

const addEntries = `
  INSERT INTO main.entries (path, from_snapshot, to_snapshot, content, target)
    SELECT path, ?, NULL, content, target FROM temp.changes
    WHERE content IS NOT NULL OR target IS NOT NULL ORDER BY path`

const addSnapshot = `
  INSERT INTO snapshots
    (number, created_ms, files, links, bytes, unique_bytes, added, changed, removed)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`

export interface ChangeCounts {
  readonly added: number
  readonly changed: number
  readonly removed: number
  /** Files, not links, that are there no more. */
  readonly droppedFiles: number
}

/** The difference to the newest snapshot, as long as nothing is committed. */
export class ChangeSet {
  readonly #writer: ManifestWriter
  readonly #before: Snapshot | null

  constructor(writer: ManifestWriter) {
    this.#writer = writer
    this.#before = writer.latest()
    writer.database.exec(temporaryTables)
  }

  #number(sql: string, column: string): number {
    return numberOf(this.#writer.database.prepare(sql).get() ?? {}, column)
  }

  /** Collect the differences between the tree (see WorkingTree) and the newest snapshot. */
  collectFromTree(): void {
    const next = (this.#before?.number ?? 0) + 1
    this.#writer.database.prepare(fromTree).run({ $next: next })
    this.#writer.database.exec(goneFromTree)
    this.findArriving()
  }

  /** Which contents are in the next snapshot and not in the newest one. */
  findArriving(): void {
    this.#writer.database.exec(`DELETE FROM temp.arriving; ${arriving}`)
  }

  counts(): ChangeCounts {
    const row = this.#writer.database.prepare(counts).get() ?? {}
    return {
      added: numberOf(row, 'added'),
      changed: numberOf(row, 'changed'),
      removed: numberOf(row, 'removed'),
      droppedFiles: numberOf(row, 'dropped_files'),
    }
  }

  /** Within a transaction: make the differences snapshot `number`. Its row is the answer. */
  commit(number: number, createdMs: number): Snapshot {
    const { database } = this.#writer
    const row = database.prepare(counts).get() ?? {}
    const before = this.#before ?? { files: 0, links: 0, bytes: 0, uniqueBytes: 0 }
    const arrivedBytes = this.#number(arrivingBytes, 'bytes')
    database.prepare(endEntries).run(number)
    database.prepare(addEntries).run(number)
    const { added, changed, removed } = this.counts()
    const snapshot: Snapshot = {
      number,
      createdMs,
      files: before.files + numberOf(row, 'files'),
      links: before.links + numberOf(row, 'links'),
      bytes: before.bytes + numberOf(row, 'bytes'),
      uniqueBytes: before.uniqueBytes + arrivedBytes - this.#number(departedBytes, 'bytes'),
      ...{ added, changed, removed },
    }
    const { files, links, bytes, uniqueBytes } = snapshot
    database
      .prepare(addSnapshot)
      .run(number, createdMs, files, links, bytes, uniqueBytes, added, changed, removed)
    return snapshot
  }

  /** Within the same transaction, on the publisher: bring its other tables up to the snapshot. */
  settleTree(): void {
    const { database } = this.#writer
    const published = this.#writer.meta('contentCount')
    const known = published === undefined ? 0 : numberOf(published, 'value')
    database.exec('DELETE FROM main.files WHERE path IN (SELECT path FROM temp.gone)')
    // Hashed meanwhile, but changed or gone again before it could be published.
    database
      .prepare(
        `DELETE FROM main.contents WHERE number >= ?
         AND NOT EXISTS (SELECT 1 FROM main.entries e WHERE e.content = contents.number)`,
      )
      .run(known)
    // Their numbers may be given to others.
    database
      .prepare(
        'DELETE FROM main.chunk_maps WHERE content >= ? AND content NOT IN (SELECT number FROM main.contents)',
      )
      .run(known)
    const next = this.#number('SELECT coalesce(max(number) + 1, 0) AS next FROM contents', 'next')
    this.#writer.setMeta('contentCount', Math.max(known, next))
  }

  /** Forget the temporary tables' rows: they may be many. */
  clear(): void {
    this.#writer.database.exec(
      'DROP TABLE IF EXISTS temp.changes; DROP TABLE IF EXISTS temp.arriving; DROP TABLE IF EXISTS temp.gone',
    )
  }
}
