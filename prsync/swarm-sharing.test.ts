import assert from 'node:assert'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import Wire from 'bittorrent-protocol'
import t from 'tap'
import { encodeShareMessage, shareExtension } from './share-message.ts'
import {
  dial,
  introduce,
  MemoryOrigin,
  makeBundle,
  makeIdentity,
  startVolunteers,
  TestVolunteer,
  until,
} from './swarm-fixture.ts'

const KiB = 1024
const unevenSizes = (count: number): number[] =>
  Array.from({ length: count }, (_, k) => 1 + ((k * 102_947) % (200 * KiB)))
const never = (): Promise<void> => new Promise(() => undefined)

t.test('who joins half-way takes from the origin only what nobody has or fetches', async t => {
  const bundle = makeBundle(unevenSizes(40), 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [early, other, late] = await startVolunteers(t, 3, [bundle], origin)
  assert(early && other && late)
  const gate = Promise.withResolvers<void>()
  origin.beforePart = async () => {
    if (origin.sentBytes > bundle.uniqueBytes / 2) await gate.promise
  }
  introduce(bundle, [early, other])
  const first = [early.download(bundle), other.download(bundle)]
  await until(() => origin.sentBytes > bundle.uniqueBytes / 2)
  introduce(bundle, [early, other, late])
  const last = late.download(bundle)
  await until(() => late.swarm.progress().some(torrent => torrent.peers === 2))
  gate.resolve()
  await Promise.all([...first, last])
  t.strictSame(await late.placed(bundle), bundle.numbers)
  t.comment(`origin sent ${(origin.sentBytes / bundle.uniqueBytes).toFixed(2)} times`)
  t.ok(origin.sentBytes <= 1.1 * bundle.uniqueBytes)
})

t.test('the share of one that stops half-way is taken over by one other', async t => {
  const bundle = makeBundle(unevenSizes(40), 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const stuck = new MemoryOrigin([bundle])
  const [one, other] = await startVolunteers(t, 2, [bundle], origin)
  assert(one && other)
  const stopping = await new TestVolunteer(join(one.folder, '..', 'x'), [bundle], stuck).start()
  stuck.beforePart = async () => {
    if (stuck.sentBytes > 300 * KiB) await never()
  }
  introduce(bundle, [one, other, stopping])
  const broken = stopping.download(bundle)
  broken.catch(() => undefined)
  const rest = Promise.all([one.download(bundle), other.download(bundle)])
  await until(() => stuck.sentBytes > 300 * KiB)
  await stopping.swarm.stop()
  await rest
  t.strictSame(await one.placed(bundle), bundle.numbers)
  t.strictSame(await other.placed(bundle), bundle.numbers)
  t.comment(`origin sent ${(origin.sentBytes / bundle.uniqueBytes).toFixed(2)} times`)
  t.ok(origin.sentBytes <= 1.1 * bundle.uniqueBytes, 'hardly anything twice')
})

t.test('the share of one that is very slow is taken over piece by piece', async t => {
  const bundle = makeBundle(unevenSizes(20), 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const stuck = new MemoryOrigin([bundle])
  // Time passes quickly, but not so quickly that connections are given up.
  const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() * 4 }
  const options = { clock }
  const [one, other] = await startVolunteers(t, 2, [bundle], origin, options)
  assert(one && other)
  const folder = join(one.folder, '..', 'slow')
  const slow = await new TestVolunteer(folder, [bundle], stuck, options).start()
  t.teardown(() => slow.swarm.stop())
  stuck.beforePart = never
  introduce(bundle, [one, other, slow])
  const slowly = slow.download(bundle)
  slowly.catch(() => undefined)
  await Promise.all([one.download(bundle), other.download(bundle)])
  t.strictSame(await one.placed(bundle), bundle.numbers)
  t.strictSame(await other.placed(bundle), bundle.numbers)
  t.comment(`origin sent ${(origin.sentBytes / bundle.uniqueBytes).toFixed(2)} times`)
  t.ok(origin.sentBytes <= 1.25 * bundle.uniqueBytes)
})

t.test('two that want different members do not wait for each other', async t => {
  const bundle = makeBundle(unevenSizes(20), 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const stuck = new MemoryOrigin([bundle])
  stuck.beforePart = never
  const [one] = await startVolunteers(t, 1, [bundle], origin)
  assert(one)
  const other = await new TestVolunteer(join(one.folder, '..', 'x'), [bundle], stuck).start()
  t.teardown(() => other.swarm.stop())
  introduce(bundle, [one, other])
  const even = bundle.numbers.filter(number => number % 2 === 0)
  const odd = bundle.numbers.filter(number => number % 2 === 1)
  other.download(bundle, odd).catch(() => undefined)
  await one.download(bundle, even)
  t.strictSame(await one.placed(bundle), even)
})

t.test('a peer that offers, takes back and claims everything delays nothing for long', async t => {
  const bundle = makeBundle([200 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() * 4 }
  const [victim] = await startVolunteers(t, 1, [bundle], origin, { clock })
  assert(victim)
  const liar = makeIdentity()
  const names = [victim.identity.name, liar.name]
  victim.swarm.updatePeers(bundle.infoHash, [], { index: 0, count: 2, names })
  const download = victim.download(bundle)
  const socket = dial(victim.address, liar)
  t.teardown(() => socket.destroy())
  const wire = new Wire()
  wire.on('error', () => undefined)
  socket.pipe(wire as never)
  wire.pipe(socket)
  class Claims {}
  Object.defineProperty(Claims.prototype, 'name', { value: shareExtension })
  class TakesBack {}
  Object.defineProperty(TakesBack.prototype, 'name', { value: 'lt_donthave' })
  wire.use(Claims)
  wire.use(TakesBack)
  wire.handshake(bundle.infoHash, randomBytes(20).toString('hex'), { fast: true })
  const flap = setInterval(() => {
    const { m } = wire.peerExtendedHandshake
    if (m === undefined || wire.destroyed) return
    const claim = { kind: 'fetching', pieces: [0, 1, 2, 3], asks: true } as const
    wire.extended(shareExtension, encodeShareMessage(claim))
    for (let piece = 0; piece < 4; piece++) {
      wire.have(piece)
      wire.extended('lt_donthave', Buffer.of(0, 0, 0, piece))
    }
  }, 20)
  t.teardown(() => clearInterval(flap))
  wire.once('extended', () => wire.unchoke())
  await download
  t.strictSame(await victim.placed(bundle), [0])
})
