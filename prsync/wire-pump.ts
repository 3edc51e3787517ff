// Carries bytes between a peer's socket and its wire without the chain of streams that webtorrent puts
// there, which costs more than TLS does. The download limit holds up the socket itself. It knows
// nothing of messages.

import type { Socket } from 'node:net'
import Wire from 'bittorrent-protocol'
import Peer, { type Limiter } from 'webtorrent/lib/peer.js'

const sockets = new WeakMap<Wire, Socket>()
const afterwards = new WeakMap<Uint8Array, () => void>()

/** Call `done` when these bytes, about to be pushed by a wire, have been sent (never, if they are not). */
export const onceSent = (data: Uint8Array, done: () => void): void => {
  afterwards.set(data, done)
}

/** Resolves when the peer has read what was sent to it, or has gone. */
export const sent = async (wire: Wire): Promise<void> => {
  const socket = sockets.get(wire)
  if (socket === undefined || socket.destroyed || !socket.writableNeedDrain) return
  await new Promise<void>(resolve => {
    const settle = (): void => {
      socket.removeListener('drain', settle)
      socket.removeListener('close', settle)
      resolve()
    }
    socket.once('drain', settle)
    socket.once('close', settle)
  })
}

const pump = (peer: Peer, wire: Wire, socket: Socket, limiter: Limiter | null): void => {
  sockets.set(wire, socket)
  wire._push = data => {
    if (wire._finished || socket.destroyed) return
    const done = afterwards.get(data)
    if (done === undefined) socket.write(data)
    else socket.write(data, error => (error === null || error === undefined ? done() : undefined))
  }
  const parsed = (error: Error | null): void => {
    if (error !== null) peer.destroy(error)
  }
  const feed = (data: Buffer): void => {
    peer.emit('download', data.length)
    if (!peer.destroyed) wire._write(data, parsed)
  }
  const ended = new AbortController()
  socket.once('close', () => ended.abort(new Error('the connection is closed')))
  socket.on('data', (data: Buffer) => {
    if (peer.destroyed) return
    if (limiter === null || limiter.takeNow(data.length, 'swarm')) {
      feed(data)
      return
    }
    socket.pause()
    limiter.take(data.length, 'swarm', ended.signal).then(
      () => {
        feed(data)
        socket.resume()
      },
      // The connection is closed: nobody waits for what came last.
      () => undefined,
    )
  })
  // What nobody pushes is never read; so that its end is noticed.
  wire.resume()
}

let replaced = false

/** Connect all peers' sockets and wires of this process so; calling it again changes nothing. */
export const pumpPeers = (): void => {
  if (replaced) return
  replaced = true
  const { setThrottlePipes } = Peer.prototype
  Peer.prototype.setThrottlePipes = function (): void {
    const { conn, wire } = this
    if (conn === null || wire === null || conn instanceof Wire) setThrottlePipes.call(this)
    else pump(this, wire, conn, this.throttleGroups.down.limiter ?? null)
  }
}
