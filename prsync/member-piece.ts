// A piece being assembled, of its member's real length: padding is neither asked for nor sent.

import type Wire from 'bittorrent-protocol'
import Piece from 'torrent-piece'

export class MemberPiece extends Piece {
  /** Blocks (or runs of blocks) asked for and not answered. */
  underway = 0
  /** Bad before and nobody to blame: now one peer alone must supply all of it. */
  readonly sole: boolean
  #supplier: Wire | null = null

  constructor(length: number, sole = false) {
    super(length)
    this.sole = sole
  }

  /** Are there blocks that nobody has been asked for? */
  get open(): boolean {
    if (this._flushed) return false
    return (this._cancellations?.length ?? 0) > 0 || this._reservations < this._chunks
  }

  mayAsk(wire: Wire): boolean {
    return this.open && (!this.sole || this.#supplier === null || this.#supplier === wire)
  }

  asked(wire: Wire): void {
    this.underway++
    this.#supplier = wire
  }
}
