import assert from 'node:assert'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer as createPlainServer, type Socket } from 'node:net'
import Wire from 'bittorrent-protocol'
import t, { type Test } from 'tap'
import type { PeerAddress } from './connections.ts'
import { startPeer } from './peer-fixture.ts'
import type { PeerIdentity } from './peer-identity.ts'
import {
  dial,
  everybody,
  introduce,
  MemoryOrigin,
  makeBundle,
  makeIdentity,
  startVolunteers,
  until,
} from './swarm-fixture.ts'

const KiB = 1024

/** A wire that greets over this socket. */
const greet = (socket: Socket, infoHash: string, peerId: string): Wire => {
  const wire = new Wire()
  wire.on('error', () => undefined)
  socket.pipe(wire as never)
  wire.pipe(socket)
  wire.handshake(infoHash, peerId, { fast: true })
  return wire
}

/** Answers every request with noise. */
const startPoisoner = async (t: Test, identity: PeerIdentity) => {
  let connections = 0
  const behave = (wire: Wire): void => {
    connections++
    wire.on('request', (_index, _offset, length, respond) => respond(null, randomBytes(length)))
  }
  const address = await startPeer(t, behave, identity)
  return { address, connections: () => connections }
}

t.test('who sent a bad piece is avoided at other addresses and in other torrents', async t => {
  const bundle = makeBundle([300 * KiB], 64 * KiB)
  const other = makeBundle([200 * KiB], 64 * KiB, 2)
  const origin = new MemoryOrigin([bundle, other])
  const [victim] = await startVolunteers(t, 1, [bundle, other], origin)
  assert(victim)
  const identity = makeIdentity()
  const here = await startPoisoner(t, identity)
  const there = await startPoisoner(t, identity)
  victim.swarm.updatePeers(bundle.infoHash, [here.address], { index: 0, count: 1 })
  await victim.download(bundle)
  t.equal(here.connections(), 1)
  victim.held.clear()
  victim.swarm.updatePeers(other.infoHash, [there.address], { index: 0, count: 1 })
  await victim.download(other)
  t.equal(there.connections(), 0, 'the other address is the same volunteer')
  const socket = dial(victim.address, identity)
  socket.resume()
  await until(() => socket.destroyed)
  t.pass('and it is not let in')
})

t.test('a volunteer has one connection with each torrent, wherever it comes from', async t => {
  const bundle = makeBundle([100 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [volunteer] = await startVolunteers(t, 1, [bundle], origin)
  assert(volunteer)
  introduce(bundle, [volunteer])
  await volunteer.download(bundle)
  const identity = makeIdentity()
  const peers = (): number => volunteer.swarm.progress()[0]?.peers ?? 0
  const join = async (peerId: string) => {
    const socket = dial(volunteer.address, identity)
    t.teardown(() => socket.destroy())
    const wire = greet(socket, bundle.infoHash, peerId)
    return { socket, wire }
  }
  const first = await join('11'.repeat(20))
  await until(() => peers() === 1)
  const second = await join('11'.repeat(20))
  await until(() => second.socket.destroyed)
  t.notOk(first.socket.destroyed, 'the same program again: the first connection stays')
  const restarted = await join('22'.repeat(20))
  await until(() => first.socket.destroyed)
  t.notOk(restarted.socket.destroyed, 'it has started anew: the old connection leads nowhere')
  t.equal(peers(), 1)
})

t.test('who leaves the roster is disconnected from every torrent', async t => {
  const bundle = makeBundle([100 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [volunteer] = await startVolunteers(t, 1, [bundle], origin)
  assert(volunteer)
  introduce(bundle, [volunteer])
  await volunteer.download(bundle)
  const identity = makeIdentity()
  const socket = dial(volunteer.address, identity)
  greet(socket, bundle.infoHash, '11'.repeat(20))
  await until(() => volunteer.swarm.progress()[0]?.peers === 1)
  everybody.remove(identity.name)
  await until(() => volunteer.swarm.progress()[0]?.peers === 0 && socket.destroyed)
  const again = dial(volunteer.address, identity)
  again.resume()
  await until(() => again.destroyed)
  t.pass('and not let in again')
})

t.test('nothing is asked of a peer that has another key than the tracker says', async t => {
  const bundle = makeBundle([100 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const [victim] = await startVolunteers(t, 1, [bundle], origin)
  assert(victim)
  const impostor = await startPoisoner(t, makeIdentity())
  const stranger = await startPoisoner(t, makeIdentity(null))
  let heard = 0
  const plain = createPlainServer(socket => {
    socket.on('error', () => undefined)
    socket.on('data', data => {
      if (data.includes('BitTorrent')) heard++
    })
  })
  plain.listen(0, '127.0.0.1')
  await once(plain, 'listening')
  t.teardown(() => plain.close())
  const names = Array.from({ length: 2 }, () => makeIdentity().name) as [never, never]
  const peers: PeerAddress[] = [
    { ...impostor.address, name: names[0] },
    stranger.address,
    { host: '127.0.0.1', port: (plain.address() as AddressInfo).port, name: names[1] },
  ]
  victim.swarm.updatePeers(bundle.infoHash, peers, { index: 0, count: 1 })
  await victim.download(bundle)
  t.strictSame(await victim.placed(bundle), bundle.numbers)
  const { downloadedBytes, originBytes } = victim.swarm.counters()
  t.equal(downloadedBytes, originBytes, 'not a byte came from them')
  t.equal(heard, 0, 'nor did they learn what is wanted')
})
