// Writes bits, lowest first, as deflate has them, in portions.

import { NoForm, type WriteBytes } from './form.ts'

const portionBytes = 64 * 1024

export class BitWriter {
  readonly #write: WriteBytes
  readonly #mostBytes: number
  readonly #buffer = new Uint8Array(portionBytes + 8)
  #end = 0
  #hold = 0
  #count = 0
  writtenBytes = 0

  /** More than `mostBytes` throw NoForm. */
  constructor(write: WriteBytes, mostBytes: number) {
    this.#write = write
    this.#mostBytes = mostBytes
  }

  /** At most 16 bits. */
  put(value: number, bits: number): void {
    this.#hold |= value << this.#count
    this.#count += bits
    if (this.#count < 16) return
    this.#buffer[this.#end] = this.#hold
    this.#buffer[this.#end + 1] = this.#hold >>> 8
    this.#end += 2
    this.#hold >>>= 16
    this.#count -= 16
    if (this.#end >= portionBytes) this.#flush()
  }

  /** Complete the byte with these bits. */
  pad(value: number): void {
    this.put(value, (8 - (this.#count & 7)) & 7)
  }

  bytes(values: Iterable<number>): void {
    for (const value of values) this.put(value, 8)
  }

  #flush(): void {
    this.writtenBytes += this.#end
    if (this.writtenBytes > this.#mostBytes) throw new NoForm('the file is too large')
    this.#write(this.#buffer.subarray(0, this.#end))
    this.#end = 0
  }

  /** All bytes; nothing may follow, and the last byte is whole. */
  end(): void {
    for (; this.#count > 0; this.#count -= 8) {
      this.#buffer[this.#end] = this.#hold
      this.#end += 1
      this.#hold >>>= 8
    }
    this.#flush()
  }
}
