import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CacheDatabase, CacheNonsense } from './cache-database.ts'

const schema = 'CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY)'

const openIn = (folder: string, version = 1) => {
  const faults: boolean[] = []
  const cache = new CacheDatabase(join(folder, 'cache.db'), {
    ...{ schema, version },
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
