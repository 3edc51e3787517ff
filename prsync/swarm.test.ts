import assert from 'node:assert'
import { writeFile } from 'node:fs/promises'
import Wire from 'bittorrent-protocol'
import t from 'tap'
import {
  dial,
  introduce,
  MemoryOrigin,
  makeBundle,
  startVolunteers,
  TestVolunteer,
  until,
} from './swarm-fixture.ts'

const KiB = 1024
const unevenSizes = (count: number): number[] =>
  Array.from({ length: count }, (_, k) => 1 + ((k * 102_947) % (200 * KiB)))

t.test('a small bundle arrives from the origin well within a second', async t => {
  const bundle = makeBundle([10 * KiB, 3], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [volunteer] = await startVolunteers(t, 1, [bundle], origin)
  assert(volunteer)
  const beganMs = performance.now()
  introduce(bundle, [volunteer])
  await volunteer.download(bundle)
  const tookMs = performance.now() - beganMs
  t.comment(`${tookMs.toFixed(0)} ms`)
  t.ok(tookMs < 800)
  t.strictSame(await volunteer.placed(bundle), [0, 1])
  t.equal(origin.sentBytes, bundle.uniqueBytes, 'padding is not fetched')
})

t.test(
  'five that start together get everything, the origin sending little more than once',
  async t => {
    const bundle = makeBundle(unevenSizes(40), 64 * KiB)
    const origin = new MemoryOrigin([bundle])
    const volunteers = await startVolunteers(t, 5, [bundle], origin)
    introduce(bundle, volunteers)
    const beganMs = performance.now()
    await Promise.all(volunteers.map(volunteer => volunteer.download(bundle)))
    t.comment(`${(performance.now() - beganMs).toFixed(0)} ms for ${bundle.uniqueBytes} bytes`)
    for (const volunteer of volunteers) {
      t.strictSame(await volunteer.placed(bundle), bundle.numbers)
      t.strictSame(await volunteer.swarm.listPartials(), [])
    }
    t.comment(`origin sent ${(origin.sentBytes / bundle.uniqueBytes).toFixed(2)} times`)
    t.ok(origin.sentBytes <= 1.15 * bundle.uniqueBytes)
    t.ok(origin.mostAtOnce <= 5 * 8)
    const uploaded = volunteers.reduce((sum, v) => sum + v.swarm.counters().uploadedBytes, 0)
    t.ok(
      uploaded + origin.sentBytes <= 5 * bundle.uniqueBytes * 1.05,
      'no padding is sent, and hardly anything twice',
    )
  },
)

t.test('a large file in large pieces is shared among ten', async t => {
  const bundle = makeBundle([3 * 1024 * KiB + 17], 256 * KiB)
  const origin = new MemoryOrigin([bundle])
  const volunteers = await startVolunteers(t, 10, [bundle], origin)
  introduce(bundle, volunteers)
  await Promise.all(volunteers.map(volunteer => volunteer.download(bundle)))
  for (const volunteer of volunteers) t.strictSame(await volunteer.placed(bundle), [0])
  t.comment(`origin sent ${(origin.sentBytes / bundle.uniqueBytes).toFixed(2)} times`)
  t.ok(origin.sentBytes <= 1.15 * bundle.uniqueBytes)
})

t.test('who comes late gets everything from the others when the origin is dead', async t => {
  const bundle = makeBundle(unevenSizes(12), 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [early, late] = await startVolunteers(t, 2, [bundle], origin)
  assert(early && late)
  introduce(bundle, [early])
  await early.download(bundle)
  const sentBytes = origin.sentBytes
  origin.failure = () => new Error('the origin is dead')
  introduce(bundle, [early, late], [late])
  await late.download(bundle)
  t.strictSame(await late.placed(bundle), bundle.numbers)
  t.equal(origin.sentBytes, sentBytes)
  t.equal(early.swarm.counters().uploadedBytes, bundle.uniqueBytes, 'padding is never sent')
})

t.test('who comes late takes nothing from the origin that others hold', async t => {
  const bundle = makeBundle(unevenSizes(12), 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [early, late] = await startVolunteers(t, 2, [bundle], origin)
  assert(early && late)
  introduce(bundle, [early])
  await early.download(bundle)
  introduce(bundle, [early, late], [late])
  await late.download(bundle)
  t.strictSame(await late.placed(bundle), bundle.numbers)
  t.equal(origin.sentBytes, bundle.uniqueBytes)
})

t.test('volunteers that want different members get theirs, and only theirs', async t => {
  const bundle = makeBundle(unevenSizes(10), 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const volunteers = await startVolunteers(t, 2, [bundle], origin)
  introduce(bundle, volunteers)
  const even = bundle.numbers.filter(number => number % 2 === 0)
  const odd = bundle.numbers.filter(number => number % 2 === 1)
  const wants = [even, odd]
  await Promise.all(volunteers.map((volunteer, k) => volunteer.download(bundle, wants[k])))
  for (const [k, volunteer] of volunteers.entries()) {
    t.strictSame(await volunteer.placed(bundle), wants[k])
    t.strictSame(await volunteer.swarm.listPartials(), [])
  }
  t.equal(origin.sentBytes, bundle.uniqueBytes)
})

t.test('when the one whose share it is does not fetch it, others do after a while', async t => {
  const bundle = makeBundle(unevenSizes(10), 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [alive, other, dead] = await startVolunteers(t, 3, [bundle], origin)
  assert(alive && other && dead)
  introduce(bundle, [alive, other, dead])
  await Promise.all([alive.download(bundle), other.download(bundle)])
  t.strictSame(await alive.placed(bundle), bundle.numbers)
  t.strictSame(await other.placed(bundle), bundle.numbers)
  t.comment(`origin sent ${(origin.sentBytes / bundle.uniqueBytes).toFixed(2)} times`)
  t.ok(origin.sentBytes <= 1.15 * bundle.uniqueBytes)
})

t.test('a bundle of 300 members keeps few files open', async t => {
  const bundle = makeBundle(
    Array.from({ length: 300 }, (_, k) => 200 + k * 30),
    64 * KiB,
  )
  const origin = new MemoryOrigin([bundle])
  const volunteers = await startVolunteers(t, 2, [bundle], origin)
  introduce(bundle, volunteers)
  let most = 0
  const watch = setInterval(() => {
    most = Math.max(most, ...volunteers.map(volunteer => volunteer.swarm.openFiles))
  }, 1)
  await Promise.all(volunteers.map(volunteer => volunteer.download(bundle)))
  clearInterval(watch)
  t.strictSame(await volunteers[0]?.placed(bundle), bundle.numbers)
  t.strictSame(await volunteers[1]?.placed(bundle), bundle.numbers)
  t.ok(most <= 128, `at most ${most} files`)
})

t.test('a held file that changed is not shared any more, and the rest is', async t => {
  const bundle = makeBundle([80 * KiB, 90 * KiB, 70 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [holder, asker] = await startVolunteers(t, 2, [bundle], origin)
  assert(holder && asker)
  introduce(bundle, [holder])
  await holder.download(bundle)
  await writeFile(holder.file(1), Buffer.alloc(90 * KiB))
  introduce(bundle, [holder, asker], [asker])
  await asker.download(bundle)
  t.strictSame(await asker.placed(bundle), bundle.numbers)
  t.equal(
    origin.sentBytes,
    bundle.uniqueBytes + 90 * KiB,
    'only that one came from the origin again',
  )
})

t.test('torrents are opened on demand, a bounded number of them', async t => {
  const bundles = Array.from({ length: 70 }, (_, k) => makeBundle([100 + k, 50], 64 * KiB, k + 1))
  const origin = new MemoryOrigin(bundles)
  const [holder, asker] = await startVolunteers(t, 2, bundles, origin)
  assert(holder && asker)
  for (const bundle of bundles) {
    // Members are numbered from 0 in each bundle: one bundle at a time.
    holder.held.clear()
    introduce(bundle, [holder])
    await holder.download(bundle)
    asker.held.clear()
    introduce(bundle, [holder, asker], [asker])
    await asker.download(bundle)
  }
  const sent = bundles.reduce((sum, bundle) => sum + bundle.uniqueBytes, 0)
  t.equal(origin.sentBytes, sent)
  t.ok(holder.swarm.openTorrents <= 64)
  t.ok(asker.swarm.openTorrents <= 64)
})

t.test('connections of no interest to either side are closed', async t => {
  const bundle = makeBundle([80 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const fast = {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now() * 200,
  }
  const [holder, asker] = await startVolunteers(t, 2, [bundle], origin, { clock: fast })
  assert(holder && asker)
  introduce(bundle, [holder])
  await holder.download(bundle)
  introduce(bundle, [holder, asker], [asker])
  await asker.download(bundle)
  await until(() => asker.swarm.progress().every(torrent => torrent.peers === 0), 15_000)
  t.pass()
})

t.test('a peer that asks for padding gets zeros', async t => {
  const bundle = makeBundle([3, 100], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [holder] = await startVolunteers(t, 1, [bundle], origin)
  assert(holder)
  introduce(bundle, [holder])
  await holder.download(bundle)
  const socket = dial(holder.address)
  t.teardown(() => socket.destroy())
  const wire = new Wire()
  socket.pipe(wire as never)
  wire.pipe(socket)
  wire.handshake(bundle.infoHash, '11'.repeat(20), { fast: true })
  const block = Promise.withResolvers<Uint8Array>()
  wire.once('have-all', () => wire.interested())
  wire.once('unchoke', () => {
    wire.request(0, 0, 16 * KiB, (error, data) => {
      if (error === null && data !== undefined) block.resolve(data)
      else block.reject(error)
    })
  })
  const expected = Buffer.alloc(16 * KiB)
  expected.set(bundle.contents[0]?.bytes ?? [])
  t.ok(expected.equals(await block.promise))
})

t.test('a port that is taken is an error of the start, and nothing worse', async t => {
  const bundle = makeBundle([3, 100], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [first] = await startVolunteers(t, 1, [bundle], origin)
  assert(first)
  const folder = t.testdir()
  const second = new TestVolunteer(folder, [bundle], origin, { port: first.port })
  await t.rejects(second.start(), { code: 'EADDRINUSE' })
  await second.swarm.stop()
})
