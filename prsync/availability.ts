// How many connected peers have each piece of a torrent. Counts are kept up as peers announce single
// pieces, and made anew, when next asked for, after anything larger happened.

import type Wire from 'bittorrent-protocol'
import type { PieceSet } from 'bittorrent-protocol'

export class Availability {
  readonly #counts: Uint16Array
  readonly #peers: () => Iterable<Wire>
  readonly #offers: (wire: Wire, piece: number) => boolean
  #stale = false

  /** `peers` are the connections that count now, `offers` says what each of them has. */
  constructor(
    pieceCount: number,
    peers: () => Iterable<Wire>,
    offers: (wire: Wire, piece: number) => boolean,
  ) {
    this.#counts = new Uint16Array(pieceCount)
    this.#peers = peers
    this.#offers = offers
  }

  of(piece: number): number {
    if (this.#stale) this.#recount()
    return this.#counts[piece] ?? 0
  }

  /** A peer announced one more piece. */
  announced(piece: number): void {
    if (this.#stale) return
    const count = this.#counts[piece]
    if (count !== undefined) this.#counts[piece] = count + 1
  }

  /** A peer came, went, or announced much at once. */
  changed(): void {
    this.#stale = true
  }

  #recount(): void {
    this.#stale = false
    this.#counts.fill(0)
    for (const wire of this.#peers()) {
      for (let piece = 0; piece < this.#counts.length; piece++) {
        if (this.#offers(wire, piece)) this.#counts[piece] = (this.#counts[piece] ?? 0) + 1
      }
    }
  }
}

/** All pieces, of which single ones may turn out to be missing; the library's own cannot say so. */
export class AllPieces implements PieceSet {
  readonly buffer: Uint8Array

  constructor(pieceCount: number) {
    this.buffer = new Uint8Array(Math.ceil(pieceCount / 8)).fill(0xff)
  }

  get(index: number): boolean {
    return ((this.buffer[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0
  }

  set(index: number, value = true): void {
    const byte = this.buffer[index >> 3]
    const bit = 0x80 >> (index & 7)
    if (byte !== undefined) this.buffer[index >> 3] = value ? byte | bit : byte & ~bit
  }
}
