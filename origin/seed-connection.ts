// One stock BitTorrent client that has connected: it greets, asks for blocks and gets them, at the pace
// at which it reads and the upload limit lets pass. Nothing is ever asked of it. It belongs to
// somebody unknown, so every message has a bound, and who breaks one is disconnected.

import { once } from 'node:events'
import type { Socket } from 'node:net'
import Wire from 'bittorrent-protocol'
import { describeError } from '../core/errors.ts'
import { queuedBlockRequests } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import type { RateLimiter } from '../core/rate-limiter.ts'
import {
  seedMessageBytes,
  seedRequestBytes,
  seedUnreadBytes,
  seedUnsentBytes,
} from '../core/stock-limits.ts'
import { guardWires } from '../prsync/guarded-wire.ts'
import { serveBlocks } from '../prsync/uploads.ts'
import { offerMetadata } from './seed-metadata.ts'
import type { SeedTorrent, SeedTorrents } from './seed-torrents.ts'

export interface SeedConnectionParts {
  readonly torrents: SeedTorrents
  /** What the origin sends to volunteers and stock clients together; null: no limit. */
  readonly limiter: Pick<RateLimiter, 'take'> | null
  readonly logger: Logger
  /** 40 hexadecimal digits. */
  readonly peerId: string
  /** It asked for a torrent that is here. */
  readonly onGreeted: () => void
  /** Bytes of blocks were sent. */
  readonly onBytes: (bytes: number) => void
}

/** A wire that takes only what a client that downloads has to say. */
class SeedWire extends Wire {
  /** Bytes that wait for the client to read them. */
  unsentBytes: () => number = () => 0

  override _onMessageLength(data: Uint8Array): void {
    const length = Buffer.from(data.buffer, data.byteOffset, 4).readUInt32BE()
    if (length > seedMessageBytes) throw new Error(`a message of ${length} bytes`)
    super._onMessageLength(data)
  }

  override _onRequest(index: number, offset: number, length: number): void {
    // Each one that is refused adds to what waits.
    if (this.unsentBytes() > seedUnreadBytes) throw new Error('does not read what it asked for')
    super._onRequest(index, offset, length)
  }

  override _onHave(): void {
    // What it has is of no interest, and not remembered.
  }

  override _onPiece(): void {
    throw new Error('blocks that nobody asked for')
  }
}

export class SeedConnection {
  readonly #socket: Socket
  readonly #parts: SeedConnectionParts
  readonly #wire = new SeedWire('tcpIncoming')
  #waitingForLimit = 0

  constructor(socket: Socket, parts: SeedConnectionParts) {
    guardWires()
    this.#socket = socket
    this.#parts = parts
    this.#wire.unsentBytes = () => this.#unsentBytes
    this.#connect()
    this.#wire.once('handshake', infoHash => this.#greet(infoHash))
  }

  /** Is it the origin that makes the client wait? */
  get isHeldBack(): boolean {
    return this.#waitingForLimit > 0
  }

  /** Bytes that the client, or at least the kernel, has taken. */
  get sentBytes(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength
  }

  get #unsentBytes(): number {
    return this.#socket.writableLength + this.#wire._readableState.buffered
  }

  close(reason: string): void {
    if (this.#socket.destroyed) return
    const { remoteAddress: address, remotePort: port } = this.#socket
    this.#parts.logger.debug({ address, port, reason }, 'a BitTorrent client was disconnected')
    this.#socket.destroy()
  }

  /** What comes goes into the wire, what it says goes out; when either ends, both do. */
  #connect(): void {
    const [socket, wire] = [this.#socket, this.#wire]
    socket.on('data', data => {
      if (!wire.destroyed && !wire.write(data)) socket.pause()
    })
    wire.on('drain', () => socket.resume())
    wire.on('data', (data: Uint8Array) => {
      if (!socket.destroyed) socket.write(data)
    })
    wire.on('error', error => this.close(describeError(error)))
    wire.once('end', () => this.close('it said nothing more'))
    wire.once('close', () => this.close('it speaks no BitTorrent'))
    socket.once('end', () => this.close('it has hung up'))
    socket.once('close', () => wire.destroy())
  }

  #greet(infoHash: string): void {
    const { torrents, peerId, onGreeted, onBytes } = this.#parts
    const torrent = torrents.find(infoHash)
    if (torrent === null) {
      this.close('it asks for an unknown torrent')
      return
    }
    onGreeted()
    const wire = this.#wire
    wire.extendedHandshake.reqq = queuedBlockRequests
    // It will never want anything (BEP 21).
    wire.extendedHandshake.upload_only = 1
    if (torrent.info !== null) {
      const { info } = torrent
      offerMetadata(wire, { info, onBytes, unsentBytes: () => this.#unsentBytes })
    }
    wire.handshake(infoHash, peerId, { fast: true })
    this.#offer(torrent)
    this.#serve(torrent)
    wire.on('upload', onBytes)
    wire.on('interested', () => wire.unchoke())
    // Of no interest either, and up to 64 KiB.
    wire.on('bitfield', () => {
      wire.peerPieces = { buffer: new Uint8Array(), get: () => false, set: () => undefined }
    })
  }

  #offer(torrent: SeedTorrent): void {
    const { pieceCount } = torrent.layout
    if (torrent.gone.size === 0 && this.#wire.hasFast) {
      this.#wire.haveAll()
      return
    }
    const bits = new Uint8Array(Math.ceil(pieceCount / 8))
    for (let index = 0; index < pieceCount; index++) {
      if (!this.#parts.torrents.has(torrent, index)) continue
      bits[index >> 3] = (bits[index >> 3] ?? 0) | (0x80 >> (index & 7))
    }
    this.#wire.bitfield(bits)
  }

  #serve(torrent: SeedTorrent): void {
    const { torrents } = this.#parts
    serveBlocks(this.#wire, {
      limiter: {
        // Waits for the client too, so a block is read from the disk only for one that takes it.
        limits: true,
        take: (bytes, _priority, signal) => this.#pass(bytes, signal),
      },
      has: index => torrents.has(torrent, index),
      read: async (index, offset, into) => {
        into.set(await torrents.read(torrent, index, offset, into.length))
      },
      // Its bitfield is wrong now: it will get a new one when it comes back.
      onFault: error => this.close(`a block cannot be read: ${describeError(error)}`),
      pieceLengthBytes: torrent.layout.pieceLengthBytes,
      longestBytes: seedRequestBytes,
      drop: (_wire, reason) => this.close(reason),
    })
  }

  async #pass(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (this.#socket.writableLength > seedUnsentBytes) {
      await once(this.#socket, 'drain', signal === undefined ? {} : { signal })
    }
    this.#waitingForLimit++
    try {
      await this.#parts.limiter?.take(bytes, 'swarm', signal)
    } finally {
      this.#waitingForLimit--
    }
  }
}
