import assert from 'node:assert'
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, symlink, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { MirrorswarmError } from '../core/errors.ts'
import type { ContentNumber } from '../core/ids.ts'
import { basisOf, lackingBytes, prefillFrom, withHoles } from './delta-fixture.ts'
import type { Prefill } from './prefills.ts'
import {
  introduce,
  MemoryOrigin,
  makeBundle,
  startVolunteers,
  type TestVolunteer,
  until,
  TestVolunteer as Volunteer,
} from './swarm-fixture.ts'

const KiB = 1024
const never = (): Promise<void> => new Promise(() => undefined)

const onlyOne = (volunteers: readonly TestVolunteer[]): TestVolunteer => {
  const [volunteer] = volunteers
  assert(volunteer)
  return volunteer
}

t.test('what local bytes cover is not fetched, and the rest comes in few requests', async t => {
  const bundle = makeBundle([6400 * KiB, 100 * KiB + 7, 3 * KiB], 64 * KiB)
  const basis = basisOf(bundle, content =>
    withHoles(content, Math.ceil(content.sizeBytes / (20 * KiB)), 300),
  )
  const origin = new MemoryOrigin([bundle])
  const { prefill, calls } = prefillFrom(basis)
  const volunteer = onlyOne(await startVolunteers(t, 1, [bundle], origin, { prefill }))
  introduce(bundle, [volunteer])
  await volunteer.download(bundle)
  t.strictSame(await volunteer.placed(bundle), bundle.numbers)
  t.equal(calls(), 3)
  t.equal(origin.sentBytes, lackingBytes(bundle, basis, 64 * KiB), 'not one byte more')
  t.ok(origin.sentBytes < 120 * KiB)
  t.equal(origin.requests, 0)
  t.ok(origin.runs > 300)
  t.ok(origin.runRequests <= 3, `${origin.runRequests} requests, at most one for each search`)
  t.equal(volunteer.swarm.counters().originBytes, origin.sentBytes)
  t.strictSame(await readdir(join(volunteer.folder, 'partial')), [])
})

