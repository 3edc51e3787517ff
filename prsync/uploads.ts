// Answers one peer's requests for blocks, one after the other, each when the upload limit lets it
// pass. Whoever asks without measure, or asks and does not read, is disconnected.

import type Wire from 'bittorrent-protocol'
import { limitedSliceBytes, queuedBlockRequests, swarmRequestBytes } from '../core/limits.ts'
import type { RateLimiter } from '../core/rate-limiter.ts'
import type { BufferPool } from './buffer-pool.ts'
import { onceSent, sent } from './wire-pump.ts'

export interface UploadParts {
  readonly limiter: Pick<RateLimiter, 'limits' | 'take'>
  /** Is the piece here, verified? */
  readonly has: (index: number) => boolean
  /** Where messages are put together; without it each has memory of its own. */
  readonly pool?: BufferPool
  /** Fill `into` with a block; bytes beyond the member's end are zeros. */
  readonly read: (index: number, offset: number, into: Buffer) => Promise<void>
  /** A block could not be read. */
  readonly onFault: (error: unknown) => void
  readonly pieceLengthBytes: number
  /** The longest block that is sent; what volunteers ask for unless given. */
  readonly longestBytes?: number
  readonly drop: (wire: Wire, reason: string) => void
}

/** Length, id, piece and offset of a block's message. */
const headBytes = 13

interface Asked {
  readonly index: number
  readonly offset: number
  readonly length: number
}

class Upload {
  readonly #wire: Wire
  readonly #parts: UploadParts
  readonly #queue: Asked[] = []
  #current: { asked: Asked; cancel: AbortController } | undefined
  #closed = false

  constructor(wire: Wire, parts: UploadParts) {
    this.#wire = wire
    this.#parts = parts
  }

  ask(asked: Asked): void {
    const { index, offset, length } = asked
    if (
      length > (this.#parts.longestBytes ?? swarmRequestBytes) ||
      this.#wire.peerRequests.length > queuedBlockRequests
    ) {
      this.#parts.drop(this.#wire, 'asks for too much')
      return
    }
    const fits = offset >= 0 && length > 0 && offset + length <= this.#parts.pieceLengthBytes
    if (!fits || !this.#parts.has(index)) {
      this.#refuse(asked)
      return
    }
    this.#queue.push(asked)
    if (this.#current === undefined) void this.#work()
  }

  /** The peer no longer wants a block; if it waits for the limit, it waits no longer. */
  cancel(index: number, offset: number, length: number): void {
    const asked = this.#current?.asked
    if (asked?.index === index && asked.offset === offset && asked.length === length) {
      this.#current?.cancel.abort(new Error('cancelled'))
    }
  }

  close(): void {
    this.#closed = true
    this.#queue.length = 0
    this.#current?.cancel.abort(new Error('closed'))
  }

  async #work(): Promise<void> {
    for (let asked = this.#queue.shift(); asked !== undefined; asked = this.#queue.shift()) {
      // Cancelled, or choked, in the meantime.
      if (!this.#isWanted(asked)) continue
      const cancel = new AbortController()
      this.#current = { asked, cancel }
      try {
        await this.#pass(asked.length, cancel.signal)
        const { pool } = this.#parts
        const length = headBytes + asked.length
        const message = pool?.take(length) ?? Buffer.allocUnsafe(length)
        await this.#parts.read(asked.index, asked.offset, message.subarray(headBytes))
        // One after the other: what a peer does not read stays on the disk, not in memory.
        await sent(this.#wire)
        if (this.#closed || !this.#send(asked, message)) pool?.give(message)
      } catch (error) {
        if (!cancel.signal.aborted) this.#parts.onFault(error)
        if (!this.#closed) this.#refuse(asked)
      }
    }
    this.#current = undefined
  }

  /** Wait for the upload limit. */
  async #pass(length: number, signal: AbortSignal): Promise<void> {
    const { limiter } = this.#parts
    const slice = limiter.limits ? limitedSliceBytes : length
    for (let left = length; left > 0; left -= slice) {
      await limiter.take(Math.min(left, slice), 'swarm', signal)
    }
  }

  // A block may be asked for twice; any of the equal requests is answered, and each is once. (The
  // library's own callback drops both in that case.)

  #isWanted({ index, offset, length }: Asked): boolean {
    return this.#wire.peerRequests.some(
      request => request.piece === index && request.offset === offset && request.length === length,
    )
  }

  /** Send a block that follows the place for its head; false when nobody wants it any more. */
  #send({ index, offset, length }: Asked, message: Buffer): boolean {
    const request = this.#wire._pull(this.#wire.peerRequests, index, offset, length)
    if (request === null) return false
    message.writeUInt32BE(message.length - 4, 0)
    message[4] = 7
    message.writeUInt32BE(index, 5)
    message.writeUInt32BE(offset, 9)
    const { pool } = this.#parts
    if (pool !== undefined) onceSent(message, () => pool.give(message))
    this.#wire._push(message)
    this.#wire.emit('upload', length)
    return true
  }

  #refuse({ index, offset, length }: Asked): void {
    if (this.#wire.hasFast) this.#wire.reject(index, offset, length)
    else this.#wire._pull(this.#wire.peerRequests, index, offset, length)
  }
}

/** Answer this wire's requests until it closes. */
export const serveBlocks = (wire: Wire, parts: UploadParts): void => {
  const upload = new Upload(wire, parts)
  wire.removeAllListeners('request')
  wire.on('request', (index, offset, length) => upload.ask({ index, offset, length }))
  wire.on('cancel', (index, offset, length) => upload.cancel(index, offset, length))
  wire.once('close', () => upload.close())
}
