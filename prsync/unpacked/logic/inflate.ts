// Reads the blocks of a deflate stream (RFC 1951) as they are coded: nothing is decided here, and
// what a block's trees were coded with is kept bit by bit.

import type { BitReader } from './bit-reader.ts'
import { NoForm } from './form.ts'
import { type Decoder, fixedLengths, makeDecoder } from './huffman.ts'

export interface Trees<Code> {
  readonly literals: Code
  readonly distances: Code
}

export interface TreeLengths {
  readonly literals: Uint8Array
  readonly distances: Uint8Array
}

export const lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

/** Bits as they come, to be told again. */
class Recorder {
  readonly #bits: BitReader
  readonly bytes: number[] = []
  count = 0

  constructor(bits: BitReader) {
    this.#bits = bits
  }

  take(bits: number): number {
    return this.#keep(this.#bits.take(bits), bits)
  }

  #keep(value: number, bits: number): number {
    for (let bit = 0; bit < bits; bit += 1) {
      const at = this.count >>> 3
      this.bytes[at] = (this.bytes[at] ?? 0) | (((value >>> bit) & 1) << (this.count & 7))
      this.count += 1
    }
    return value
  }
}

/** The words of the code of code lengths are at most 7 bits, told apart bit by bit. */
const readLength = (from: Recorder, decoder: Decoder): number => {
  let word = 0
  let first = 0
  let index = 0
  for (let length = 1; length <= 7; length += 1) {
    word |= from.take(1)
    const count = decoder.counts[length] as number
    if (word - count < first) return decoder.symbols[index + word - first] as number
    index += count
    first = (first + count) << 1
    word <<= 1
  }
  throw new NoForm('a word that is not in its code')
}

const readLengths = (from: Recorder, decoder: Decoder, count: number): Uint8Array => {
  const lengths = new Uint8Array(count)
  for (let at = 0; at < count; ) {
    const symbol = readLength(from, decoder)
    if (symbol < 16) {
      lengths[at] = symbol
      at += 1
      continue
    }
    if (symbol === 16 && at === 0) throw new NoForm('a repeated length without any before')
    const value = symbol === 16 ? (lengths[at - 1] as number) : 0
    const repeat =
      symbol === 16 ? 3 + from.take(2) : symbol === 17 ? 3 + from.take(3) : 11 + from.take(7)
    if (at + repeat > count) throw new NoForm('more lengths than there are words')
    lengths.fill(value, at, at + repeat)
    at += repeat
  }
  return lengths
}

export interface DynamicHead extends TreeLengths {
  /** The bits that they were read from, the first one lowest. */
  readonly bits: Uint8Array
  readonly bitCount: number
}

/** What a dynamic block begins with, after its type. Throws NoForm. */
export const readDynamicHead = (bits: BitReader): DynamicHead => {
  const from = new Recorder(bits)
  const literals = from.take(5) + 257
  const distances = from.take(5) + 1
  const codes = from.take(4) + 4
  if (literals > 286 || distances > 30) throw new NoForm('too many words in a code')
  const codeLengths = new Uint8Array(19)
  for (const symbol of lengthOrder.slice(0, codes)) codeLengths[symbol] = from.take(3)
  const lengths = readLengths(from, makeDecoder(codeLengths), literals + distances)
  if (lengths[256] === 0) throw new NoForm('a block that cannot end')
  return {
    literals: lengths.slice(0, literals),
    distances: lengths.slice(literals),
    bits: Uint8Array.from(from.bytes),
    bitCount: from.count,
  }
}

export const decodersOf = ({ literals, distances }: TreeLengths): Trees<Decoder> => ({
  literals: makeDecoder(literals),
  distances: makeDecoder(distances),
})

export const fixedDecoders = decodersOf(fixedLengths)
