import { join } from 'node:path'
import t, { type Test } from 'tap'
import { seededRandom } from '../../core/clock.ts'
import { testFolder } from '../../core/fixtures/test-folder.ts'
import type { RepoPath, VolunteerName } from '../../core/ids.ts'
import { sha256Hex } from '../../core/keys.ts'
import { silentLogger } from '../../core/log.ts'
import type { Sample, SampleRequest } from '../../core/sample-download.ts'
import { absentFirstMs, pauseMostMs } from '../../core/sampling-limits.ts'
import type { NetworkEvent } from '../../tracker/events.ts'
import { ManualClock } from '../../tracker/fixtures/samples.ts'
import { MemoryEventLog } from '../../tracker/memory-event-log.ts'
import { Tracker } from '../../tracker/tracker.ts'
import { bytesOf, SmallManifest } from '../fixtures/small-manifest.ts'
import { addMirror } from './foreign-mirrors.ts'
import { ProofStore } from './proof-store.ts'
import { type MirrorCounters, WatchedMirror } from './watched-mirror.ts'

const name = 'plain' as VolunteerName
const base = 'http://mirror.example.org/debian'

const nothing: Sample = {
  ...{ end: 'unreachable', status: 0, location: '', contentLength: null, contentRange: '' },
  ...{ etag: '', lastModified: '', retryAfter: '', elapsedMs: 0, error: '', body: Buffer.alloc(0) },
}

/** A mirror in memory; time is what the test makes of it. */
class Bench {
  readonly clock = new ManualClock()
  readonly manifest = new SmallManifest()
  readonly files = new Map<string, Buffer>()
  readonly asked: string[] = []
  /** Instead of an ordinary answer; null: the ordinary one. */
  answer: (() => Partial<Sample>) | null = null
  /** Called while a request is under way. */
  meanwhile: () => Promise<void> | void = () => undefined
  readonly counters: MirrorCounters = {
    looks: { right: 0, absent: 0, untold: 0, failed: 0, busy: 0 },
    ...{ readBytes: 0, lostProofs: 0 },
  }
  readonly stop = new AbortController()
  readonly store: ProofStore
  readonly tracker: Tracker

  static async start(t: Test): Promise<Bench> {
    const bench = new Bench(t)
    await bench.tracker.start()
    return bench
  }

  private constructor(t: Test) {
    const { clock, manifest } = this
    this.store = new ProofStore(join(testFolder(t), 'mirrors.db'))
    const parts = { log: new MemoryEventLog<NetworkEvent>(), clock, logger: silentLogger }
    this.tracker = new Tracker(
      {
        ...{ ...parts, random: seededRandom(1) },
        manifest: { contentCount: () => manifest.count, bundleMembers: () => null },
      },
      { intervalMs: 30_000 },
    )
    t.teardown(async () => {
      await this.tracker.stop()
      this.store.close()
    })
  }

  async add(url = base): Promise<WatchedMirror> {
    const request = { name, url, capacityBytesPerSecond: null, allowOpen: false }
    const checks = { allowLoopback: false, ownUrl: 'http://repo.example.org' }
    await addMirror(this.tracker, request, this.clock.nowMs(), checks)
    const record = this.tracker.volunteer(name)
    if (record === null) throw new Error('it is not enrolled')
    const { store, tracker, clock, counters, manifest: reader } = this
    const mirror = new WatchedMirror(record, reader.identity(), {
      ...{ store, tracker, clock, counters, reader, random: seededRandom(2), logger: silentLogger },
      ...{ isRedirected: path => !path.startsWith('kept'), popular: () => [], announceMs: 30_000 },
      session: () => `session-${clock.nowMs()}`,
      look: {
        userAgent: 'test',
        expected: async ({ number }, { offset, length }) =>
          sha256Hex(bytesOf(number).subarray(offset, offset + length)),
        sample: request => this.#sample(request),
      },
    })
    await this.publish(mirror)
    return mirror
  }

  async publish(mirror: WatchedMirror): Promise<void> {
    await this.tracker.publishSnapshot({
      ...this.manifest.identity(),
      number: this.manifest.number,
    })
    mirror.published()
  }

