import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { freePages, giveSpaceBack, shrinkable } from './database-space.ts'

const rows = 3_000

/** A database in a new folder of which four fifths were deleted. */
const emptied = (t: Test, first: string): { file: string; database: DatabaseSync } => {
  const file = join(t.testdir(), 'some.db')
  const database = new DatabaseSync(file, { timeout: 0 })
  t.teardown(() => database.close())
  database.exec(`${first}; PRAGMA journal_mode = WAL;
    CREATE TABLE things (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
    WITH RECURSIVE n (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM n LIMIT ${rows})
    INSERT INTO things SELECT number, randomblob(3000) FROM n;
    DELETE FROM things WHERE number % 5 > 0;
    PRAGMA wal_checkpoint(TRUNCATE)`)
  return { file, database }
}

const countOf = (database: DatabaseSync): unknown =>
  database.prepare('SELECT count(*) AS count, sum(length(bytes)) AS bytes FROM things').get()

const whole = { count: rows / 5, bytes: (rows / 5) * 3000 }

t.test('the file shrinks to what is in it', async t => {
  const { file, database } = emptied(t, shrinkable)
  const before = statSync(file).size
  const given = await giveSpaceBack(database)
  t.ok(given > 0.7 * before, `${given} of ${before} bytes`)
  t.equal(statSync(file).size, before - given)
  t.equal(freePages(database), 0)
  t.match(countOf(database), whole)
  t.match(database.prepare('PRAGMA integrity_check').get(), { integrity_check: 'ok' })
  t.equal(await giveSpaceBack(database), 0, 'nothing is left to give')
})

t.test('who reads meanwhile goes on reading', async t => {
  const { file, database } = emptied(t, shrinkable)
  const reader = new DatabaseSync(file, { readOnly: true, timeout: 0 })
  t.teardown(() => reader.close())
  reader.exec('BEGIN')
  t.match(countOf(reader), whole)
  t.ok((await giveSpaceBack(database)) > 0)
  t.match(countOf(reader), whole)
  reader.exec('COMMIT')
  t.match(countOf(reader), whole)
})

t.test('who writes meanwhile is not disturbed; the rest is given back later', async t => {
  const { file, database } = emptied(t, shrinkable)
  const writer = new DatabaseSync(file, { timeout: 0 })
  t.teardown(() => writer.close())
  writer.exec('BEGIN IMMEDIATE')
  t.equal(await giveSpaceBack(database), 0)
  writer.exec('COMMIT')
  t.ok((await giveSpaceBack(database)) > 0)
})

t.test('it ends between two steps when it is told to', async t => {
  const { database } = emptied(t, shrinkable)
  await t.rejects(giveSpaceBack(database, AbortSignal.abort(new Error('enough'))), /enough/)
  t.match(countOf(database), whole)
})

t.test('a database that was made without stays as it is', async t => {
  const { file, database } = emptied(t, '')
  const before = statSync(file).size
  t.equal(await giveSpaceBack(database), 0)
  t.equal(statSync(file).size, before)
  t.match(countOf(database), whole)
})
