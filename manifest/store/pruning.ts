// Takes old snapshots out of the tables, in one transaction. Contents and bundles leave their number
// and hash behind, so that neither ever gets another one: volunteers still know them by it.

import type { Sha256, SnapshotNumber } from '../../core/ids.ts'
import { preparePartsQuery } from './parts.ts'
import { numberOf, sha256Of } from './rows.ts'
import type { ManifestWriter } from './writer.ts'

export interface PrunedRows {
  readonly snapshots: number
  readonly entries: number
  readonly contents: number
  readonly bundles: number
}

/** The snapshot that was the newest at `sinceMs`: the oldest that is still needed; null: none was. */
export const oldestNeeded = (
  { database }: ManifestWriter,
  sinceMs: number,
): SnapshotNumber | null => {
  const row = database
    .prepare('SELECT max(number) AS number FROM snapshots WHERE created_ms <= ?')
    .get(sinceMs)
  return row === undefined || row.number === null ? null : numberOf(row, 'number')
}

/** What no entry and no file of the tree has, and what no bundle carries beside others. */
const collectDead = `
  DROP TABLE IF EXISTS temp.dead;
  CREATE TEMP TABLE dead (content INTEGER PRIMARY KEY);
  INSERT INTO temp.dead
    SELECT c.number FROM main.contents c
    WHERE NOT EXISTS (SELECT 1 FROM main.entries e WHERE e.content = c.number)
      AND c.number NOT IN (SELECT content FROM main.files WHERE content IS NOT NULL);
  DROP TABLE IF EXISTS temp.dead_bundles;
  CREATE TEMP TABLE dead_bundles (number INTEGER PRIMARY KEY);
  INSERT INTO temp.dead_bundles
    SELECT m.bundle FROM main.bundle_members m GROUP BY m.bundle
    HAVING count(*) = sum(m.content IN (SELECT content FROM temp.dead));
  DELETE FROM temp.dead WHERE content IN
    (SELECT content FROM main.bundle_members WHERE bundle NOT IN (SELECT number FROM temp.dead_bundles));
`

const dropDead = 'DROP TABLE IF EXISTS temp.dead; DROP TABLE IF EXISTS temp.dead_bundles'

/** All before `oldest` is forgotten; parts that the head names now or named at `named` stay. */
export const pruneRows = (
  writer: ManifestWriter,
  oldest: SnapshotNumber,
  named: ReadonlySet<Sha256>,
): PrunedRows => {
  const { database } = writer
  const change = (sql: string, ...values: number[]): number =>
    Number(database.prepare(sql).run(...values).changes)
  return writer.transactionSync(() => {
    const entries = change('DELETE FROM entries WHERE to_snapshot <= ?', oldest)
    const snapshots = change('DELETE FROM snapshots WHERE number < ?', oldest)
    database.exec(collectDead)
    const inDead = 'IN (SELECT content FROM temp.dead)'
    const inDeadBundles = 'IN (SELECT number FROM temp.dead_bundles)'
    const bundles = numberOf(
      database.prepare('SELECT count(*) AS count FROM temp.dead_bundles').get() ?? {},
      'count',
    )
    change(`DELETE FROM bundle_members WHERE bundle ${inDeadBundles}`)
    const contents = change(
      `UPDATE contents SET pieces = NULL, last_piece = NULL
       WHERE number ${inDead} AND pieces IS NOT NULL`,
    )
    change(`DELETE FROM chunk_maps WHERE content ${inDead}`)
    pruneParts(writer, oldest, named)
    database.exec(dropDead)
    return { snapshots, entries, contents, bundles }
  }, true)
}

const pruneParts = (
  { database }: ManifestWriter,
  oldest: SnapshotNumber,
  named: ReadonlySet<Sha256>,
): void => {
  const old = database
    .prepare(
      'SELECT from_snapshot, to_snapshot, position, sha256 FROM parts WHERE to_snapshot <= ?',
    )
    .all(oldest)
  const remove = database.prepare(
    'DELETE FROM parts WHERE from_snapshot = ? AND to_snapshot = ? AND position = ?',
  )
  for (const row of old) {
    if (named.has(sha256Of(row))) continue
    remove.run(
      numberOf(row, 'from_snapshot'),
      numberOf(row, 'to_snapshot'),
      numberOf(row, 'position'),
    )
  }
}

/** The parts that the head of the newest snapshot names. */
export const partsOfHead = ({ database }: ManifestWriter): Sha256[] => {
  const parts = preparePartsQuery(database)()
  if (parts === null) return []
  return [...parts.checkpoint.segments, ...parts.differences].map(({ sha256 }) => sha256)
}

/** Every object that the tables name. */
export const namedObjects = ({ database }: ManifestWriter): Set<Sha256> => {
  const named = new Set<Sha256>()
  for (const row of database
    .prepare(
      `SELECT sha256 FROM parts UNION ALL
       SELECT metainfo FROM bundles b
       WHERE EXISTS (SELECT 1 FROM bundle_members m WHERE m.bundle = b.number)`,
    )
    .iterate()) {
    named.add(sha256Of(row))
  }
  return named
}

/** A function that tells whether an entry or a file of the tree has a content. */
export const prepareIsUsed = ({ database }: ManifestWriter): ((sha256: Sha256) => boolean) => {
  database.exec(`DROP TABLE IF EXISTS temp.in_tree;
    CREATE TEMP TABLE in_tree (content INTEGER PRIMARY KEY);
    INSERT OR IGNORE INTO temp.in_tree SELECT content FROM main.files WHERE content IS NOT NULL`)
  const used = database.prepare(
    `SELECT 1 FROM main.contents c WHERE c.sha256 = ? AND
      (EXISTS (SELECT 1 FROM main.entries e WHERE e.content = c.number)
        OR EXISTS (SELECT 1 FROM temp.in_tree t WHERE t.content = c.number))`,
  )
  return sha256 => used.get(Buffer.from(sha256, 'hex')) !== undefined
}
