// The connections of one torrent: whom to connect to, which of two connections with the same peer to
// keep, whom to refuse, and which connections are of no more use.

import type Wire from 'bittorrent-protocol'
import Peer, { type Throttles } from 'webtorrent/lib/peer.js'
import type Torrent from 'webtorrent/lib/torrent.js'
import type { Clock, Random } from '../core/clock.ts'
import type { VolunteerName } from '../core/ids.ts'
import { idleWireMs, incomingPeersPerTorrent, peersPerTorrent } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import type { Bans } from './bans.ts'
import { addressText, type Connections, type PeerAddress } from './connections.ts'
import { isOrigin } from './origin-wire.ts'
import { PeerBook } from './peer-book.ts'

export interface PeerLinksParts {
  readonly torrent: Torrent
  readonly throttles: Throttles
  readonly connections: Connections
  readonly bans: Bans
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly random: Random
  readonly logger: Logger
}

export class PeerLinks {
  readonly #parts: PeerLinksParts
  readonly #book: PeerBook
  /** Since when each connection is of no interest to either side. */
  readonly #idleSinceMs = new WeakMap<Wire, number>()

  constructor(parts: PeerLinksParts) {
    this.#parts = parts
    this.#book = new PeerBook(parts.random)
  }

  /** Whose connection this is; null for the origin's, and once it has ended. */
  nameOf(wire: Wire): VolunteerName | null {
    const socket = this.#peerOf(wire)?.conn ?? null
    return socket === null ? null : this.#parts.connections.identityOf(socket)
  }

  /** Peers that the tracker named. */
  get known(): number {
    return this.#book.size
  }

  /** Connections to peers that have been begun and are not there yet. */
  get pending(): number {
    const peers = [...(this.#parts.torrent._peers?.values() ?? [])]
    return peers.filter(({ type, wire }) => {
      if (type !== 'tcpOutgoing') return false
      return wire === null || !this.#parts.torrent.wires.includes(wire)
    }).length
  }

  setPeers(addresses: readonly PeerAddress[]): void {
    this.#book.set(addresses)
  }

  wires(): Wire[] {
    return this.#parts.torrent.wires.filter(wire => !isOrigin(wire))
  }

  /** Is there room for one more that connects to us? */
  hasRoom(): boolean {
    const peers = [...(this.#parts.torrent._peers?.values() ?? [])]
    const incoming = peers.filter(peer => peer.type === 'tcpIncoming')
    return incoming.length < incomingPeersPerTorrent
  }

  /** Connect to known peers, as many as there should be. */
  connect(): void {
    const { torrent, connections, bans, clock } = this.#parts
    const peers = [...(torrent._peers?.values() ?? [])]
    const outgoing = peers.filter(peer => peer.type === 'tcpOutgoing')
    const here = new Set(this.wires().map(wire => this.nameOf(wire)))
    const room = peersPerTorrent - outgoing.length
    if (room <= 0) return
    const skip = (name: VolunteerName): boolean => here.has(name) || bans.has(name)
    for (const address of this.#book.due(clock.monotonicMs(), skip, room)) {
      if (connections.full) return
      this.#connectTo(address)
    }
  }

  #connectTo(address: PeerAddress): void {
    const { torrent, connections, throttles, clock } = this.#parts
    const { name } = address
    if (torrent._peers?.has(name)) return
    const peer = Peer.createTCPOutgoingPeer(name, torrent, throttles, 'tracker', 0)
    // The library reads host and port out of this, and knows the peer by its name.
    peer.addr = addressText(address)
    const socket = connections.connect(address, () => {
      if (!peer.destroyed) peer.onConnect()
    })
    peer.conn = socket
    torrent._registerPeer(peer)
    this.#book.connecting(name)
    let useful = false
    peer.on('download', (bytes: number) => {
      // More than greetings: it sent blocks.
      if (bytes > 1024) useful = true
    })
    socket.once('error', error => peer.destroy(error))
    socket.once('close', () => {
      this.#book.ended(name, useful, clock.monotonicMs())
      peer.destroy()
    })
    peer.startConnectTimeout()
  }

  /** A peer has greeted: why it should be refused, or null. May end an older connection instead. */
  welcome(wire: Wire): string | null {
    const name = this.nameOf(wire)
    if (name === null) return 'nobody knows whose it is'
    if (this.#parts.bans.has(name)) return 'it sent bad pieces'
    const other = this.wires().find(other => other !== wire && this.nameOf(other) === name)
    if (other === undefined) return null
    const own = this.#parts.connections.name
    // Both ends keep the connection that the one with the smaller name began.
    const kept = own < name ? 'tcpOutgoing' : 'tcpIncoming'
    // With another peer id it has started anew: the older connection leads nowhere.
    const renewed = other.peerId !== wire.peerId
    if (!renewed && (wire.type === other.type || wire.type !== kept))
      return 'it is connected already'
    this.drop(other, 'it connected again')
    return null
  }

  /** End a connection. */
  drop(wire: Wire, reason: string): void {
    const { torrent, logger } = this.#parts
    const fields = { infoHash: torrent.infoHash, peer: this.nameOf(wire), reason }
    logger.debug(fields, 'a peer was dropped')
    const peer = this.#peerOf(wire)
    if (peer === undefined) wire.destroy()
    else peer.destroy()
  }

  /** This peer alone sent a bad piece: no more of it, here and in all other torrents. */
  ban(wire: Wire): void {
    const { bans, connections } = this.#parts
    const name = this.nameOf(wire)
    this.drop(wire, 'it sent a bad piece')
    if (name === null) return
    bans.add(name)
    connections.close(name)
  }

  /** End connections that neither side has any interest in. */
  dropIdle(): void {
    const nowMs = this.#parts.clock.monotonicMs()
    for (const wire of this.wires()) {
      if (wire.amInterested || wire.peerInterested) this.#idleSinceMs.delete(wire)
      else {
        const sinceMs = this.#idleSinceMs.get(wire) ?? nowMs
        this.#idleSinceMs.set(wire, sinceMs)
        if (nowMs - sinceMs >= idleWireMs) this.drop(wire, 'it is idle')
      }
    }
  }

  #peerOf(wire: Wire): Peer | undefined {
    return [...(this.#parts.torrent._peers?.values() ?? [])].find(peer => peer.wire === wire)
  }
}
