// Talks with the peers of one torrent about progress: pieces that are here now, in one write for many;
// pieces that are wanted; pieces that are being fetched from the origin, told before anyone else begins.

import type Wire from 'bittorrent-protocol'
import type { Clock } from '../core/clock.ts'
import { pieceNewsMs, sharePulseMs } from '../core/limits.ts'
import { decodeShareMessage, encodeShareMessage, shareExtension } from './share-message.ts'
import { type Sharer, Sharers } from './sharers.ts'

export interface ShareTalkParts {
  readonly infoHash: string
  /** This volunteer's name. */
  readonly self: string
  readonly pieceCount: number
  /** Whose connection it is, if that is known. */
  readonly nameOf: (wire: Wire) => string | null
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** What others do has changed: something else may be asked of the origin now. */
  readonly onChange: () => void
}

interface Listener {
  readonly sharer: Sharer
  /** It understands the extension. */
  ready: boolean
}

const haveBytes = 9

/** Messages "have" for all these pieces. */
const haveMessages = (pieces: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(haveBytes * pieces.length)
  pieces.forEach((piece, k) => {
    bytes.writeUInt32BE(5, k * haveBytes)
    bytes[k * haveBytes + 4] = 4
    bytes.writeUInt32BE(piece, k * haveBytes + 5)
  })
  return bytes
}

export class ShareTalk {
  readonly sharers: Sharers
  readonly #parts: ShareTalkParts
  readonly #listeners = new Map<Wire, Listener>()
  readonly #wanted: Buffer
  readonly #fetching = new Set<number>()
  /** Here since the last time that was told. */
  #news: number[] = []
  #timer: NodeJS.Timeout | undefined
  #urgent = false
  #newWishes = false
  #asks = true
  #pulseMs = 0

  constructor(parts: ShareTalkParts) {
    this.#parts = parts
    const { infoHash, self, pieceCount } = parts
    this.sharers = new Sharers({ salt: infoHash, self, pieceCount })
    this.#wanted = Buffer.alloc(Math.ceil(pieceCount / 8))
  }

  /** A connection is there, before its greetings are over. */
  add(wire: Wire): void {
    const { sharers } = this
    const { nameOf, clock, pieceCount, onChange } = this.#parts
    const sharer = sharers.join(nameOf(wire), clock.monotonicMs())
    const listener: Listener = { sharer, ready: false }
    this.#listeners.set(wire, listener)
    wire.use(
      extension({
        onReady: () => {
          listener.ready = true
          this.#send(wire, encodeShareMessage({ kind: 'wants', pieces: this.#wanted }))
          this.#send(wire, this.#fetchingMessage())
        },
        onMessage: data => {
          const message = decodeShareMessage(data, pieceCount)
          if (message === null) return
          sharers.told(sharer, message, clock.monotonicMs())
          onChange()
        },
      }),
    )
    wire.on('have', index => {
      sharers.heard(sharer, clock.monotonicMs())
      sharers.has(sharer, index)
    })
    wire.on('piece', () => sharers.heard(sharer, clock.monotonicMs()))
    wire.once('close', () => {
      this.#listeners.delete(wire)
      sharers.leave(sharer, clock.monotonicMs())
      onChange()
    })
  }

  /** What is wanted and not here. */
  setWanted(pieces: Iterable<number>): void {
    this.#wanted.fill(0)
    for (const piece of pieces) {
      this.#wanted[piece >> 3] = (this.#wanted[piece >> 3] ?? 0) | (0x80 >> (piece & 7))
    }
    this.#newWishes = true
    this.#flushSoon()
  }

  /** The origin was asked for a piece. */
  fetching(piece: number): void {
    this.#fetching.add(piece)
    if (this.#urgent) return
    this.#urgent = true
    queueMicrotask(() => this.#flush())
  }

  /** That has ended without the piece. */
  failed(piece: number): void {
    if (this.#fetching.delete(piece)) this.#flushSoon()
  }

  /** A piece is here. */
  has(piece: number): void {
    this.#fetching.delete(piece)
    this.#news.push(piece)
    this.#flushSoon()
  }

  /** `asks`: may the origin be asked at all now? */
  tick(asks: boolean): void {
    const nowMs = this.#parts.clock.monotonicMs()
    this.sharers.tick(nowMs)
    if (asks === this.#asks && nowMs - this.#pulseMs < sharePulseMs) return
    this.#asks = asks
    this.#flush()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #fetchingMessage(): Buffer {
    return encodeShareMessage({ kind: 'fetching', pieces: [...this.#fetching], asks: this.#asks })
  }

  #flushSoon(): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => this.#flush(), pieceNewsMs)
    this.#timer.unref()
  }

  /** Tell what is new: first what is here, then what is not being fetched any more. */
  #flush(): void {
    this.stop()
    this.#urgent = false
    this.#pulseMs = this.#parts.clock.monotonicMs()
    const news = this.#news
    this.#news = []
    for (const wire of this.#listeners.keys()) {
      if (wire.destroyed) continue
      const unknown = news.filter(piece => !wire.peerPieces.get(piece))
      if (unknown.length > 0) wire._push(haveMessages(unknown))
    }
    if (this.#newWishes) {
      this.#newWishes = false
      this.#sendAll(encodeShareMessage({ kind: 'wants', pieces: this.#wanted }))
    }
    this.#sendAll(this.#fetchingMessage())
  }

  #sendAll(message: Buffer): void {
    for (const [wire, { ready }] of this.#listeners) if (ready) this.#send(wire, message)
  }

  #send(wire: Wire, message: Buffer): void {
    if (!wire.destroyed) wire.extended(shareExtension, message)
  }
}

interface ExtensionEvents {
  readonly onReady: () => void
  /** What it throws ends the connection. */
  readonly onMessage: (data: Uint8Array) => void
}

/** What `Wire.use` takes: a class whose prototype has the extension's name. */
const extension = ({ onReady, onMessage }: ExtensionEvents): unknown => {
  class ShareExtension {
    onExtendedHandshake(): void {
      onReady()
    }

    onMessage(data: Uint8Array): void {
      onMessage(data)
    }
  }
  Object.defineProperty(ShareExtension.prototype, 'name', { value: shareExtension })
  return ShareExtension
}
