// A piece being assembled, of its member's real length: padding is neither asked for nor sent, and of
// a piece that local bytes cover in part only what is lacking. Knows who supplied which block.

import { createHash } from 'node:crypto'
import type Wire from 'bittorrent-protocol'
import Piece from 'torrent-piece'
import type { BufferPool } from './buffer-pool.ts'
import { blocksOf } from './logic/lacking.ts'
import { type Run, runsBytes } from './logic/runs.ts'

/** Bytes that came from elsewhere, at their place in the piece. */
export interface Fetched {
  readonly offset: number
  readonly data: Uint8Array
}

/** A block of a piece that was bad; once the right bytes are known, it shows who lied. */
export interface Suspect {
  readonly offset: number
  readonly length: number
  readonly digest: Buffer
  readonly supplier: Wire
}

export interface MemberPieceOptions {
  /** Bad before and nobody to blame: now one peer alone must supply all of it. */
  readonly sole?: boolean
  /** What to fetch; absent for an ordinary piece of which nothing is here. */
  readonly lacking?: readonly Run[] | null
  readonly suspects?: readonly Suspect[]
}

const digestOf = (data: Uint8Array): Buffer => createHash('sha1').update(data).digest()

/** One view of two parts that lie side by side, in the piece and in memory; else null. */
const joinedView = (last: Fetched, offset: number, data: Uint8Array): Fetched | null => {
  const { buffer, byteOffset, length } = last.data
  const isNext =
    last.offset + length === offset &&
    buffer === data.buffer &&
    byteOffset + length === data.byteOffset
  if (!isNext) return null
  return { offset: last.offset, data: new Uint8Array(buffer, byteOffset, length + data.length) }
}

export class MemberPiece extends Piece {
  /** Blocks (or runs of blocks) asked for and not answered. */
  underway = 0
  readonly sole: boolean
  /** What to fetch, exactly; null for an ordinary piece: all of it. */
  readonly lacking: readonly Run[] | null
  readonly suspects: readonly Suspect[]
  /** Bytes to fetch. */
  readonly lackingBytes: number
  #supplier: Wire | null = null
  /** The blocks of what is lacking, cut when the first is asked for. */
  #blocks: readonly Run[] | null = null
  #suppliers: (Wire | undefined)[] = []
  /** Of an ordinary piece: all of its bytes, each put in its place as it comes. */
  #whole: Uint8Array | null = null

  constructor(length: number, options: MemberPieceOptions = {}) {
    super(length)
    this.sole = options.sole ?? false
    this.lacking = options.lacking ?? null
    this.suspects = options.suspects ?? []
    this.lackingBytes = this.lacking === null ? length : runsBytes(this.lacking)
  }

  /** Are some of its bytes local ones, which nobody vouches for? */
  get isPartlyLocal(): boolean {
    return this.lackingBytes < this.length
  }

  /** Are there blocks that nobody has been asked for? */
  get open(): boolean {
    if (this._flushed) return false
    if (this.lacking !== null && this.#blocks === null) return true
    return (this._cancellations?.length ?? 0) > 0 || this._reservations < this._chunks
  }

  mayAsk(wire: Wire): boolean {
    return this.open && (!this.sole || this.#supplier === null || this.#supplier === wire)
  }

  asked(wire: Wire): void {
    this.underway++
    this.#supplier = wire
  }

  /** Blocks that follow one another and that nobody has been asked for: one, or up to `mostBytes`. */
  reserveRun(mostBytes: number): number[] {
    const blocks: number[] = []
    let endOffset = -1
    let bytes = 0
    for (let block = this.reserve(); block !== -1; block = this.reserve()) {
      const length = this.chunkLength(block)
      const follows = this.chunkOffset(block) === endOffset && bytes + length <= mostBytes
      if (blocks.length > 0 && !follows) {
        this.cancel(block)
        break
      }
      blocks.push(block)
      bytes += length
      endOffset = this.chunkOffset(block) + length
    }
    return blocks
  }

  /** All blocks that nobody has been asked for. */
  reserveAll(): number[] {
    const blocks: number[] = []
    for (let block = this.reserve(); block !== -1; block = this.reserve()) blocks.push(block)
    return blocks.sort((a, b) => a - b)
  }

  override init(): boolean {
    if (this.lacking !== null && this.#blocks === null) {
      this.#blocks = blocksOf(this.lacking, Piece.BLOCK_LENGTH)
      this._chunks = this.#blocks.length
    }
    return super.init()
  }

  override chunkOffset(block: number): number {
    return this.#blocks === null ? super.chunkOffset(block) : (this.#blocks[block]?.offset ?? 0)
  }

  override chunkLength(block: number): number {
    return this.#blocks === null ? super.chunkLength(block) : (this.#blocks[block]?.length ?? 0)
  }

  /** Where these bytes of an ordinary piece belong; the buffer is taken when the first come. */
  placeFor(block: number, length: number, pool: BufferPool): Uint8Array {
    this.#whole ??= pool.take(this.length)
    const offset = this.chunkOffset(block)
    return this.#whole.subarray(offset, offset + length)
  }

  /** The piece's buffer, for being used again: nobody is about to write there, nor reads any more. */
  release(): Uint8Array | null {
    const whole = this.underway === 0 ? this.#whole : null
    this.#whole = null
    return whole
  }

  override set(block: number, data: Uint8Array, supplier: Wire): boolean {
    const count = Math.ceil(data.length / Piece.BLOCK_LENGTH)
    for (let k = block; k < block + count; k++) this.#suppliers[k] ??= supplier
    return super.set(block, data, supplier)
  }

  /** The whole piece, when all of it was put in its place. */
  get whole(): Uint8Array | null {
    return this.#whole
  }

  /** What was fetched, once all is here, a part for each supplier in turn. Null if it is not complete. */
  take(): Fetched[] | null {
    const buffers = this._buffer
    if (buffers === null || this._buffered !== this._chunks) return null
    const fetched: Fetched[] = []
    let before: Wire | undefined
    buffers.forEach((data, block) => {
      const offset = this.chunkOffset(block)
      const last = fetched.at(-1)
      const supplier = this.#suppliers[block]
      const joined =
        last === undefined || supplier !== before ? null : joinedView(last, offset, data)
      before = supplier
      if (joined === null) fetched.push({ offset, data })
      else fetched[fetched.length - 1] = joined
    })
    this._buffer = null
    this._cancellations = null
    this.sources = null
    this._flushed = true
    return fetched
  }

  #blockAt(offset: number): number {
    if (this.#blocks === null) return Math.floor(offset / Piece.BLOCK_LENGTH)
    return this.#blocks.findIndex(block => block.offset === offset)
  }

  /** The piece was bad: what each sent of it, to be compared with the right bytes later. */
  suspectsIn(fetched: readonly Fetched[]): Suspect[] {
    const suspects: Suspect[] = []
    for (const { offset, data } of fetched) {
      // Each part came from one supplier.
      const supplier = this.#suppliers[this.#blockAt(offset)]
      if (supplier === undefined) continue
      suspects.push({ offset, length: data.length, digest: digestOf(data), supplier })
    }
    return suspects
  }

  /** Who sent other bytes than these, the right ones, when the piece was bad before. */
  liarsAgainst(right: Uint8Array): Set<Wire> {
    const liars = new Set<Wire>()
    for (const { offset, length, digest, supplier } of this.suspects) {
      const data = right.subarray(offset, offset + length)
      if (!liars.has(supplier) && !digestOf(data).equals(digest)) liars.add(supplier)
    }
    return liars
  }
}
