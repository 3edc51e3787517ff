// The records of a difference or of a checkpoint, read from the tables while a publish is under
// way. Whoever has a bundle's record also has the records of all its members.

import type { Sha256 } from '../../core/ids.ts'
import type { ManifestRecord } from '../logic/records.ts'
import { entryOf, infoHashOf, numberOf, pathOf, type Row, sha256Of, textOf } from './rows.ts'
import type { ManifestWriter } from './writer.ts'

/**
 * `temp.sent` holds the contents that are needed; add their newest bundles to those in
 * `temp.sent_bundles`, and the bundles' members but for those that whoever reads this has.
 */
const completeSent = (known: string): string => `
  INSERT OR IGNORE INTO temp.sent_bundles
    SELECT (SELECT max(bundle) FROM main.bundle_members m WHERE m.content = s.content) AS bundle
    FROM temp.sent s WHERE bundle IS NOT NULL;
  INSERT OR IGNORE INTO temp.sent
    SELECT m.content FROM temp.sent_bundles b JOIN main.bundle_members m ON m.bundle = b.number
    WHERE m.content NOT IN (${known});
`

// Hashes as text already: a hundred thousand small buffers cost more than SQLite's own conversion.
const sentContents = `
  SELECT c.number, lower(hex(c.sha256)) AS sha256, c.size, lower(hex(c.sha1)) AS sha1,
    lower(hex(c.md5)) AS md5, lower(hex(c.md4)) AS md4, c.modified, c.first_snapshot
  FROM temp.sent s JOIN main.contents c ON c.number = s.content ORDER BY c.number`

const sentBundles = `
  SELECT b.number, b.info_hash, b.metainfo, b.piece_length
  FROM temp.sent_bundles s JOIN main.bundles b ON b.number = s.number ORDER BY b.number`

const newSent = `
  DROP TABLE IF EXISTS temp.sent;
  CREATE TEMP TABLE sent (content INTEGER PRIMARY KEY);
  DROP TABLE IF EXISTS temp.sent_bundles;
  CREATE TEMP TABLE sent_bundles (number INTEGER PRIMARY KEY);
`

const dropSent = 'DROP TABLE IF EXISTS temp.sent; DROP TABLE IF EXISTS temp.sent_bundles'

const contentRecord = (row: Row): ManifestRecord => ({
  type: 'content',
  n: numberOf(row, 'number'),
  sha256: textOf(row, 'sha256') as Sha256,
  size: numberOf(row, 'size'),
  sha1: textOf(row, 'sha1'),
  md5: textOf(row, 'md5'),
  md4: textOf(row, 'md4'),
  modified: numberOf(row, 'modified'),
  first: numberOf(row, 'first_snapshot'),
})

const entryRecord = (row: Row): ManifestRecord => {
  if (row.content === null && row.target === null) return { type: 'gone', path: pathOf(row) }
  const entry = entryOf(row)
  return entry.kind === 'file'
    ? { type: 'file', path: entry.path, content: entry.content }
    : { type: 'link', path: entry.path, target: entry.target }
}

function* sentRecords(
  { database }: ManifestWriter,
  known = 'SELECT 0 WHERE 0',
): Generator<ManifestRecord> {
  database.exec(completeSent(known))
  for (const row of database.prepare(sentContents).iterate()) yield contentRecord(row)
  const members = database.prepare(
    'SELECT content FROM bundle_members WHERE bundle = ? ORDER BY position',
  )
  for (const row of database.prepare(sentBundles).iterate()) {
    yield {
      type: 'bundle',
      n: numberOf(row, 'number'),
      infoHash: infoHashOf(row),
      metainfo: sha256Of(row, 'metainfo'),
      pieceLength: numberOf(row, 'piece_length'),
      members: members.all(numberOf(row, 'number')).map(member => numberOf(member, 'content')),
    }
  }
  database.exec(dropSent)
}

/** What a ChangeSet's snapshot adds, changes and ends; within its transaction. */
export function* differenceRecords(writer: ManifestWriter): Generator<ManifestRecord> {
  const { database } = writer
  // Contents that were packed anew are in the snapshot before, so their records are there already.
  database.exec(`${newSent} INSERT INTO temp.sent SELECT content FROM temp.arriving;
    INSERT OR IGNORE INTO temp.sent_bundles
      SELECT (SELECT max(bundle) FROM main.bundle_members m WHERE m.content = r.content)
      FROM temp.repacked r`)
  yield* sentRecords(writer, 'SELECT content FROM temp.repacked')
  const changes = database.prepare('SELECT path, content, target FROM temp.changes ORDER BY path')
  for (const row of changes.iterate()) yield entryRecord(row)
}

/** The whole newest snapshot: its contents, their bundles, its entries. */
export function* checkpointRecords(writer: ManifestWriter): Generator<ManifestRecord> {
  const { database } = writer
  database.exec(`${newSent} INSERT INTO temp.sent
    SELECT DISTINCT content FROM main.entries WHERE content IS NOT NULL AND to_snapshot IS NULL`)
  yield* sentRecords(writer)
  const entries = database.prepare(
    'SELECT path, content, target FROM main.entries WHERE to_snapshot IS NULL ORDER BY path',
  )
  for (const row of entries.iterate()) yield entryRecord(row)
}
