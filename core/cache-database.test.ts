import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { cachePauseFirstMs, cachePauseMostMs } from './basis-limits.ts'
import { CacheDatabase, CacheNonsense } from './cache-database.ts'

const schema = 'CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY)'

const openIn = (folder: string, version = 1, nowMs = () => performance.now()) => {
  const faults: boolean[] = []
  const cache = new CacheDatabase(join(folder, 'cache.db'), {
    ...{ schema, version, nowMs },
    onFault: (_error, lost) => faults.push(lost),
  })
  const add = (name: string): boolean =>
    cache.attempt(() => {
      cache.prepare('INSERT INTO things VALUES (?)').run(name)
      return true
    }, false)
  const names = (): string[] =>
    cache.attempt(
      () =>
        cache
          .prepare('SELECT name FROM things ORDER BY name')
          .all()
          .map(row => String(row.name)),
      [],
    )
  return { cache, faults, add, names }
}

t.test('what was remembered is there after a restart', async t => {
  const folder = t.testdir()
  const first = openIn(folder)
  t.equal(first.cache.isNew, true)
  t.equal(first.add('one'), true)
  first.cache.close()
  const second = openIn(folder)
  t.equal(second.cache.isNew, false)
  t.same(second.names(), ['one'])
  second.cache.close()
  t.same([first.faults, second.faults], [[], []])
  t.equal(second.add('two'), false, 'a closed one forgets')
})

t.test('rubbish, another version and half a file are begun anew', async t => {
  const folder = t.testdir()
  const file = join(folder, 'cache.db')
  const before = openIn(folder)
  for (let number = 0; number < 2000; number++) before.add(`thing ${number}`)
  before.cache.close()
  const whole = readFileSync(file)
  for (const spoil of [
    () => writeFileSync(file, 'this is no database, but some text'.repeat(100)),
    () => truncateSync(file, 5000),
    () => writeFileSync(file, Buffer.concat([whole.subarray(0, 4096), Buffer.alloc(60_000, 0x55)])),
  ]) {
    writeFileSync(file, whole)
    spoil()
    const { cache, names, add } = openIn(folder)
    names()
    t.equal(add('new'), true)
    t.same(names(), ['new'])
    t.equal(cache.isNew, true)
    t.ok(cache.generation > 0)
    cache.close()
  }
  const other = openIn(folder, 2)
  t.same(other.names(), [])
  t.same(other.faults, [true])
  other.cache.close()
})

t.test('nothing of a failed attempt is kept, and only nonsense in the file loses it', async t => {
  const { cache, add, names, faults } = openIn(t.testdir())
  add('one')
  t.equal(add('one'), false, 'a constraint is no reason to lose anything')
  t.same(names(), ['one'])
  t.throws(() =>
    cache.attempt(() => {
      cache.prepare('INSERT INTO things VALUES (?)').run('two')
      throw new TypeError('a fault of the program')
    }, undefined),
  )
  t.same(names(), ['one'])
  cache.attempt(() => {
    throw new CacheNonsense('odd')
  }, undefined)
  t.same(names(), [])
  t.same(faults, [false, true])
  cache.close()
})

t.test('a full disk loses what is new, not what is there', async t => {
  const { cache, add, names, faults } = openIn(t.testdir())
  add('one')
  cache.attempt(() => cache.prepare('PRAGMA max_page_count=4').get(), undefined)
  t.equal(add('x'.repeat(20_000)), false)
  t.same(names(), ['one'])
  t.same(faults, [false])
  cache.close()
})

t.test('a place where nothing can be written remembers nothing and does no harm', async t => {
  const { cache, add, names } = openIn(join(t.testdir(), 'absent', 'folder'))
  t.equal(cache.isUsable, false)
  t.equal(add('one'), false)
  t.same(names(), [])
  cache.close()
})

t.test('what is wrong again at once rests, longer each time, and is tried again', async t => {
  let now = 1000
  const { cache, add, names } = openIn(t.testdir(), 1, () => now)
  const spoil = (): void =>
    cache.attempt(() => {
      throw new CacheNonsense('odd')
    }, undefined)
  spoil()
  t.equal(add('one'), true, 'begun anew at once')
  spoil()
  let generation = cache.generation
  for (let number = 0; number < 1000; number++) spoil()
  t.equal(cache.generation, generation, 'nothing is tried')
  t.equal(add('two'), false)
  for (const pauseMs of [cachePauseFirstMs, 2 * cachePauseFirstMs, 4 * cachePauseFirstMs]) {
    now += pauseMs - 1
    t.equal(cache.isUsable, false)
    now += 1
    t.equal(add('three'), true)
    t.same(names(), ['three'])
    t.ok(cache.generation > generation)
    spoil()
    generation = cache.generation
  }
  now += 2 * cachePauseMostMs
  t.equal(add('four'), true)
  now += 2 * cachePauseMostMs
  spoil()
  t.equal(add('five'), true, 'it was good for long')
  cache.close()
  t.equal(cache.isUsable, false)
})

t.test('what cannot be opened now is not thrown away, and there later', async t => {
  const folder = t.testdir()
  const before = openIn(folder)
  before.add('one')
  before.cache.close()
  const file = join(folder, 'cache.db')
  renameSync(file, `${file}.aside`)
  mkdirSync(file)
  let now = 1000
  const { cache, names, faults } = openIn(folder, 1, () => now)
  t.equal(cache.isUsable, false)
  t.same(faults, [false])
  rmdirSync(file)
  renameSync(`${file}.aside`, file)
  t.same(names(), [])
  now += cachePauseFirstMs
  t.same(names(), ['one'])
  cache.close()
})

t.test('a disk that stays full is told of once a while', async t => {
  let now = 1000
  const { cache, add, names, faults } = openIn(t.testdir(), 1, () => now)
  cache.attempt(() => cache.prepare('PRAGMA max_page_count=4').get(), undefined)
  for (let number = 0; number < 100; number++) t.equal(add('x'.repeat(20_000)), false)
  t.same(faults, [false])
  now += cachePauseFirstMs
  add('x'.repeat(20_000))
  t.same(faults, [false, false])
  cache.attempt(() => cache.prepare('PRAGMA max_page_count=400').get(), undefined)
  t.equal(add('x'.repeat(20_000)), true, 'it goes on when there is space')
  t.equal(names().length, 1)
  cache.close()
})
