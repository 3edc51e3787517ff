import { createHash } from 'node:crypto'
import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { testFolder } from '../../core/fixtures/test-folder.ts'
import type { ContentNumber, InfoHash, SnapshotNumber } from '../../core/ids.ts'
import { clockAt, put, TestFollower, TestRepository, tableOf } from '../fixtures/test-repository.ts'
import { prune } from '../prune.ts'
import type { Bundler } from '../publish.ts'
import { forgetSnapshots, prepareForget } from './forgetting.ts'
import type { EndedMark } from './reader.ts'

t.setTimeout(120_000)

interface Forget {
  readonly oldest: SnapshotNumber
  readonly limit: number
  readonly isHeld?: (content: ContentNumber) => boolean
  /** Cut off after so many slices. */
  readonly slices?: number
}

const forget = (follower: TestFollower, how: Forget): boolean => {
  const step = prepareForget(follower.store)
  const { oldest, limit, isHeld = () => false, slices = Number.POSITIVE_INFINITY } = how
  let after: EndedMark | null = { snapshot: 0, path: '' }
  for (let count = 0; after !== null; count++) {
    if (count >= slices) return false
    after = step(after, { oldest, limit, isHeld }).next
  }
  forgetSnapshots(follower.store, oldest)
  return true
}

const numberOf = ({ store }: TestFollower, sql: string): number =>
  Number(Object.values(store.database.prepare(sql).get() ?? {})[0])

/** Rows that nothing leads to. */
const orphans = (follower: TestFollower): number[] => [
  numberOf(
    follower,
    `SELECT count(*) FROM contents c
     WHERE NOT EXISTS (SELECT 1 FROM entries e WHERE e.content = c.number)
       AND NOT EXISTS (SELECT 1 FROM bundle_members m WHERE m.content = c.number)`,
  ),
  numberOf(
    follower,
    `SELECT count(*) FROM bundles b WHERE NOT EXISTS
       (SELECT 1 FROM bundle_members m JOIN entries e ON e.content = m.content WHERE m.bundle = b.number)`,
  ),
  numberOf(
    follower,
    'SELECT count(*) FROM bundle_members WHERE bundle NOT IN (SELECT number FROM bundles)',
  ),
]

/** Each live content with its bundle, and the bundle's members by hash. */
const bundlesOf = ({ reader }: TestFollower, snapshot: SnapshotNumber) =>
  new Map(
    [...reader.contentsOf(snapshot)].map(number => {
      const bundle = reader.bundleOf(number)
      const members = bundle?.members.map(member => reader.contentByNumber(member)?.sha256 ?? '?')
      return [number, { infoHash: bundle?.infoHash, members }]
    }),
  )

const day = 86_400_000

/** Up to nine together, so that one may end without the others' being packed anew. */
const bundler: Bundler = {
  plan: candidates => {
    const slices = Array.from({ length: Math.ceil(candidates.length / 9) }, (_, index) =>
      candidates.slice(index * 9, index * 9 + 9),
    )
    return slices.flatMap(slice => {
      const metainfo = Buffer.from(JSON.stringify(slice.map(each => each.sha256)))
      const infoHash = createHash('sha1').update(metainfo).digest('hex') as InfoHash
      const members = slice.map(each => each.number)
      return [{ infoHash, metainfo, pieceLengthBytes: 65_536, members }]
    })
  },
}

/** They are there all the time, in the bundle of the first snapshot. */
const always = Array.from({ length: 7 }, (_, index) => [`always-${index}`, 100 + index] as const)

class Network {
  readonly origin: TestRepository
  readonly plain: TestFollower
  forgetful: TestFollower
  readonly #folder: string
  #copies = 0
  #day = 0

  constructor(folder: string) {
    this.#folder = folder
    this.origin = new TestRepository(folder)
    this.plain = new TestFollower(join(folder, 'plain.db'))
    this.forgetful = new TestFollower(join(folder, 'forgetful-0.db'))
  }