  async #sample({ url, headers }: SampleRequest): Promise<Sample> {
    const path = url.slice(base.length + 1)
    this.asked.push(path)
    await this.meanwhile()
    if (this.answer !== null) return { ...nothing, ...this.answer() }
    const body = this.files.get(path)
    if (body === undefined) return { ...nothing, status: 404, end: 'complete' }
    const range = headers.find(([header]) => header === 'Range')?.[1] ?? ''
    const [, first, last] = (/^bytes=(\d+)-(\d+)$/.exec(range) ?? []).map(Number)
    return {
      ...{ ...nothing, end: 'complete', status: 206, etag: `"${sha256Hex(body).slice(0, 9)}"` },
      contentRange: `bytes ${first}-${last}/${body.length}`,
      body: body.subarray(first, (last ?? 0) + 1),
    }
  }

  /** Steps as the loop makes them, for so long; what was asked for meanwhile. */
  async pass(mirror: WatchedMirror, milliseconds: number): Promise<string[]> {
    this.asked.length = 0
    const endMs = this.clock.monotonicMs() + milliseconds
    while (this.clock.monotonicMs() < endMs) {
      this.clock.advance(Math.max(1, await mirror.step(this.stop.signal)))
      this.tracker.sweep()
    }
    return [...this.asked]
  }

  get row() {
    return this.tracker.volunteers().find(each => each.name === name)
  }

  holds(...numbers: number[]): boolean[] {
    const candidate = this.tracker.candidates().find(each => each.name === name)
    return numbers.map(number => candidate?.has(number) ?? false)
  }

  /** Files a, b, c... at the origin and at the mirror. */
  fill(count: number): void {
    for (let number = 0; number < count; number++) {
      const path = String.fromCharCode(97 + number)
      this.files.set(path, bytesOf(this.manifest.add(path).number))
    }
  }
}

const seconds = 1000
const minutes = 60_000

t.test('it is looked for everything once, the newest first, and told to the tracker', async t => {
  const bench = await Bench.start(t)
  bench.fill(3)
  bench.manifest.add('kept/small')
  bench.files.delete('b')
  const mirror = await bench.add()
  t.equal(bench.row?.state, 'offline')
  t.strictSame(await bench.pass(mirror, 10 * seconds), ['c', 'b', 'a'])
  t.strictSame(bench.holds(0, 1, 2, 3), [true, false, true, false])
  t.match(bench.row, { state: 'synced', heldFiles: 2, heldBytes: 10_002 })
  t.strictSame([mirror.provedPathOf(0), mirror.provedPathOf(1)], ['a', null])
  bench.files.set('b', bytesOf(1))
  t.strictSame(await bench.pass(mirror, absentFirstMs), ['b'], 'it is looked for once more')
  t.match(bench.counters, { looks: { right: 3, absent: 1 }, lostProofs: 0 })
})

t.test('a file that was lost counts at once, and a second one is quarantine', async t => {
  const bench = await Bench.start(t)
  bench.fill(4)
  const mirror = await bench.add()
  await bench.pass(mirror, 10 * seconds)
  bench.files.delete('a')
  bench.files.set('b', Buffer.alloc(5001, 'other bytes'))
  mirror.suspect(0)
  t.strictSame((await bench.pass(mirror, 1 * seconds))[0], 'a')
  t.strictSame(bench.holds(0), [false])
  t.equal(bench.row?.state, 'synced')
  mirror.suspect(1)
  await bench.pass(mirror, 100)
  t.equal(bench.row?.state, 'quarantined')
  t.equal(mirror.provedPathOf(1), null)
  t.strictSame(await bench.pass(mirror, 20 * seconds), [], 'it is left alone')
  bench.files.set('b', bytesOf(1))
  const looked = await bench.pass(mirror, 2 * minutes)
  t.equal(bench.row?.state, 'synced', `let out after looks at ${looked}`)
  t.match(looked[0], /[cd]/, 'by what it had')
  t.equal(bench.counters.lostProofs, 2)
})

t.test(
  'a mirror that lies about everything after a good beginning gets out of the way',
  async t => {
    const bench = await Bench.start(t)
    bench.fill(4)
    const mirror = await bench.add()
    await bench.pass(mirror, 10 * seconds)
    bench.answer = () => ({
      end: 'complete',
      status: 200,
      contentLength: 40,
      body: Buffer.alloc(40),
    })
    mirror.suspect(2)
    await bench.pass(mirror, 10 * seconds)
    t.equal(bench.row?.state, 'quarantined')
    await bench.pass(mirror, 60 * minutes)
    t.equal(bench.row?.state, 'quarantined')
  },
)

