import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import type { RepoPath, Sha256 } from '../core/ids.ts'
import { sha256Hex } from '../core/keys.ts'
import { clockAt, TestFollower, TestRepository, tableOf } from './fixtures/test-repository.ts'
import { ObjectStore } from './objects.ts'
import { type PruneResult, prune } from './prune.ts'

const day = 86_400_000
const start = 1_700_000_000_000
const pathOf = (text: string): RepoPath => text as RepoPath

const setUp = (t: Test): TestRepository => {
  const origin = new TestRepository(t.testdir())
  t.teardown(() => origin.close())
  return origin
}

const write = (origin: TestRepository, files: Record<string, string | null>): void => {
  for (const [name, text] of Object.entries(files)) {
    const file = join(origin.root, name)
    mkdirSync(dirname(file), { recursive: true })
    if (text === null) rmSync(file)
    else writeFileSync(file, text)
  }
}

/** Snapshot after snapshot, one a day; snapshot n is made on day n. */
const publishDays = async (
  origin: TestRepository,
  days: readonly Record<string, string | null>[],
): Promise<void> => {
  for (const files of days) {
    write(origin, files)
    const number = (origin.reader.latest()?.number ?? 0) + 1
    const clock = clockAt(() => start + number * day)
    await origin.publish({ clock, allowShrink: true })
  }
}

const pruneTo = (origin: TestRepository, sinceMs: number): Promise<PruneResult> => {
  const { store, objects, kept } = origin
  return prune({ store, objects, kept, sinceMs })
}

const big = (text: string): string => text.repeat(5000)

const week: readonly Record<string, string | null>[] = [
  { 'pool/a.deb': big('a'), 'pool/b.deb': big('b'), 'dists/x/Packages': 'one', small: 's' },
  { 'pool/a.deb': null, 'dists/x/Packages': 'two' },
  { 'pool/c.deb': big('c'), 'dists/x/Packages': 'three', small: null },
  { 'pool/d.deb': big('d'), 'dists/x/Packages': 'four' },
  { 'pool/c.deb': null, 'dists/x/Packages': 'five' },
]

