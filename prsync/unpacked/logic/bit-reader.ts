// Reads bits, lowest first, as deflate has them. Pulls its bytes and never reads past what it needs by
// more than its buffer.

import { NoForm, type ReadBytes } from './form.ts'
import { type Decoder, decodeWord } from './huffman.ts'

const bufferBytes = 64 * 1024

export class BitReader {
  readonly #read: ReadBytes
  readonly #buffer = new Uint8Array(bufferBytes)
  #at = 0
  #end = 0
  /** Unread bits, the next one lowest, and how many. */
  #hold = 0
  #count = 0

  constructor(read: ReadBytes) {
    this.#read = read
  }

  /** False at the end. */
  #fill(): boolean {
    this.#at = 0
    this.#end = this.#read(this.#buffer)
    return this.#end > 0
  }

  /** Have at least so many bits (at most 25) at hand. Throws NoForm at the end. */
  #need(bits: number): void {
    while (this.#count < bits) {
      if (this.#at === this.#end && !this.#fill()) throw new NoForm('the data is cut short')
      this.#hold |= (this.#buffer[this.#at] as number) << this.#count
      this.#at += 1
      this.#count += 8
    }
  }

  /** The next bits, at most 16. Throws NoForm at the end. */
  take(bits: number): number {
    if (this.#count < bits) this.#need(bits)
    const value = this.#hold & ((1 << bits) - 1)
    this.#hold >>>= bits
    this.#count -= bits
    return value
  }

  /** The next symbol. At the end of data 15 bits must be left: a gzip trailer has more. */
  symbol(decoder: Decoder): number {
    if (this.#count < 15) this.#need(15)
    const found = decodeWord(decoder, this.#hold)
    this.#hold >>>= found & 15
    this.#count -= found & 15
    return found >>> 4
  }

  /** What is left of the current byte. */
  padding(): number {
    return this.take(this.#count & 7)
  }

  /** The next byte, where a byte begins; -1 at the end. */
  byteOrEnd(): number {
    if (this.#count === 0 && this.#at === this.#end && !this.#fill()) return -1
    return this.take(8)
  }
}
