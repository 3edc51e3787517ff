import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { seededRandom } from '../core/clock.ts'
import { eventLogContract } from './event-log-contract.ts'
import { parseNetworkEvent } from './events.ts'
import { SqliteEventLog } from './sqlite-event-log.ts'

const anything = (value: unknown): unknown => value

t.test('the event log in SQLite keeps the contract', async t => {
  const folder = t.testdir()
  const asHappening = (value: unknown) => value as { what: string }
  eventLogContract(
    t,
    (name, options) => new SqliteEventLog(join(folder, `${name}.db`), asHappening, options),
  )
})

t.test('closing loses nothing, and numbers go on after it', async t => {
  const file = join(t.testdir(), 'state.db')
  const log = new SqliteEventLog(file, anything, { retained: 0 })
  const appended = log.append(['a', 'b'])
  await log.close()
  t.equal(await appended, 2, 'what was under way is finished')
  await t.rejects(log.append(['late']), { code: 'MS_INTERNAL' })

  const again = new SqliteEventLog(file, anything, { retained: 0 })
  t.equal(await again.last(), 2)
  await again.savePicture(2, [Buffer.from('all')])
  t.strictSame(await again.read(0, 10), [], 'everything is trimmed')
  await again.close()

  const third = new SqliteEventLog(file, anything)
  t.equal(await third.append(['c']), 3, 'numbers are never used twice')
  await third.close()
})

t.test('a picture that was saved in one piece is read, and replaced by parts', async t => {
  const file = join(t.testdir(), 'state.db')
  const older = new DatabaseSync(file)
  older.exec(`
    CREATE TABLE events (sequence INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL) STRICT;
    CREATE TABLE picture (id INTEGER PRIMARY KEY CHECK (id = 1), sequence INTEGER NOT NULL,
      bytes BLOB NOT NULL) STRICT;
    INSERT INTO events VALUES (7, '"g"'), (8, '"h"');
    INSERT INTO picture VALUES (1, 7, x'616263');
    PRAGMA user_version = 1`)
  older.close()
  const textOf = async (log: SqliteEventLog<unknown>): Promise<string> =>
    Buffer.concat([...((await log.picture())?.parts ?? [])]).toString()
  for (let time = 0; time < 2; time++) {
    const log = new SqliteEventLog(file, anything)
    t.equal(await log.last(), 8)
    t.equal(await textOf(log), 'abc')
    t.equal((await log.read(7, 9))[0]?.event, 'h')
    await log.close()
  }
  const log = new SqliteEventLog(file, anything)
  await log.savePicture(8, [Buffer.from('de'), Buffer.from('f')])
  t.equal(await textOf(log), 'def')
  await log.close()
})

t.test('a picture that breaks off leaves the one before, and nothing behind', async t => {
  const file = join(t.testdir(), 'state.db')
  const log = new SqliteEventLog(file, anything)
  await log.append(['a', 'b'])
  await log.savePicture(1, [Buffer.from('whole')])
  const broken = async function* () {
    yield Buffer.from('ha')
    throw new Error('no more')
  }
  await t.rejects(log.savePicture(2, broken()), { message: 'no more' })
  const picture = await log.picture()
  t.equal(picture?.sequence, 1)
  t.equal(Buffer.concat([...(picture?.parts ?? [])]).toString(), 'whole')
  const many = Array.from({ length: 100 }, (_, index) => Buffer.from(`${index} `))
  await log.savePicture(2, many)
  await log.savePicture(2, [Buffer.from('last')])
  await log.close()
  const database = new DatabaseSync(file)
  t.equal(database.prepare('SELECT count(*) AS count FROM picture_parts').get()?.count, 1)
  database.close()
})

t.test('a log of another format, or no database at all, is refused', async t => {
  const folder = t.testdir({ 'text.db': 'this is not a database, however long it may be' })
  t.throws(() => new SqliteEventLog(join(folder, 'text.db'), anything), { code: 'MS_DATA_CORRUPT' })
  const newer = new DatabaseSync(join(folder, 'newer.db'))
  newer.exec('PRAGMA user_version = 99')
  newer.close()
  t.throws(() => new SqliteEventLog(join(folder, 'newer.db'), anything), {
    message: /format is 99/,
  })
})

t.test('an event that is not one of ours is refused when read back', async t => {
  const file = join(t.testdir(), 'state.db')
  const log = new SqliteEventLog(file, anything)
  await log.append([{ type: 'reachable', name: 'a', reachable: 'perhaps' }])
  await log.close()
  const typed = new SqliteEventLog(file, parseNetworkEvent)
  await t.rejects(typed.read(0, 10), { code: 'MS_DATA_CORRUPT', message: /event 1 / })
  await typed.close()
})

t.test('what cannot be written is refused, and the log goes on', async t => {
  const file = join(t.testdir(), 'state.db')
  const log = new SqliteEventLog(file, anything)
  const heard: number[] = []
  log.subscribe(entries => heard.push(...entries.map(entry => entry.sequence)))
  await log.append(['a'])
  const circle: { self?: unknown } = {}
  circle.self = circle
  await t.rejects(log.append(['b', circle]), TypeError)
  t.equal(await log.append(['c']), 2)
  t.strictSame(heard, [1, 2])
  t.strictSame(
    (await log.read(0, 10)).map(({ event }) => event),
    ['a', 'c'],
    'all or nothing',
  )
  await log.close()
})

t.test('a full disk has a code of its own', async t => {
  const file = join(t.testdir(), 'state.db')
  const log = new SqliteEventLog(file, anything)
  const exec = DatabaseSync.prototype.exec
  t.teardown(() => {
    DatabaseSync.prototype.exec = exec
  })
  DatabaseSync.prototype.exec = function (sql) {
    exec.call(this, sql === 'BEGIN IMMEDIATE' ? 'PRAGMA max_page_count = 20; BEGIN IMMEDIATE' : sql)
  }
  await t.rejects(log.append(['x'.repeat(1_000_000)]), { code: 'MS_DISK_FULL' })
  DatabaseSync.prototype.exec = exec
  await log.close()
})

t.test('kill -9 at any moment loses nothing that was acknowledged', async t => {
  const file = join(t.testdir(), 'state.db')
  const seed = Date.now()
  t.comment(`seed ${seed}`)
  const random = seededRandom(seed)
  const script = join(import.meta.dirname, 'fixtures', 'append-until-killed.ts')
  let acknowledged = 0
  for (let round = 0; round < 5; round++) {
    const child = spawn(process.execPath, [script, file], { stdio: ['ignore', 'pipe', 'inherit'] })
    const enough = acknowledged + 20 + Math.floor(random() * 200)
    let rest = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      acknowledged = Math.max(acknowledged, ...lines.map(Number))
      if (acknowledged >= enough) child.kill('SIGKILL')
    })
    await once(child, 'close')

    const log = new SqliteEventLog(file, value => value as { number: number })
    const last = await log.last()
    t.ok(last >= acknowledged, `${last} events, ${acknowledged} acknowledged`)
    const entries = await log.read(0, 100_000)
    t.ok(
      entries.every((entry, index) => entry.sequence === index + 1),
      'without a gap',
    )
    t.ok(
      entries.every(entry => entry.event.number === entry.sequence),
      'in order',
    )
    const picture = await log.picture()
    t.equal(Buffer.concat([...(picture?.parts ?? [])]).toString(), String(picture?.sequence))
    await log.close()
  }
})
