import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { testFolder } from '../core/fixtures/test-folder.ts'
import type { ContentNumber, Sha256 } from '../core/ids.ts'
import { createLogger, silentLogger } from '../core/log.ts'
import { manifestPruneMs } from '../core/volunteer-limits.ts'
import { clockAt, put, TestFollower, TestRepository } from '../manifest/fixtures/test-repository.ts'
import { ObjectStore } from '../manifest/objects.ts'
import { ManifestPruner } from './manifest-pruner.ts'

const day = 86_400_000
const begin = 1_700_000_000_000
const hour = 3_600_000

/** A repository with one package a day that replaces that of the day before, and who follows it. */
const prepare = async (t: Test, days: number) => {
  const folder = testFolder(t)
  const origin = new TestRepository(folder)
  const follower = new TestFollower(join(folder, 'volunteer.db'))
  const objects = new ObjectStore(join(folder, 'volunteer-objects'))
  t.teardown(async () => {
    follower.close()
    await origin.close()
  })
  const contents: ContentNumber[] = []
  const metainfo: Sha256[] = []
  for (let today = 1; today <= days; today++) {
    put(origin, `pool/p${today}.deb`, `${today} `.repeat(3000))
    rmSync(join(origin.root, `pool/p${today - 1}.deb`), { force: true })
    const clock = clockAt(() => begin + today * day)
    const { snapshot } = await origin.publish({ clock, allowShrink: true })
    await follower.follow(origin)
    const [content = -1] = origin.reader.contentsOf(snapshot.number)
    contents.push(content)
    const bundle = origin.reader.bundleOf(content)
    const bytes = bundle === null ? null : await origin.objects.read(bundle.metainfo)
    metainfo.push(await objects.put(bytes ?? Buffer.alloc(0)))
  }
  const held = new Set<ContentNumber>()
  const time = { nowMs: begin + days * day, monotonicMs: 0 }
  const clock = { nowMs: () => time.nowMs, monotonicMs: () => time.monotonicMs }
  const pruner = new ManifestPruner({
    ...{ writer: follower.store, objects, clock, logger: silentLogger },
    store: { holds: content => held.has(content) },
  })
  const known = (): number[] =>
    contents.flatMap((content, index) =>
      follower.reader.contentByNumber(content) === null ? [] : [index + 1],
    )
  const metainfoLeft = (): number[] =>
    metainfo.flatMap((sha256, index) => (existsSync(objects.file(sha256)) ? [index + 1] : []))
  const prune = (graceMs = hour, signal = new AbortController().signal) => {
    time.monotonicMs += manifestPruneMs
    return pruner.prune(graceMs, signal)
  }
  return { follower, objects, held, contents, time, pruner, known, metainfoLeft, prune }
}

t.test('what ended a month ago goes when it is not held any more, and its metainfo', async t => {
  const { time, held, contents, known, metainfoLeft, prune, pruner, follower } = await prepare(t, 4)
  await prune()
  t.strictSame(known(), [1, 2, 3, 4], 'all of it is of this month')
  // On day 3 the package of day 2 ended.
  time.nowMs = begin + 33 * day
  held.add(contents[1] ?? -1)
  await prune(31 * day)
  t.strictSame(known(), [1, 2, 3, 4].slice(1), 'a longer time of grace is kept')
  await prune()
  t.strictSame(
    [known(), metainfoLeft()],
    [
      [2, 3, 4],
      [2, 3, 4],
    ],
    'day 2 is held',
  )
  held.clear()
  await pruner.prune(hour, new AbortController().signal)
  t.strictSame(known(), [2, 3, 4], 'not before its time')
  await prune()
  t.strictSame(
    [known(), metainfoLeft()],
    [
      [3, 4],
      [3, 4],
    ],
  )
  time.nowMs = begin + 1000 * day
  await prune()
  t.strictSame([known(), metainfoLeft()], [[4], [4]], 'the newest snapshot stays')
  t.strictSame(
    follower.reader.snapshots().map(({ number }) => number),
    [4],
  )
})

t.test('a run that is cut off goes on, and what it left of metainfo goes at the start', async t => {
  const { time, objects, known, metainfoLeft, prune, pruner } = await prepare(t, 3)
  time.nowMs = begin + 1000 * day
  const stop = new AbortController()
  stop.abort(new Error('there are news'))
  await t.rejects(prune(hour, stop.signal), { message: 'there are news' })
  await pruner.prune(hour, new AbortController().signal)
  t.strictSame(known(), [3], 'at once')
  const lost = await objects.put(Buffer.from('metainfo of a bundle that is forgotten'))
  const half = `${objects.file(lost)}.1234.tmp`
  writeFileSync(half, 'half')
  await pruner.start()
  t.strictSame([existsSync(objects.file(lost)), existsSync(half)], [false, false])
  t.strictSame(metainfoLeft(), [3])
})

t.test('what fails is tried again later, and stops nothing', async t => {
  const { time, follower, objects, known, prune, pruner } = await prepare(t, 3)
  time.nowMs = begin + 1000 * day
  follower.store.database.exec('PRAGMA query_only = ON')
  await prune()
  t.strictSame(known(), [1, 2, 3])
  follower.store.database.exec('PRAGMA query_only = OFF')
  await prune()
  t.strictSame(known(), [3])
  const file = objects.file('ab'.repeat(32) as Sha256)
  mkdirSync(file, { recursive: true })
  await pruner.start()
  t.ok(existsSync(dirname(file)), 'a folder where an object should be is left alone')
})

t.test('a volunteer that knows nothing yet has nothing to forget', async t => {
  const folder = testFolder(t)
  const follower = new TestFollower(join(folder, 'volunteer.db'))
  t.teardown(() => follower.close())
  const pruner = new ManifestPruner({
    writer: follower.store,
    store: { holds: () => true },
    objects: new ObjectStore(join(folder, 'objects')),
    clock: clockAt(() => begin),
    logger: createLogger('test', 'silent'),
  })
  await pruner.start()
  await pruner.prune(0, new AbortController().signal)
  t.equal(follower.reader.latest(), null)
})
