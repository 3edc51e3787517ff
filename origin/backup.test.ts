import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { testFolder } from '../core/fixtures/test-folder.ts'
import { backUp } from './backup.ts'

/** A data folder as far as a backup looks at it, with a database that somebody writes. */
const inUse = (folder: string): DatabaseSync => {
  for (const name of ['keys', 'objects', 'forms'])
    mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, 'keys/root.pem'), 'root')
  writeFileSync(join(folder, 'forms/unpacked'), 'to be made anew')
  writeFileSync(join(folder, 'running.json'), '{}')
  writeFileSync(join(folder, 'origin.json'), '{}')
  const database = new DatabaseSync(join(folder, 'manifest.db'))
  database.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (n)')
  database.exec('INSERT INTO t VALUES (1); BEGIN IMMEDIATE; INSERT INTO t VALUES (2)')
  return database
}

t.test('a backup has what is committed, and nothing that is made anew', async t => {
  const folder = testFolder(t)
  const data = join(folder, 'data')
  const database = inUse(data)
  t.teardown(() => database.close())
  const target = join(folder, 'new', 'backup')
  const steps: string[] = []
  const { bytes } = await backUp(data, target, ({ what }) => steps.push(what))
  t.same(readdirSync(target).sort(), [
    ...['keys', 'manifest.db', 'new-epoch', 'objects', 'origin.json'],
  ])
  t.ok(bytes > 4096)
  t.ok(steps.indexOf('manifest.db') < steps.indexOf('objects'), 'who names before what is named')
  const copy = new DatabaseSync(join(target, 'manifest.db'))
  t.same(copy.prepare('SELECT n FROM t').all(), [{ n: 1 }])
  copy.close()
})

t.test('nothing is overwritten, and nothing else is taken for an origin', async t => {
  const folder = testFolder(t)
  const data = join(folder, 'data')
  inUse(data).close()
  await t.rejects(backUp(data, data), { code: 'MS_CONFIG_INVALID', message: /not empty/ })
  await t.rejects(backUp(folder, join(folder, 'b')), {
    code: 'MS_CONFIG_INVALID',
    message: /not an origin's data folder/,
  })
  writeFileSync(join(data, 'state.db'), 'this is no database, but long enough to be looked at')
  await t.rejects(backUp(data, join(folder, 'c')), {
    code: 'MS_DATA_CORRUPT',
    message: /state\.db/,
  })
})