t.test('503 drains it until it may be asked again', async t => {
  const bench = await Bench.start(t)
  bench.fill(2)
  const mirror = await bench.add()
  await bench.pass(mirror, 10 * seconds)
  bench.answer = () => ({ end: 'complete', status: 503, retryAfter: '120' })
  mirror.suspect(1)
  t.strictSame(await bench.pass(mirror, 100 * seconds), ['b'])
  t.match(bench.row, { state: 'draining', reasons: [/mirror/, /503/] })
  bench.answer = null
  t.strictSame((await bench.pass(mirror, 30 * seconds)).length, 1)
  t.match(bench.row, { state: 'synced', heldFiles: 2 })
})

t.test(
  'a mirror that is dead, or stalls, is unreachable until it answers, and loses nothing',
  async t => {
    for (const end of ['unreachable', 'silent', 'stalled', 'late'] as const) {
      const bench = await Bench.start(t)
      bench.fill(2)
      const mirror = await bench.add()
      await bench.pass(mirror, 10 * seconds)
      const status = end === 'stalled' || end === 'late' ? 206 : 0
      const contentRange = 'bytes 0-5000/5001'
      bench.answer = () => ({ end, status, contentRange, error: 'no answer', etag: '"x"' })
      mirror.suspect(1)
      await bench.pass(mirror, 1 * seconds)
      t.equal(bench.row?.state, 'synced', 'one silence is an accident')
      const asked = await bench.pass(mirror, 60 * minutes)
      t.match(bench.row, { state: 'unreachable', heldFiles: 2 }, end)
      t.ok(asked.length > 5 && asked.length < 20, `${asked.length} requests in an hour`)
      bench.answer = null
      await bench.pass(mirror, pauseMostMs)
      t.match(bench.row, { state: 'synced', heldFiles: 2 })
      t.equal(bench.tracker.suspicion(name), null)
    }
  },
)

t.test('a snapshot in the middle of a look takes its result away', async t => {
  const bench = await Bench.start(t)
  bench.fill(1)
  const mirror = await bench.add()
  bench.meanwhile = async () => {
    bench.manifest.drop('a')
    bench.meanwhile = () => undefined
    await bench.publish(mirror)
  }
  await bench.pass(mirror, 5 * seconds)
  t.strictSame([mirror.provedPathOf(0), ...bench.holds(0)], [null, false])
})

t.test('a moved file is looked for where it is now', async t => {
  const bench = await Bench.start(t)
  bench.fill(1)
  const mirror = await bench.add()
  await bench.pass(mirror, 5 * seconds)
  bench.manifest.drop('a')
  bench.manifest.bound.set('moved/a', 0)
  await bench.publish(mirror)
  t.equal(mirror.provedPathOf(0), null)
  bench.files.set('moved/a', bytesOf(0))
  t.strictSame(await bench.pass(mirror, 5 * seconds), ['moved/a'])
  t.equal(mirror.provedPathOf(0), 'moved/a' as RepoPath)
})

t.test(
  'one that was removed while it was looked at says no more, also under its old name',
  async t => {
    const bench = await Bench.start(t)
    bench.fill(2)
    const before = await bench.add()
    await bench.pass(before, 5 * seconds)
    t.equal(before.provedPathOf(0), 'a')
    bench.files.delete('a')
    before.suspect(0)
    bench.meanwhile = async () => {
      bench.meanwhile = () => undefined
      await bench.tracker.remove(name)
      bench.clock.advance(1)
      await bench.add('http://other.example.org/debian')
    }
    await before.step(bench.stop.signal)
    await before.announceIfDue()
    t.equal(before.provedPathOf(1), null)
    t.equal(bench.tracker.suspicion(name), null)
    t.strictSame(bench.holds(0, 1), [false, false])
    bench.stop.abort()
    await t.rejects(before.step(bench.stop.signal))
  },
)

t.test('the origin itself is no mirror of itself', async t => {
  const bench = await Bench.start(t)
  for (const url of ['http://repo.example.org', 'http://REPO.example.org:80/debian/']) {
    await t.rejects(bench.add(url), { code: 'MS_URL_REFUSED' }, url)
  }
  for (const url of [
    'http://127.0.0.1/',
    'http://[fe80::1]/',
    'http://169.254.1.1/',
    'file:///x',
  ]) {
    await t.rejects(bench.add(url), { code: 'MS_URL_REFUSED' }, url)
  }
  t.ok(await bench.add('http://repo.example.org.example.net/'))
})
