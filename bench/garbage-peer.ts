// Loaded into a volunteer before anything else (node --import): it does all that a volunteer does, but
// every block that it sends to others is random bytes of the right length.

import { randomFillSync } from 'node:crypto'
import Wire from 'bittorrent-protocol'

const { piece } = Wire.prototype

Wire.prototype.piece = function (index, offset, data): void {
  // What it gets from the origin passes a wire inside its own process.
  const isOwn = this.type === 'origin'
  piece.call(this, index, offset, isOwn ? data : randomFillSync(new Uint8Array(data.length)))
}
