import { once } from 'node:events'
import { type AddressInfo, connect as connectPlain, createServer, type Socket } from 'node:net'
import { connect } from 'node:tls'
import t, { type Test } from 'tap'
import type { VolunteerName } from '../core/ids.ts'
import { generateKeys } from '../core/keys.ts'
import { unprovenConnections } from '../core/limits.ts'
import { silentLogger } from '../core/log.ts'
import { addressText, Connections, type PeerAddress } from './connections.ts'
import { credentialsOf, type PeerIdentity } from './peer-identity.ts'
import { makeIdentity, TestRoster, until } from './swarm-fixture.ts'

interface Listener {
  readonly connections: Connections
  readonly address: PeerAddress
  /** Those that were handed on. */
  readonly sockets: Socket[]
  readonly server: ReturnType<typeof createServer>
}

const open = (t: Test, identity: PeerIdentity, roster: TestRoster, handshakeMs = 10_000) => {
  const banned = new Set<VolunteerName>()
  const isBanned = (name: VolunteerName): boolean => banned.has(name)
  const parts = { identity, roster, isBanned, logger: silentLogger, handshakeMs }
  const connections = new Connections(parts)
  t.teardown(() => connections.stop())
  return { connections, banned }
}

const listen = async (
  t: Test,
  roster: TestRoster,
  handshakeMs = 10_000,
): Promise<Listener & { readonly banned: Set<VolunteerName> }> => {
  const identity = makeIdentity(roster)
  const { connections, banned } = open(t, identity, roster, handshakeMs)
  const server = createServer()
  const sockets: Socket[] = []
  connections.accept(server, socket => sockets.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const address = { name: identity.name, host: '127.0.0.1', port }
  return { connections, address, sockets, server, banned }
}

const ended = async (socket: Socket): Promise<void> => {
  socket.on('error', () => undefined)
  socket.resume()
  await until(() => socket.destroyed)
}

t.test('two volunteers know each other, and what they say passes', async t => {
  const roster = new TestRoster()
  const there = await listen(t, roster)
  const { connections } = open(t, makeIdentity(roster), roster)
  const ready = Promise.withResolvers<void>()
  const socket = connections.connect(there.address, ready.resolve)
  await ready.promise
  t.equal(connections.identityOf(socket), there.address.name)
  await until(() => there.sockets.length === 1)
  const [other] = there.sockets
  t.equal(other && there.connections.identityOf(other), connections.name)
  t.match([connections.size, there.connections.size], [1, 1])
  for (const part of ['one ', 'two ', 'three']) socket.write(part)
  let heard = ''
  other?.on('data', data => {
    heard += data
  })
  await until(() => heard === 'one two three')
  other?.end()
  await ended(socket)
  await until(() => connections.size + there.connections.size === 0)
  t.equal(connections.identityOf(socket), null)
})

t.test('nothing of a stranger gets through', async t => {
  const roster = new TestRoster()
  const there = await listen(t, roster)
  const { host, port } = there.address
  const greeting = Buffer.concat([Buffer.from('\u0013BitTorrent protocol'), Buffer.alloc(48)])
  const options = { host, port, rejectUnauthorized: false }
  const stranger = credentialsOf(makeIdentity(null))
  const old = { ...credentialsOf(makeIdentity(roster)), minVersion: 'TLSv1.2' } as const
  const attempts: Record<string, () => Socket> = {
    'plain text': () => connectPlain({ host, port }),
    'no certificate': () => connect(options),
    'a key that is in no roster': () => connect({ ...options, ...stranger }),
    'TLS 1.2': () => connect({ ...options, ...old, maxVersion: 'TLSv1.2' }),
  }
  for (const [what, attempt] of Object.entries(attempts)) {
    const socket = attempt()
    socket.on('error', () => undefined)
    socket.write(greeting)
    await ended(socket)
    t.strictSame(there.sockets, [], what)
  }
  await until(() => there.connections.size === 0)
})

t.test('who is banned is refused whatever its address', async t => {
  const roster = new TestRoster()
  const there = await listen(t, roster)
  const bad = makeIdentity(roster)
  there.banned.add(bad.name)
  const socket = connect({ ...there.address, ...credentialsOf(bad) })
  await ended(socket)
  t.strictSame(there.sockets, [])
})

t.test('another volunteer than the one that was wanted is not talked to', async t => {
  const roster = new TestRoster()
  const there = await listen(t, roster)
  const elsewhere = makeIdentity(roster)
  const { connections } = open(t, makeIdentity(roster), roster)
  const address = { ...there.address, name: elsewhere.name }
  const socket = connections.connect(address, () => t.fail('it has the wrong key'))
  await ended(socket)
  t.equal(connections.identityOf(socket), null)
})

t.test('who leaves the roster, or gets another key, is disconnected at once', async t => {
  const roster = new TestRoster()
  const there = await listen(t, roster)
  const stays = makeIdentity(roster)
  const leaves = makeIdentity(roster)
  const connect = async (identity: PeerIdentity): Promise<Socket> => {
    const ready = Promise.withResolvers<void>()
    const socket = open(t, identity, roster).connections.connect(there.address, ready.resolve)
    await ready.promise
    return socket
  }
  const staying = await connect(stays)
  const leaving = await connect(leaves)
  await until(() => there.sockets.length === 2)
  roster.remove(leaves.name)
  t.equal(there.sockets.filter(socket => socket.destroyed).length, 1)
  await ended(leaving)
  t.notOk(staying.destroyed)
  roster.remove(stays.name)
  roster.add(stays.name, generateKeys('ed25519').publicKey)
  await ended(staying)
  await until(() => there.connections.size === 0)
})

t.test('who connects and says nothing, or stops in the middle, is dropped', async t => {
  const roster = new TestRoster()
  const there = await listen(t, roster, 200)
  const silent = connectPlain(there.address)
  const stuck = connectPlain(there.address)
  // The beginning of a TLS record that never ends.
  stuck.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]))
  await Promise.all([ended(silent), ended(stuck)])
  await until(() => there.connections.size === 0)
  t.strictSame(there.sockets, [])
})

