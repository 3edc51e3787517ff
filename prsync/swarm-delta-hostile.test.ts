import assert from 'node:assert'
import { randomBytes } from 'node:crypto'
import Wire from 'bittorrent-protocol'
import t from 'tap'
import { basisOf, lackingBytes, prefillFrom, withHoles } from './delta-fixture.ts'
import { piecesOf } from './logic/layout.ts'
import { startPeer } from './peer-fixture.ts'
import {
  dial,
  introduce,
  MemoryOrigin,
  makeBundle,
  startVolunteers,
  type TestBundle,
  until,
} from './swarm-fixture.ts'

const KiB = 1024
const pieceBytes = 64 * KiB

/** The right bytes of a request to a peer that has all of a bundle's first member. */
const rightBytes = (bundle: TestBundle, index: number, offset: number, length: number): Buffer => {
  const from = (index - piecesOf(bundle.loaded().layout, 0).first) * pieceBytes + offset
  return bundle.contents[0]?.bytes.subarray(from, from + length) ?? Buffer.alloc(0)
}

t.test(
  'who answers exact ranges with noise is found out, though local bytes are in it',
  async t => {
    const bundle = makeBundle([1280 * KiB], pieceBytes)
    const basis = basisOf(bundle, content => withHoles(content, 60, 700))
    const origin = new MemoryOrigin([bundle])
    const { prefill } = prefillFrom(basis)
    const [victim] = await startVolunteers(t, 1, [bundle], origin, { prefill })
    assert(victim)
    let connections = 0
    let noiseBytes = 0
    // It sends noise for parts of a piece and the right bytes when it alone supplies the whole piece.
    const address = await startPeer(t, wire => {
      connections++
      wire.on('request', (index, offset, length, respond) => {
        const isWhole = length === 16 * KiB && offset % length === 0
        if (!isWhole) noiseBytes += length
        respond(null, isWhole ? rightBytes(bundle, index, offset, length) : randomBytes(length))
      })
    })
    victim.swarm.updatePeers(bundle.infoHash, [address], { index: 0, count: 1 })
    await victim.download(bundle)
    t.strictSame(await victim.placed(bundle), bundle.numbers)
    t.equal(connections, 1, 'nobody went back to it')
    t.ok(noiseBytes <= 45 * KiB, `${noiseBytes} bytes of noise`)
  },
)

t.test('answers of other lengths, or to other ranges, are no answers', async t => {
  const bundle = makeBundle([1280 * KiB], pieceBytes)
  const basis = basisOf(bundle, content => withHoles(content, 60, 700))
  const origin = new MemoryOrigin([bundle])
  const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() * 20 }
  const { prefill } = prefillFrom(basis)
  const [victim] = await startVolunteers(t, 1, [bundle], origin, { prefill, clock })
  assert(victim)
  let asked = 0
  const address = await startPeer(t, wire => {
    wire.on('request', (index, offset, length) => {
      asked++
      const data = rightBytes(bundle, index, offset, length)
      if (asked % 3 === 0) wire.piece(index, offset, data.subarray(1))
      else if (asked % 3 === 1) wire.piece(index, offset + 1, data)
      else wire.piece(index, offset, Buffer.concat([data, data]))
    })
  })
  victim.swarm.updatePeers(bundle.infoHash, [address], { index: 0, count: 1 })
  await victim.download(bundle)
  t.strictSame(await victim.placed(bundle), bundle.numbers)
  t.ok(asked > 0)
  t.equal(origin.sentBytes, lackingBytes(bundle, basis, pieceBytes))
})

t.test('a peer that refuses odd ranges does not hold up the download', async t => {
  const bundle = makeBundle([1280 * KiB], pieceBytes)
  const basis = basisOf(bundle, content => withHoles(content, 60, 700))
  const origin = new MemoryOrigin([bundle])
  const { prefill } = prefillFrom(basis)
  const [victim] = await startVolunteers(t, 1, [bundle], origin, { prefill })
  assert(victim)
  const address = await startPeer(t, wire => {
    wire.on('request', (_index, _offset, _length, respond) => respond(new Error('no')))
  })
  victim.swarm.updatePeers(bundle.infoHash, [address], { index: 0, count: 1 })
  await victim.download(bundle)
  t.strictSame(await victim.placed(bundle), bundle.numbers)
  t.equal(origin.sentBytes, lackingBytes(bundle, basis, pieceBytes))
})

t.test('one who has a piece answers odd ranges within it, and none beyond its end', async t => {
  const bundle = makeBundle([200 * KiB, 10 * KiB], pieceBytes)
  const origin = new MemoryOrigin([bundle])
  const [holder] = await startVolunteers(t, 1, [bundle], origin)
  assert(holder)
  introduce(bundle, [holder])
  await holder.download(bundle)
  const answers = new Map<string, Uint8Array | null>()
  const asks = [
    [0, 1, 1],
    [1, 12_345, 6789],
    [2, pieceBytes - 3, 3],
    [0, pieceBytes - 3, 4],
    [0, pieceBytes, 1],
    [0, 0x7fff_ffff, 2],
    [1, 5, 0],
    [9, 0, 1],
  ] as const
  const socket = dial(holder.address)
  t.teardown(() => socket.destroy())
  const wire = new Wire()
  socket.pipe(wire as never)
  wire.pipe(socket)
  wire.handshake(bundle.infoHash, '11'.repeat(20), { fast: true })
  wire.once('have-all', () => wire.interested())
  wire.once('unchoke', () => {
    for (const [index, offset, length] of asks) {
      wire.request(index, offset, length, (error, data) => {
        answers.set(`${index} ${offset} ${length}`, error === null ? (data ?? null) : null)
      })
    }
  })
  await until(() => answers.size === asks.length)
  for (const [at, [index, offset, length]] of asks.entries()) {
    const answer = answers.get(`${index} ${offset} ${length}`)
    if (at < 3) t.ok(answer && rightBytes(bundle, index, offset, length).equals(answer))
    else t.equal(answer, null, `${index} ${offset} ${length}`)
  }
})
