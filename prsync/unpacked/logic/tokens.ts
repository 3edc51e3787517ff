// The bytes of a form's tokens: literals that go before, and the match after them. A match says its
// hop, or its distance where the hop is not known.

import { BytesWriter } from './bytes-writer.ts'
import {
  leastLength,
  NoForm,
  type ReadBytes,
  tokenFar,
  tokenLong,
  tokenManyLiterals,
  tokenNone,
  type WriteBytes,
} from './form.ts'

export class TokenWriter {
  readonly #out: BytesWriter
  /** Literals since the last match. */
  #literals = 0

  constructor(write: WriteBytes, mostBytes: number) {
    this.#out = new BytesWriter(write, mostBytes)
  }

  literals(count: number): void {
    this.#literals += count
  }

  /** `hop` -1: the distance is told instead. */
  match(length: number, hop: number, distance: number): void {
    if (hop === 0 && length - leastLength < tokenLong) {
      this.#begin(length - leastLength)
      return
    }
    this.#begin(hop === 0 ? tokenLong : tokenFar)
    this.#out.byte(length - leastLength)
    if (hop !== 0) this.#out.number(hop < 0 ? (distance - 1) * 2 + 1 : hop * 2)
  }

  /** Literals that no match follows at once: a stored block or the end does. */
  endLiterals(): void {
    if (this.#literals > 0) this.#begin(tokenNone)
  }

  #begin(kind: number): void {
    const literals = this.#literals
    this.#literals = 0
    if (literals < tokenManyLiterals) this.#out.byte((literals << 5) | kind)
    else {
      this.#out.byte((tokenManyLiterals << 5) | kind)
      this.#out.number(literals - tokenManyLiterals)
    }
  }

  /** All bytes; nothing may follow. */
  end(): number {
    this.#out.flush()
    return this.#out.length
  }
}

const bufferBytes = 64 * 1024

/** Takes bytes and numbers from what is read. */
export class BytesReader {
  readonly #read: ReadBytes
  readonly #buffer: Uint8Array
  #at = 0
  #end = 0

  constructor(read: ReadBytes, bytesAtOnce = bufferBytes) {
    this.#read = read
    this.#buffer = new Uint8Array(bytesAtOnce)
  }

  /** Throws NoForm at the end. */
  byte(): number {
    const value = this.byteOrEnd()
    if (value < 0) throw new NoForm('the form is cut short')
    return value
  }

  byteOrEnd(): number {
    if (this.#at === this.#end) {
      this.#at = 0
      this.#end = this.#read(this.#buffer)
      if (this.#end === 0) return -1
    }
    const value = this.#buffer[this.#at] as number
    this.#at += 1
    return value
  }

  number(): number {
    let value = 0
    for (let factor = 1; factor < 2 ** 49; factor *= 128) {
      const byte = this.byte()
      value += (byte % 128) * factor
      if (byte < 128) return value
    }
    throw new NoForm('a number is too large')
  }

  bytes(count: number, mostBytes: number): Uint8Array {
    if (count > mostBytes) throw new NoForm('a part is too large')
    const bytes = new Uint8Array(count)
    for (let at = 0; at < count; at += 1) bytes[at] = this.byte()
    return bytes
  }
}

export class TokenReader {
  readonly #from: BytesReader
  /** Of the token that was read last: literals, then a match (length 0: none) by hop or distance. */
  literals = 0
  length = 0
  /** -1: see distance. */
  hop = 0
  distance = 0

  constructor(read: ReadBytes) {
    this.#from = new BytesReader(read)
  }

  get isAtEnd(): boolean {
    return this.#from.byteOrEnd() < 0
  }

  /** Throws NoForm for what no writer writes. */
  next(): void {
    const from = this.#from
    const token = from.byte()
    const kind = token & 31
    this.literals = token >>> 5
    if (this.literals === tokenManyLiterals) this.literals += from.number()
    this.hop = 0
    this.length = kind < tokenLong ? kind + leastLength : 0
    if (kind < tokenLong || kind === tokenNone) return
    this.length = from.byte() + leastLength
    if (kind === tokenLong) return
    const place = from.number()
    this.hop = place % 2 === 1 ? -1 : place / 2
    this.distance = Math.floor(place / 2) + 1
  }
}
