// For tests: peers that speak the protocol but behave as the test says.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:tls'
import Wire from 'bittorrent-protocol'
import type { Test } from 'tap'
import type { PeerAddress } from './connections.ts'
import { credentialsOf, type PeerIdentity } from './peer-identity.ts'
import { makeIdentity } from './swarm-fixture.ts'

/** A peer that claims to have all; `behave` says how it answers requests. */
export const startPeer = async (
  t: Test,
  behave: (wire: Wire) => void,
  identity: PeerIdentity = makeIdentity(),
): Promise<PeerAddress> => {
  const sockets = new Set<Socket>()
  const server = createServer(credentialsOf(identity), socket => {
    sockets.add(socket)
    const wire = new Wire()
    socket.on('error', () => undefined)
    wire.on('error', () => undefined)
    socket.pipe(wire as never)
    wire.pipe(socket)
    wire.once('handshake', infoHash => {
      wire.handshake(infoHash, randomBytes(20).toString('hex'), { fast: true })
      wire.haveAll()
    })
    wire.on('interested', () => wire.unchoke())
    behave(wire)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { name: identity.name, host: '127.0.0.1', port }
}