  async publish(files: readonly (readonly [string, number | null])[]): Promise<SnapshotNumber> {
    for (const [name, version] of files) {
      const path = `pool/${name}.deb`
      if (version !== null) put(this.origin, path, `${version} `.repeat(3000))
      else rmSync(join(this.origin.root, path), { force: true })
    }
    this.#day += 1
    const clock = clockAt(() => 1_700_000_000_000 + this.#day * day)
    const { snapshot } = await this.origin.publish({ clock, allowShrink: true, bundler })
    return snapshot.number
  }

  pruneOrigin(): Promise<unknown> {
    const { store, objects, kept } = this.origin
    return prune({ store, objects, kept, sinceMs: Number.MAX_SAFE_INTEGER })
  }

  /** As kill -9 would leave it: what is in the files now. */
  crash(): void {
    const [from, to] = [this.#copies, this.#copies + 1].map(copy =>
      join(this.#folder, `forgetful-${copy}.db`),
    )
    for (const suffix of ['', '-wal']) {
      if (existsSync(`${from}${suffix}`)) cpSync(`${from}${suffix}`, `${to}${suffix}`)
    }
    this.#copies += 1
    this.forgetful.close()
    this.forgetful = new TestFollower(String(to))
  }

  async close(): Promise<void> {
    this.plain.close()
    this.forgetful.close()
    await this.origin.close()
  }
}

const file = fc.tuple(
  fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  fc.option(fc.integer({ min: 1, max: 7 }), { nil: null, freq: 3 }),
)
const step = fc.record({
  files: fc.array(file, { minLength: 1, maxLength: 4 }),
  back: fc.integer({ min: 0, max: 3 }),
  limit: fc.integer({ min: 1, max: 3 }),
  slices: fc.constantFrom(1, 2, 100),
  held: fc.integer({ min: 0, max: 2 }),
  crash: fc.boolean(),
  pruneOrigin: fc.boolean(),
})

t.test('whoever forgets follows as whoever remembers, whatever happens', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 7 }), async steps => {
      const network = new Network(testFolder(t))
      try {
        for (const { files, back, limit, slices, held, crash, pruneOrigin } of steps) {
          await network.publish([...always, ...files])
          await network.plain.follow(network.origin)
          await network.forgetful.follow(network.origin)
          const snapshot = network.origin.reader.latest()?.number ?? 0
          t.strictSame(
            tableOf(network.forgetful.reader, snapshot),
            tableOf(network.plain.reader, snapshot),
          )
          t.strictSame(bundlesOf(network.forgetful, snapshot), bundlesOf(network.plain, snapshot))
          const isHeld = (content: number): boolean => held > 0 && content % 3 === held
          const oldest = Math.max(1, snapshot - back)
          const whole = forget(network.forgetful, { oldest, limit, slices, isHeld })
          if (crash) network.crash()
          if (whole && held === 0) t.strictSame(orphans(network.forgetful), [0, 0, 0])
          if (pruneOrigin) await network.pruneOrigin()
        }
        t.strictSame([network.plain.startedOver, network.forgetful.startedOver], [[], []])
      } finally {
        await network.close()
      }
    }),
    { numRuns: 5 },
  )
})

t.test('what ended is forgotten with all that only it needed, unless it is held', async t => {
  const network = new Network(testFolder(t))
  t.teardown(() => network.close())
  const { forgetful, origin } = network
  await network.publish([
    ['a', 1],
    ['b', 2],
    ['c', 3],
    ['d', 4],
  ])
  await forgetful.follow(origin)
  const numbers = [...forgetful.reader.contentsOf(1)]
  await network.publish([
    ['a', null],
    ['b', null],
    ['c', null],
  ])
  await network.publish([
    ['d', null],
    ['e', 5],
  ])
  await forgetful.follow(origin)
  const contents = (): number => numberOf(forgetful, 'SELECT count(*) FROM contents')
  const before = contents()
  t.ok(forget(forgetful, { oldest: 1, limit: 100 }))
  t.equal(contents(), before, 'snapshot 1 is still needed')
  const isHeld = (content: ContentNumber): boolean => content === numbers[0]
  t.ok(forget(forgetful, { oldest: 3, limit: 100, isHeld }))
  t.ok(forgetful.reader.contentByNumber(numbers[0] ?? -1), 'held')
  t.equal(numberOf(forgetful, 'SELECT count(*) FROM snapshots'), 1)
  t.ok(forget(forgetful, { oldest: 3, limit: 100 }))
  for (const number of numbers) t.equal(forgetful.reader.contentByNumber(number), null)
  t.strictSame(orphans(forgetful), [0, 0, 0])
  t.equal(numberOf(forgetful, 'SELECT count(*) FROM entries WHERE to_snapshot IS NOT NULL'), 0)

  await network.publish([
    ['a', 1],
    ['b', 2],
  ])
  await forgetful.follow(origin)
  t.strictSame(tableOf(forgetful.reader, 4), tableOf(origin.reader, 4), 'it comes back')
  t.strictSame(forgetful.startedOver, [])
})

t.test('a bundle is known with all its members until the last of them goes', async t => {
  const network = new Network(testFolder(t))
  t.teardown(() => network.close())
  const { forgetful, origin } = network
  await network.publish([...always, ['a', 1], ['b', 2]])
  await forgetful.follow(origin)
  await network.publish([['a', null]])
  await forgetful.follow(origin)
  const [live = -1] = forgetful.reader.contentsOf(2)
  const infoHash = forgetful.reader.bundleOf(live)?.infoHash
  t.ok(forget(forgetful, { oldest: 2, limit: 1 }))
  const bundle = forgetful.reader.bundleOf(live)
  t.strictSame([bundle?.infoHash, bundle?.members.length], [infoHash, 9])
  for (const member of bundle?.members ?? []) t.ok(forgetful.reader.contentByNumber(member))
  t.equal(numberOf(forgetful, 'SELECT count(*) FROM entries WHERE to_snapshot IS NOT NULL'), 0)

  await network.publish([...always.map(([name]) => [name, null] as const), ['b', null], ['c', 3]])
  await forgetful.follow(origin)
  t.ok(forget(forgetful, { oldest: 3, limit: 2 }))
  t.equal(forgetful.reader.contentByNumber(live), null)
  t.equal(numberOf(forgetful, 'SELECT count(*) FROM contents'), 1)
  t.strictSame(orphans(forgetful), [0, 0, 0])
})
