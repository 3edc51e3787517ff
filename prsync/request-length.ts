// How long one request to a peer is: volunteers take up to 256 KiB at once from each other, which saves
// most of the work that a block costs; stock clients take blocks of 16 KiB, as is custom (BEP 3).

import type Wire from 'bittorrent-protocol'
import Piece from 'torrent-piece'
import { requestAheadMs, swarmRequestBytes } from '../core/limits.ts'

/** What this volunteer says in its extended handshake (BEP 10): the longest request that it takes. */
export const longestRequestField = 'ms_request'

/** The longest request that a peer takes. */
const takenBytes = (wire: Wire): number => {
  const said = wire.peerExtendedHandshake[longestRequestField]
  if (typeof said !== 'number' || !(said >= Piece.BLOCK_LENGTH)) return Piece.BLOCK_LENGTH
  return Math.min(said, swarmRequestBytes)
}

/** What to ask this peer for in one request: what it sends in a moment, so that none takes long. */
export const usefulRequestBytes = (wire: Wire): number => {
  const soonBytes = (wire.downloadSpeed() * requestAheadMs) / 1000
  // Of a new connection nothing is known.
  return Math.min(takenBytes(wire), Math.max(4 * Piece.BLOCK_LENGTH, soonBytes))
}