t.test('members covered completely need neither origin nor peers', async t => {
  const bundle = makeBundle([640 * KiB, 100 * KiB, 3, 64 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  origin.failure = () => new Error('dead')
  const { prefill } = prefillFrom(basisOf(bundle, content => withHoles(content, 0, 0)))
  const volunteer = onlyOne(await startVolunteers(t, 1, [bundle], origin, { prefill }))
  await volunteer.download(bundle)
  t.strictSame(await volunteer.placed(bundle), bundle.numbers)
  t.equal(volunteer.swarm.counters().downloadedBytes, 0)
})

t.test(
  'whole pieces of a covered member travel as runs, those of others by themselves',
  async t => {
    const bundle = makeBundle([640 * KiB, 320 * KiB], 64 * KiB)
    const origin = new MemoryOrigin([bundle])
    const [first] = bundle.contents
    const basis = basisOf(bundle, content =>
      content === first
        ? { runs: [{ offset: 100 * KiB, length: 100 * KiB }], bytes: content.bytes }
        : null,
    )
    const { prefill } = prefillFrom(basis)
    const volunteer = onlyOne(await startVolunteers(t, 1, [bundle], origin, { prefill }))
    introduce(bundle, [volunteer])
    await volunteer.download(bundle)
    t.strictSame(await volunteer.placed(bundle), bundle.numbers)
    t.equal(origin.sentBytes, 860 * KiB)
    t.equal(origin.requests, 5)
    t.ok(origin.runRequests <= 2)
  },
)

t.test('three with the same old version get each missing run from the origin once', async t => {
  const bundle = makeBundle([6400 * KiB, 900 * KiB, 40 * KiB], 64 * KiB)
  const basis = basisOf(bundle, content =>
    withHoles(content, Math.ceil(content.sizeBytes / (8 * KiB)), 700),
  )
  const origin = new MemoryOrigin([bundle])
  const { prefill } = prefillFrom(basis)
  const volunteers = await startVolunteers(t, 3, [bundle], origin, { prefill })
  introduce(bundle, volunteers)
  await Promise.all(volunteers.map(volunteer => volunteer.download(bundle)))
  for (const volunteer of volunteers) {
    t.strictSame(await volunteer.placed(bundle), bundle.numbers)
  }
  const once = lackingBytes(bundle, basis, 64 * KiB)
  const fromPeers = volunteers.reduce((sum, { swarm }) => {
    const { downloadedBytes, originBytes } = swarm.counters()
    return sum + downloadedBytes - originBytes
  }, 0)
  t.comment(`origin ${origin.sentBytes / once}, peers ${fromPeers / once} times ${once} bytes`)
  t.ok(origin.sentBytes <= 1.05 * once)
  t.ok(fromPeers <= 2.02 * once)
  t.ok(fromPeers >= 1.9 * once)
})

t.test('one with an old version and one with nothing help each other', async t => {
  const bundle = makeBundle([3200 * KiB], 64 * KiB)
  const basis = basisOf(bundle, content => withHoles(content, 100, 2000))
  const origin = new MemoryOrigin([bundle])
  const { prefill, calls } = prefillFrom(basis)
  const firstOnly: Prefill = async (...asked) => {
    if (calls() === 0) await prefill(...asked)
  }
  const options = { prefill: firstOnly }
  const [first, second] = await startVolunteers(t, 2, [bundle], origin, options)
  assert(first && second)
  introduce(bundle, [first, second])
  await Promise.all([first.download(bundle), second.download(bundle)])
  t.strictSame(await first.placed(bundle), bundle.numbers)
  t.strictSame(await second.placed(bundle), bundle.numbers)
  t.ok(origin.sentBytes <= 1.1 * bundle.uniqueBytes, `${origin.sentBytes / bundle.uniqueBytes}`)
})

t.test('a basis that lied costs each wrong piece once more, and nobody is blamed', async t => {
  const bundle = makeBundle([1280 * KiB, 50 * KiB, 640 * KiB], 64 * KiB)
  const [first, second] = bundle.contents
  const basis = basisOf(bundle, content => {
    const { runs, bytes } = withHoles(content, 40, 500)
    const wrong = Buffer.from(bytes)
    // Of the first member three pieces are wrong; all of the second; the third is right.
    if (content === first) {
      for (const at of [10, 700 * KiB, 1279 * KiB]) wrong[at] = 255 - (wrong[at] ?? 0)
    }
    return { runs, bytes: content === second ? randomBytes(bytes.length) : wrong }
  })
  const origin = new MemoryOrigin([bundle])
  const { prefill } = prefillFrom(basis)
  const volunteers = await startVolunteers(t, 2, [bundle], origin, { prefill })
  introduce(bundle, volunteers)
  await Promise.all(volunteers.map(volunteer => volunteer.download(bundle)))
  for (const volunteer of volunteers) {
    t.strictSame(await volunteer.placed(bundle), bundle.numbers)
  }
  const most = lackingBytes(bundle, basis, 64 * KiB) + 2 * (3 * 64 + 50) * KiB
  t.ok(origin.sentBytes <= most, `${origin.sentBytes} of ${most}`)
  for (const { swarm } of volunteers) {
    t.ok(
      swarm.progress().every(torrent => torrent.peers === 1),
      'they are still connected',
    )
  }
})

t.test('members that nothing is known of do not wait behind slow searches', async t => {
  const sizes = [640, 300, 200, 150, 70, 60, 50, 40, 30, 20].map(size => size * KiB)
  const bundle = makeBundle(sizes, 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const abort = new AbortController()
  const begun = new Set<ContentNumber>()
  let ended = 0
  // The first six never end by themselves.
  const prefill: Prefill = async ({ number }, signal) => {
    begun.add(number)
    if (number >= 6) return
    await new Promise<void>((_, reject) => {
      signal.addEventListener('abort', () => {
        ended++
        reject(signal.reason)
      })
    })
  }
  const volunteer = onlyOne(await startVolunteers(t, 1, [bundle], origin, { prefill }))
  introduce(bundle, [volunteer])
  const download = volunteer.download(bundle, bundle.numbers, abort.signal)
  download.catch(() => undefined)
  await until(async () => (await volunteer.placed(bundle)).length === 4)
  t.strictSame(await volunteer.placed(bundle), [6, 7, 8, 9])
  t.equal(begun.size, 10)
  t.equal(await volunteer.swarm.dropPartial(bundle.contents[0]?.sha256 as never), false)
  abort.abort(new Error('enough'))
  await t.rejects(download, { message: 'enough' })
  t.equal(ended, 6, 'no search goes on')
})

t.test('a search that fails is done without', async t => {
  const bundle = makeBundle([200 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const prefill: Prefill = async ({ sha256 }, _signal, target) => {
    await target.writeLocal(sha256, 300 * KiB, Buffer.from('beyond the end'))
    throw new Error('no neighbour')
  }
  const volunteer = onlyOne(await startVolunteers(t, 1, [bundle], origin, { prefill }))
  introduce(bundle, [volunteer])
  await volunteer.download(bundle)
  t.strictSame(await volunteer.placed(bundle), [0])
  t.equal(origin.sentBytes, 200 * KiB)
})

t.test('after a restart local bytes are used again, not looked for', async t => {
  const bundle = makeBundle([640 * KiB, 50 * KiB], 64 * KiB)
  const basis = basisOf(bundle, content => withHoles(content, 20, 900))
  const origin = new MemoryOrigin([bundle])
  const { prefill, calls } = prefillFrom(basis)
  const folder = join(t.testdir(), 'volunteer')
  const first = await new Volunteer(folder, [bundle], origin, { prefill }).start()
  origin.beforePart = never
  introduce(bundle, [first])
  const broken = first.download(bundle)
  broken.catch(() => undefined)
  await until(() => origin.runRequests > 0)
  await first.swarm.stop()
  await t.rejects(broken, { code: 'MS_REMOTE_UNREACHABLE' })
  const partials = await first.swarm.listPartials()
  t.ok(partials.every(({ diskBytes }) => diskBytes > 40 * KiB))

  origin.beforePart = null
  const second = await new Volunteer(folder, [bundle], origin, { prefill }).start()
  t.teardown(() => second.swarm.stop())
  introduce(bundle, [second])
  await second.download(bundle)
  t.strictSame(await second.placed(bundle), bundle.numbers)
  t.equal(calls(), 2)
  t.equal(origin.sentBytes, lackingBytes(bundle, basis, 64 * KiB))
})

t.test('local bytes that are lost again are fetched', async t => {
  const bundle = makeBundle([640 * KiB], 64 * KiB)
  const basis = basisOf(bundle, ({ bytes }) => ({
    runs: Array.from({ length: 10 }, (_, k) => ({ offset: k * 64 * KiB, length: 63 * KiB })),
    bytes,
  }))
  const origin = new MemoryOrigin([bundle])
  const { prefill } = prefillFrom(basis)
  const volunteer = onlyOne(await startVolunteers(t, 1, [bundle], origin, { prefill }))
  let lost = false
  const partial = join(volunteer.folder, 'partial', bundle.contents[0]?.sha256 ?? '')
  origin.beforePart = async () => {
    if (!lost) await truncate(partial, 0)
    lost = true
  }
  introduce(bundle, [volunteer])
  await volunteer.download(bundle)
  t.strictSame(await volunteer.placed(bundle), [0])
})

t.test('a disk that fills up while local bytes are copied ends the download', async t => {
  const bundle = makeBundle([100 * KiB, 70 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const folder = join(t.testdir(), 'volunteer')
  const [content] = bundle.contents
  assert(content)
  await mkdir(join(folder, 'partial'), { recursive: true })
  await symlink('/dev/full', join(folder, 'partial', content.sha256))
  const { prefill } = prefillFrom(basisOf(bundle, each => withHoles(each, 3, 100)))
  const volunteer = await new Volunteer(folder, [bundle], origin, { prefill }).start()
  t.teardown(() => volunteer.swarm.stop())
  introduce(bundle, [volunteer])
  await t.rejects(volunteer.download(bundle), { code: 'MS_DISK_FULL' })
  for (const { sha256 } of await volunteer.swarm.listPartials()) {
    await volunteer.swarm.dropPartial(sha256)
  }
  introduce(bundle, [volunteer])
  await volunteer.download(bundle)
  t.strictSame(await volunteer.placed(bundle), bundle.numbers)
})

t.test('an origin that fails, or lacks one content, gets all runs asked for again', async t => {
  const bundle = makeBundle([640 * KiB, 300 * KiB, 200 * KiB], 64 * KiB)
  const basis = basisOf(bundle, content => withHoles(content, 20, 900))
  const origin = new MemoryOrigin([bundle])
  const errors = [
    new Error('dead'),
    Object.assign(new MirrorswarmError('MS_CONTENT_NOT_HELD', 'not now'), {
      sha256: bundle.contents[1]?.sha256,
    }),
  ]
  origin.failure = () => {
    const error = errors.shift()
    if (errors.length === 0) origin.failure = null
    return error ?? new Error('one too many')
  }
  const { prefill } = prefillFrom(basis)
  const volunteer = onlyOne(await startVolunteers(t, 1, [bundle], origin, { prefill }))
  introduce(bundle, [volunteer])
  await volunteer.download(bundle)
  t.strictSame(await volunteer.placed(bundle), bundle.numbers)
  t.equal(origin.sentBytes, lackingBytes(bundle, basis, 64 * KiB))
})
