import assert from 'node:assert'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { InfoHash, VolunteerName } from '../core/ids.ts'
import type { PeerAddress } from './connections.ts'
import { startPeer } from './peer-fixture.ts'
import {
  dial,
  introduce,
  MemoryOrigin,
  makeBundle,
  startVolunteers,
  type TestVolunteer,
  until,
} from './swarm-fixture.ts'

const KiB = 1024

/** The start of a connection: protocol name, extension bits, info-hash, peer id. */
const greeting = (infoHash: InfoHash): Buffer =>
  Buffer.concat([
    Buffer.from('\u0013BitTorrent protocol'),
    Buffer.from([0, 0, 0, 0, 0, 0x10, 0, 0x04]),
    Buffer.from(infoHash, 'hex'),
    randomBytes(20),
  ])

/** A message of the peer protocol: length, kind, body. */
const message = (kind: number, body: Uint8Array = Buffer.alloc(0)): Buffer => {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(1 + body.length)
  head[4] = kind
  return Buffer.concat([head, body])
}

const numbers = (...values: number[]): Buffer => {
  const body = Buffer.alloc(values.length * 4)
  for (const [at, value] of values.entries()) body.writeUInt32BE(value >>> 0, at * 4)
  return body
}

const socketTo = async (t: Test, volunteer: TestVolunteer): Promise<Socket> => {
  const socket = dial(volunteer.address)
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

const closed = async (socket: Socket): Promise<void> => {
  socket.resume()
  await until(() => socket.closed || socket.readableEnded)
}

/** A peer that answers every request with noise. */
const startPoisoner = async (
  t: Test,
): Promise<{ address: PeerAddress; sentBytes: () => number; connections: () => number }> => {
  let sentBytes = 0
  let connections = 0
  const address = await startPeer(t, wire => {
    connections++
    wire.on('request', (_index, _offset, length, respond) => {
      sentBytes += length
      respond(null, randomBytes(length))
    })
  })
  return { address, sentBytes: () => sentBytes, connections: () => connections }
}

t.test('a peer that alone sends a bad piece is put out, and the origin helps', async t => {
  const bundle = makeBundle([600 * KiB, 100 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [victim] = await startVolunteers(t, 1, [bundle], origin)
  assert(victim)
  const poisoner = await startPoisoner(t)
  victim.swarm.updatePeers(bundle.infoHash, [poisoner.address], { index: 0, count: 1 })
  await victim.download(bundle)
  t.strictSame(await victim.placed(bundle), bundle.numbers)
  t.equal(poisoner.connections(), 1, 'nobody went back to it')
  t.ok(poisoner.sentBytes() <= 128 * KiB, `${poisoner.sentBytes()} bytes of noise`)
})

t.test('among a poisoner and a good peer the download completes without the origin', async t => {
  const bundle = makeBundle([600 * KiB, 300 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [holder, victim] = await startVolunteers(t, 2, [bundle], origin)
  assert(holder && victim)
  introduce(bundle, [holder])
  await holder.download(bundle)
  origin.failure = () => new Error('dead')
  const poisoner = await startPoisoner(t)
  const peers = [poisoner.address, holder.address]
  victim.swarm.updatePeers(bundle.infoHash, peers, { index: 0, count: 1 })
  await victim.download(bundle)
  t.strictSame(await victim.placed(bundle), bundle.numbers)
  t.ok(poisoner.sentBytes() <= 0.3 * bundle.uniqueBytes, `${poisoner.sentBytes()} bytes of noise`)
})

t.test('whoever talks rubbish is disconnected, and nothing else happens', async t => {
  const bundle = makeBundle([200 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [volunteer, other] = await startVolunteers(t, 2, [bundle], origin)
  assert(volunteer && other)
  introduce(bundle, [volunteer])
  await volunteer.download(bundle)
  const hello = greeting(bundle.infoHash)
  const strangers: Record<string, Buffer> = {
    'other protocols': Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'),
    noise: Buffer.concat([Buffer.from([7]), randomBytes(10_000)]),
    'an unknown torrent': greeting('00'.repeat(20) as InfoHash),
    'rubbish together with the greeting': Buffer.concat([hello, numbers(0x7fffffff)]),
  }
  for (const [what, bytes] of Object.entries(strangers)) {
    const socket = await socketTo(t, volunteer)
    socket.write(bytes)
    await closed(socket)
    t.pass(what)
  }
  const peers: Record<string, Buffer> = {
    'a message of 2 GiB': numbers(0x7fffffff),
    'a message of 4 GiB': numbers(0xffffffff),
    'a piece far beyond the last': message(4, numbers(0x7fffffff)),
    'a negative piece': message(4, numbers(-1)),
    'an empty extension message': message(20, Buffer.from([1])),
    'blocks nobody asked for': Buffer.concat(
      Array.from({ length: 600 }, () => message(7, Buffer.alloc(16 * KiB + 8))),
    ),
    'a block that is too long': Buffer.concat([message(2), message(6, numbers(0, 0, 1024 * KiB))]),
  }
  for (const [what, bytes] of Object.entries(peers)) {
    const socket = await socketTo(t, volunteer)
    socket.write(hello)
    await once(socket, 'data')
    await until(() => volunteer.swarm.progress().some(torrent => torrent.peers > 0))
    socket.write(bytes)
    await closed(socket)
    t.pass(what)
  }
  const short = await socketTo(t, volunteer)
  short.end(hello.subarray(0, 30))
  await closed(short)
  introduce(bundle, [volunteer, other], [other])
  origin.failure = () => new Error('dead')
  await other.download(bundle)
  t.strictSame(await other.placed(bundle), [0], 'it still serves')
})

t.test('whoever asks without end and does not read is disconnected', async t => {
  const bundle = makeBundle([200 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [volunteer] = await startVolunteers(t, 1, [bundle], origin)
  assert(volunteer)
  introduce(bundle, [volunteer])
  await volunteer.download(bundle)
  const socket = await socketTo(t, volunteer)
  socket.write(greeting(bundle.infoHash))
  await once(socket, 'data')
  socket.write(Buffer.concat([message(15), message(2)]))
  await new Promise(resolve => setTimeout(resolve, 50))
  socket.pause()
  let ended = false
  socket.once('close', () => {
    ended = true
  })
  const asks = Buffer.concat(
    Array.from({ length: 100 }, (_, k) => message(6, numbers(0, (k % 4) * 16 * KiB, 16 * KiB))),
  )
  await until(() => {
    if (!ended && socket.writable) socket.write(asks)
    return ended || volunteer.swarm.progress().every(torrent => torrent.peers === 0)
  }, 20_000)
  t.ok(volunteer.swarm.counters().uploadedBytes < 40 * 1024 * KiB)
})

t.test('a peer that offers all and refuses everything does not hold up the download', async t => {
  const bundle = makeBundle([200 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [victim] = await startVolunteers(t, 1, [bundle], origin)
  assert(victim)
  const address = await startPeer(t, wire => {
    wire.on('request', (_index, _offset, _length, respond) => respond(new Error('no')))
  })
  victim.swarm.updatePeers(bundle.infoHash, [address], { index: 0, count: 1 })
  const beganMs = performance.now()
  await victim.download(bundle)
  t.strictSame(await victim.placed(bundle), [0])
  t.ok(performance.now() - beganMs < 3_000)
})

t.test('a peer that never answers does not hold up what others have', async t => {
  const bundle = makeBundle([300 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() * 20 }
  const [holder, victim] = await startVolunteers(t, 2, [bundle], origin, { clock })
  assert(holder && victim)
  introduce(bundle, [holder])
  await holder.download(bundle)
  origin.failure = () => new Error('dead')
  let asked = 0
  const address = await startPeer(t, wire => {
    wire.on('request', () => {
      asked++
    })
  })
  victim.swarm.updatePeers(bundle.infoHash, [address], { index: 0, count: 2 })
  const download = victim.download(bundle)
  await until(() => asked > 0)
  victim.swarm.updatePeers(bundle.infoHash, [address, holder.address], { index: 0, count: 2 })
  await download
  t.strictSame(await victim.placed(bundle), [0])
})

t.test('addresses that nobody answers, or that are its own, do no harm', async t => {
  const bundle = makeBundle([100 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [volunteer] = await startVolunteers(t, 1, [bundle], origin)
  assert(volunteer)
  const { port } = volunteer
  volunteer.swarm.updatePeers(
    bundle.infoHash,
    [
      { host: '127.0.0.1', port: 1 },
      { host: '127.0.0.1', port },
      { host: '127.0.0.1', port: 0 },
      { host: '127.0.0.1', port: 70_000 },
      { host: 'no-such-host.invalid', port: 1 },
    ].map((each, index) => ({ ...each, name: `nobody-${index}` as VolunteerName })),
    { index: 0, count: 3 },
  )
  await volunteer.download(bundle)
  t.strictSame(await volunteer.placed(bundle), [0])
})
