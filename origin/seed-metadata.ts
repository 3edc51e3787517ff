// Gives a torrent's info dictionary to clients that know only its hash, from a magnet link (BEP 9). They
// are somebody unknown: odd messages are dropped, and nobody gets it again and again.

import bencode from 'bencode'
import type Wire from 'bittorrent-protocol'
import { metadataRequestBytes, metadataTimes, seedUnreadBytes } from '../core/stock-limits.ts'

const extensionName = 'ut_metadata'
/** BEP 9: the parts in which it is asked for. */
const partBytes = 16_384

const kinds = { request: 0, data: 1, reject: 2 } as const

/** The part that a message asks for; null: it is no request. */
const partAsked = (message: Uint8Array): number | null => {
  if (message.length > metadataRequestBytes) return null
  try {
    const decoded = bencode.decode(message) as Readonly<Record<string, unknown>> | null
    const { msg_type: kind, piece } = decoded ?? {}
    return kind === kinds.request && typeof piece === 'number' ? piece : null
  } catch {
    // Not a message of this extension: as if it had not come.
    return null
  }
}

/** Answers requests for parts of `info`, each a few times. */
export class MetadataParts {
  readonly #info: Uint8Array
  #leftBytes: number

  constructor(info: Uint8Array) {
    this.#info = info
    this.#leftBytes = metadataTimes * info.length
  }

  /** The message to send; null: none. */
  answer(message: Uint8Array): Uint8Array | null {
    const piece = partAsked(message)
    if (piece === null) return null
    const start = piece * partBytes
    const isThere = Number.isSafeInteger(piece) && piece >= 0 && start < this.#info.length
    if (!isThere || this.#leftBytes <= 0) return bencode.encode({ msg_type: kinds.reject, piece })
    const part = this.#info.subarray(start, start + partBytes)
    this.#leftBytes -= part.length
    const head = { msg_type: kinds.data, piece, total_size: this.#info.length }
    return Buffer.concat([bencode.encode(head), part])
  }
}

export interface MetadataOffer {
  readonly info: Uint8Array
  /** Bytes that the client has not read yet. */
  readonly unsentBytes: () => number
  /** So much was sent. */
  readonly onBytes: (bytes: number) => void
}

/** To be called before the handshake is sent. Who asks without reading is disconnected. */
export const offerMetadata = (wire: Wire, { info, unsentBytes, onBytes }: MetadataOffer): void => {
  const parts = new MetadataParts(info)
  class Metadata {
    onMessage(message: Uint8Array): void {
      const answer = parts.answer(message)
      if (answer === null || wire.destroyed) return
      if (unsentBytes() > seedUnreadBytes) throw new Error('does not read what it asked for')
      wire.extended(extensionName, answer)
      onBytes(answer.length)
    }
  }
  Object.defineProperty(Metadata.prototype, 'name', { value: extensionName })
  wire.extendedHandshake.metadata_size = info.length
  wire.use(Metadata)
}
