// Finds, while a publish is under way, the contents whose bundles are worn or too many, and lays them
// ready for the bundler. What is due is decided in logic/repack.ts.

import { bundlesBetweenLooks } from '../../core/limits.ts'
import { type BundleUse, isWorn, tooManySmall } from '../logic/repack.ts'
import { numberOf, type Row } from './rows.ts'
import type { ManifestWriter } from './writer.ts'

const temporaryTables = `
  DROP TABLE IF EXISTS temp.repacked;
  CREATE TEMP TABLE repacked (content INTEGER PRIMARY KEY);
  DROP TABLE IF EXISTS temp.touched;
  CREATE TEMP TABLE touched (bundle INTEGER PRIMARY KEY);
`

/** Bundles of contents that the next snapshot has no more. */
const touchedByDepartures = `
  INSERT OR IGNORE INTO temp.touched
    SELECT (SELECT max(m.bundle) FROM main.bundle_members m WHERE m.content = c.old_content) AS b
    FROM (SELECT DISTINCT old_content FROM temp.changes WHERE old_content IS NOT NULL) c
    WHERE b IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM temp.changes n WHERE n.content = c.old_content)
      AND NOT EXISTS (SELECT 1 FROM main.entries e
        WHERE e.content = c.old_content AND e.to_snapshot IS NULL
          AND NOT EXISTS (SELECT 1 FROM temp.changes g WHERE g.path = e.path))`

/** In the newest snapshot and in the next one, and carried by no newer bundle. */
const isLive = `
  m.bundle = (SELECT max(o.bundle) FROM main.bundle_members o WHERE o.content = m.content)
  AND EXISTS (SELECT 1 FROM main.entries e WHERE e.content = m.content AND e.to_snapshot IS NULL)
  AND (EXISTS (SELECT 1 FROM main.entries e
      WHERE e.content = m.content AND e.to_snapshot IS NULL
        AND NOT EXISTS (SELECT 1 FROM temp.changes g WHERE g.path = e.path))
    OR EXISTS (SELECT 1 FROM temp.changes n WHERE n.content = m.content))`

const uses = `
  SELECT b.number, b.piece_length, sum(c.size) AS bytes,
    coalesce(sum(c.size) FILTER (WHERE ${isLive}), 0) AS live_bytes,
    count(*) FILTER (WHERE ${isLive}) AS live_members
  FROM temp.touched t JOIN main.bundles b ON b.number = t.bundle
    JOIN main.bundle_members m ON m.bundle = b.number JOIN main.contents c ON c.number = m.content
  GROUP BY b.number`

/** Their pieces must be known here, and of the length that the content has now. */
const takeOver = `
  INSERT OR IGNORE INTO temp.repacked
    SELECT m.content FROM main.bundle_members m JOIN main.contents c ON c.number = m.content
    WHERE m.bundle = ? AND c.pieces IS NOT NULL AND ${isLive}`

const useOf = (row: Row): BundleUse => ({
  number: numberOf(row, 'number'),
  pieceLengthBytes: numberOf(row, 'piece_length'),
  bytes: numberOf(row, 'bytes'),
  liveBytes: numberOf(row, 'live_bytes'),
  liveMembers: numberOf(row, 'live_members'),
})

/** Lay ready (as temp.repacked) what should travel in new bundles; beside a ChangeSet's tables. */
export const collectRepacked = (writer: ManifestWriter): void => {
  const { database } = writer
  database.exec(temporaryTables)
  database.exec(touchedByDepartures)
  const take = database.prepare(takeOver)
  const worn = database.prepare(uses).all().map(useOf).filter(isWorn)
  for (const { number } of worn) take.run(number)
  const count = numberOf(
    database.prepare('SELECT count(*) AS count FROM bundles').get() ?? {},
    'count',
  )
  const looked = writer.meta('bundlesWhenLooked')
  if (count - (looked === undefined ? 0 : numberOf(looked, 'value')) < bundlesBetweenLooks) return
  database.exec('INSERT OR IGNORE INTO temp.touched SELECT number FROM main.bundles')
  for (const { number } of tooManySmall(database.prepare(uses).all().map(useOf))) take.run(number)
  writer.setMeta('bundlesWhenLooked', count)
}

/** Forget the temporary tables. */
export const clearRepacked = ({ database }: ManifestWriter): void => {
  database.exec('DROP TABLE IF EXISTS temp.repacked; DROP TABLE IF EXISTS temp.touched')
}