t.test('a server that never shakes hands is given up', async t => {
  const server = createServer(socket => socket.on('error', () => undefined))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const roster = new TestRoster()
  const { connections } = open(t, makeIdentity(roster), roster, 200)
  const name = 'nobody' as VolunteerName
  const socket = connections.connect({ name, host: '127.0.0.1', port }, () => t.fail('ready'))
  await ended(socket)
  await until(() => connections.size === 0)
})

t.test('any number of silent connections keep nobody else out', async t => {
  const roster = new TestRoster()
  const there = await listen(t, roster)
  const silent = Array.from({ length: 3 * unprovenConnections }, () =>
    connectPlain(there.address).on('error', () => undefined),
  )
  t.teardown(() => {
    for (const socket of silent) socket.destroy()
  })
  await until(() => there.connections.size >= unprovenConnections)
  const { connections } = open(t, makeIdentity(roster), roster)
  const ready = Promise.withResolvers<void>()
  connections.connect(there.address, ready.resolve).on('error', ready.reject)
  await ready.promise
  await until(() => there.sockets.length === 1)
  t.ok(there.connections.size <= unprovenConnections + 1, `${there.connections.size} open`)
})

t.test('it ends all it has when it stops', async t => {
  const roster = new TestRoster()
  const there = await listen(t, roster)
  const { connections } = open(t, makeIdentity(roster), roster)
  const ready = Promise.withResolvers<void>()
  const socket = connections.connect(there.address, ready.resolve)
  await ready.promise
  const silent = connectPlain(there.address)
  await until(() => there.connections.size === 2)
  there.connections.stop()
  await Promise.all([ended(socket), ended(silent)])
  await until(() => there.connections.size === 0)
})

t.test('addresses are written with brackets where that is needed', t => {
  t.equal(addressText({ host: '::1', port: 7 }), '[::1]:7')
  t.equal(addressText({ host: 'a.example', port: 7 }), 'a.example:7')
  t.end()
})
