// Gathers bytes and numbers and hands them on in portions, or keeps them up to a bound.

import { NoForm, type WriteBytes } from './form.ts'

const portionBytes = 64 * 1024
/** The longest that is pushed without a look at the room. */
const slackBytes = 64

export class BytesWriter {
  readonly #write: WriteBytes | null
  readonly #mostBytes: number
  #bytes = new Uint8Array(portionBytes + slackBytes)
  #end = 0
  #written = 0

  /** Without `write` all is kept, for `kept()`. More than `mostBytes` throw NoForm. */
  constructor(write: WriteBytes | null, mostBytes: number) {
    this.#write = write
    this.#mostBytes = mostBytes
  }

  get length(): number {
    return this.#written + this.#end
  }

  byte(value: number): void {
    this.#bytes[this.#end] = value
    this.#end += 1
    if (this.#end > this.#bytes.length - slackBytes) this.#makeRoom()
  }

  /** LEB128 of a number below 2^53. */
  number(value: number): void {
    let rest = value
    while (rest >= 128) {
      this.byte((rest % 128) + 128)
      rest = Math.floor(rest / 128)
    }
    this.byte(rest)
  }

  bytes(values: Iterable<number>): void {
    for (const value of values) this.byte(value)
  }

  #makeRoom(): void {
    if (this.length > this.#mostBytes) throw new NoForm('a part is too large')
    if (this.#write !== null) this.flush()
    else {
      const larger = new Uint8Array(this.#bytes.length * 2)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
  }

  flush(): void {
    this.#write?.(this.#bytes.subarray(0, this.#end))
    this.#written += this.#end
    this.#end = 0
  }

  kept(): Uint8Array {
    return this.#bytes.subarray(0, this.#end)
  }
}
