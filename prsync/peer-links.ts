// The connections of one torrent: whom to connect to, which of two connections with the same peer to
// keep, whom to refuse, and which connections are of no more use.

import type Wire from 'bittorrent-protocol'
import Peer, { type Throttles } from 'webtorrent/lib/peer.js'
import type Torrent from 'webtorrent/lib/torrent.js'
import type { Clock, Random } from '../core/clock.ts'
import { idleWireMs, incomingPeersPerTorrent, peersPerTorrent } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import type { Bans } from './bans.ts'
import { addressText, type Connections, type PeerAddress } from './connections.ts'
import { isOrigin } from './fetcher.ts'
import { PeerBook } from './peer-book.ts'

export interface PeerLinksParts {
  readonly torrent: Torrent
  /** Our own name in the peer protocol. */
  readonly peerId: string
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

  /** Peers that the tracker named. */
  get known(): number {
    return this.#book.size
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
    const { torrent, connections, clock } = this.#parts
    const peers = [...(torrent._peers?.values() ?? [])]
    const outgoing = peers.filter(peer => peer.type === 'tcpOutgoing')
    const here = new Set<string>()
    for (const wire of this.wires()) if (wire.peerId !== null) here.add(wire.peerId)
    const room = peersPerTorrent - outgoing.length
    if (room <= 0) return
    for (const address of this.#book.due(clock.monotonicMs(), here, room)) {
      if (connections.full) return
      this.#connectTo(address)
    }
  }

  #connectTo(address: PeerAddress): void {
    const { torrent, connections, throttles, clock } = this.#parts
    const text = addressText(address)
    if (torrent._peers?.has(text)) return
    const socket = connections.connect(address)
    const peer = Peer.createTCPOutgoingPeer(text, torrent, throttles, 'tracker', 0)
    peer.conn = socket
    torrent._registerPeer(peer)
    this.#book.connecting(address)
    let useful = false
    peer.on('download', (bytes: number) => {
      // More than greetings: it sent blocks.
      if (bytes > 1024) useful = true
    })
    socket.once('connect', () => {
      if (!peer.destroyed) peer.onConnect()
    })
    socket.once('error', error => peer.destroy(error))
    socket.once('close', () => {
      this.#book.ended(address, useful, clock.monotonicMs())
      peer.destroy()
    })
    peer.startConnectTimeout()
  }

  /** A peer has greeted: why it should be refused, or null. May end an older connection instead. */
  welcome(wire: Wire, address: string | undefined): string | null {
    const { peerId, bans } = this.#parts
    const theirs = wire.peerId ?? ''
    const outgoing = wire.type === 'tcpOutgoing'
    if (outgoing && address !== undefined) this.#book.met(address, theirs)
    if (theirs === peerId) {
      if (address !== undefined) this.#book.shun(address)
      return 'it is this volunteer itself'
    }
    if (bans.has(theirs) || (outgoing && address !== undefined && bans.has(address))) {
      if (address !== undefined) this.#book.shun(address)
      return 'it sent bad pieces'
    }
    const other = this.wires().find(other => other !== wire && other.peerId === theirs)
    if (other === undefined) return null
    // Both ends keep the connection that the one with the smaller name began.
    const kept = peerId < theirs ? 'tcpOutgoing' : 'tcpIncoming'
    if (wire.type === other.type || wire.type !== kept) return 'it is connected already'
    this.drop(other, 'it connected again')
    return null
  }

  /** End a connection. */
  drop(wire: Wire, reason: string): void {
    const { torrent, logger } = this.#parts
    logger.debug({ infoHash: torrent.infoHash, peer: wire.peerId, reason }, 'a peer was dropped')
    const peer = this.#peerOf(wire)
    if (peer === undefined) wire.destroy()
    else peer.destroy()
  }

  /** This peer alone sent a bad piece: no more of it. */
  ban(wire: Wire): void {
    const address = this.#peerOf(wire)?.addr
    if (wire.peerId !== null) this.#parts.bans.add(wire.peerId)
    if (wire.type === 'tcpOutgoing' && typeof address === 'string') {
      this.#parts.bans.add(address)
      this.#book.shun(address)
    }
    this.drop(wire, 'it sent a bad piece')
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