const objectsOf = (origin: TestRepository): string[] =>
  readdirSync(join(origin.dataDir, 'objects'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.includes('/'))
    .map(name => name.slice(3))
    .sort()

const isKept = (origin: TestRepository, text: string): boolean =>
  origin.kept.get(sha256Hex(text) as Sha256) !== null

t.test('what no snapshot within the keep time has is forgotten, and nothing else', async t => {
  const origin = setUp(t)
  await publishDays(origin, week)
  const pictures = [3, 4, 5].map(number => tableOf(origin.reader, number))
  // On day 3 and a half snapshot 3 was the newest.
  const result = await pruneTo(origin, start + 3.5 * day)
  t.match(result, { oldest: 3, snapshots: 2 })
  t.ok(result.files > 0)
  t.ok(result.bytes > 0)
  t.same(
    [3, 4, 5].map(number => tableOf(origin.reader, number)),
    pictures,
  )
  t.same(
    origin.reader.snapshots().map(({ number }) => number),
    [3, 4, 5],
  )
  t.equal(origin.reader.lookup(pathOf('pool/a.deb'), 1), null)
  t.same(
    ['one', 'two', 'three', 'four', 'five'].map(text => isKept(origin, text)),
    [false, false, true, true, true],
  )
  t.equal(origin.reader.retiredFrom(pathOf('pool/c.deb'), start), 4)
  t.match(await pruneTo(origin, start + 3.5 * day), { snapshots: 0, entries: 0, bundles: 0 })
})

t.test('the newest snapshot is never pruned, and everything goes on', async t => {
  const origin = setUp(t)
  await publishDays(origin, week)
  t.match(await pruneTo(origin, start + 1000 * day), { oldest: 5, snapshots: 4 })
  t.match(await pruneTo(origin, start + 1000 * day), { oldest: 5, snapshots: 0 })
  await publishDays(origin, [{ 'pool/e.deb': big('e') }])
  t.equal(origin.reader.latest()?.number, 6)
  t.ok(isKept(origin, 'five'))
  t.same(await pruneTo(origin, start), {
    ...{ oldest: 5, snapshots: 0, entries: 0, contents: 0, bundles: 0, files: 0, bytes: 0 },
  })
})

t.test('before anything is published there is nothing to prune', async t => {
  const origin = setUp(t)
  t.match(await pruneTo(origin, start), { oldest: null, snapshots: 0, files: 0 })
})

t.test(
  'followers that are behind the oldest snapshot, new, or up to date, all come along',
  async t => {
    const origin = setUp(t)
    const follower = (name: string): TestFollower => {
      const made = new TestFollower(join(origin.dataDir, name))
      t.teardown(() => made.close())
      return made
    }
    const [behind, current, fresh] = [follower('behind.db'), follower('now.db'), follower('new.db')]
    await publishDays(origin, week.slice(0, 2))
    await behind.follow(origin)
    await publishDays(origin, week.slice(2))
    await current.follow(origin)
    await pruneTo(origin, start + 1000 * day)
    for (const each of [behind, current, fresh]) {
      await each.follow(origin)
      t.same(tableOf(each.reader, 5), tableOf(origin.reader, 5))
    }
    // What was pruned comes back under its number, in its bundle.
    const a = origin.reader.contentByHash(sha256Hex(big('a')) as Sha256)
    await publishDays(origin, [{ 'pool/a.deb': big('a') }])
    const back = origin.reader.fileAt(pathOf('pool/a.deb'), 6)
    t.equal(back?.number, a?.number)
    t.ok(origin.reader.pieceHashes(back?.number ?? -1), 'its pieces are known again')
    const bundle = origin.reader.bundleOf(back?.number ?? -1)
    t.ok(bundle && (await origin.objects.has(bundle.metainfo)))
    for (const each of [behind, current, fresh]) {
      await each.follow(origin)
      t.same(tableOf(each.reader, 6), tableOf(origin.reader, 6))
      t.equal(each.startedOver.length, 0)
    }
  },
)

t.test('a prune that was cut off is finished by the next', async t => {
  const origin = setUp(t)
  await publishDays(origin, week)
  const stop = new AbortController()
  const { store, kept } = origin
  class CutOff extends ObjectStore {
    override async prune(): Promise<{ count: number; bytes: number }> {
      stop.abort(new Error('cut off'))
      return { count: 0, bytes: 0 }
    }
  }
  const objects = new CutOff(join(origin.dataDir, 'objects'))
  const cut = prune({ store, objects, kept, sinceMs: start + 1000 * day, signal: stop.signal })
  await t.rejects(cut, { message: 'cut off' })
  t.ok(isKept(origin, 'one'), 'not removed yet')
  t.same(
    origin.reader.snapshots().map(({ number }) => number),
    [5],
  )
  const before = objectsOf(origin)
  writeFileSync(join(origin.dataDir, 'objects', before[0]?.slice(0, 2) ?? '', 'half'), 'half')
  t.match(await pruneTo(origin, start + 1000 * day), { snapshots: 0 })
  t.notOk(isKept(origin, 'one'))
  t.ok(objectsOf(origin).length < before.length)
  t.notOk(objectsOf(origin).includes('half'))
})

t.test('nothing is pruned while somebody publishes', async t => {
  const origin = setUp(t)
  await publishDays(origin, week)
  const unlock = origin.store.lock()
  await t.rejects(pruneTo(origin, start), { code: 'MS_PUBLISH_RUNNING' })
  unlock()
})

t.test('kill -9 at any moment leaves the newest snapshot as it was', async t => {
  const folder = t.testdir()
  const origin = new TestRepository(folder)
  await publishDays(origin, week)
  const before = tableOf(origin.reader, 5)
  const program = new URL('fixtures/prune-until-killed.ts', import.meta.url).pathname
  for (let afterMs = 0; afterMs < 40; afterMs += 8) {
    const child = spawn(process.execPath, [program, origin.dataDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    await Promise.race([once(child.stdout, 'data'), exited])
    await new Promise(resolve => setTimeout(resolve, afterMs))
    child.kill('SIGKILL')
    await exited
    t.same(tableOf(origin.reader, 5), before)
    t.ok(isKept(origin, 'five'))
  }
  await pruneTo(origin, start + 1000 * day)
  const head = origin.reader.headParts()
  for (const part of [...(head?.checkpoint.segments ?? []), ...(head?.differences ?? [])]) {
    t.ok(await origin.objects.has(part.sha256))
  }
  await origin.close()
})
