// deflate's prefix codes (RFC 1951, 3.2): from the lengths of its words to what decodes and encodes
// them. Only codes that compressors really write are accepted.

import { NoForm } from './form.ts'

const tableBits = 10
const mostBits = 15

export interface Decoder {
  /** By the next 10 bits: symbol × 16 + length; 0: a longer word. */
  readonly table: Uint16Array
  /** Words by length, and their symbols in order: for words beyond the table. */
  readonly counts: Uint16Array
  readonly symbols: Uint16Array
}

export interface Encoder {
  readonly lengths: Uint8Array
  /** Bits in the order in which they are written, the first one lowest. */
  readonly words: Uint16Array
}

const countLengths = (lengths: Uint8Array): Uint16Array => {
  const counts = new Uint16Array(mostBits + 1)
  for (const length of lengths) counts[length] = (counts[length] as number) + 1
  counts[0] = 0
  return counts
}

/** A code is complete; only one of at most one word may have room (a block without matches). */
const checkComplete = (counts: Uint16Array): void => {
  let left = 1
  let words = 0
  for (let bits = 1; bits <= mostBits; bits += 1) {
    const count = counts[bits] as number
    left = left * 2 - count
    words += count
    if (left < 0) throw new NoForm('a code with too many words')
  }
  if (left > 0 && !(words === 0 || (words === 1 && counts[1] === 1))) {
    throw new NoForm('a code with too few words')
  }
}

const reversed = (word: number, bits: number): number => {
  let result = 0
  for (let bit = 0; bit < bits; bit += 1) result = (result << 1) | ((word >>> bit) & 1)
  return result
}

/** Throws NoForm. */
export const makeEncoder = (lengths: Uint8Array): Encoder => {
  const counts = countLengths(lengths)
  checkComplete(counts)
  const next = new Uint16Array(mostBits + 2)
  let word = 0
  for (let bits = 1; bits <= mostBits; bits += 1) {
    word = (word + (counts[bits - 1] as number)) << 1
    next[bits] = word
  }
  const words = new Uint16Array(lengths.length)
  for (const [symbol, bits] of lengths.entries()) {
    if (bits === 0) continue
    words[symbol] = reversed(next[bits] as number, bits)
    next[bits] = (next[bits] as number) + 1
  }
  return { lengths, words }
}

/** Throws NoForm. */
export const makeDecoder = (lengths: Uint8Array): Decoder => {
  const { words } = makeEncoder(lengths)
  const counts = countLengths(lengths)
  const starts = new Uint16Array(mostBits + 2)
  for (let bits = 1; bits <= mostBits; bits += 1) {
    starts[bits + 1] = (starts[bits] as number) + (counts[bits] as number)
  }
  const symbols = new Uint16Array(lengths.length)
  const table = new Uint16Array(1 << tableBits)
  for (const [symbol, bits] of lengths.entries()) {
    if (bits === 0) continue
    symbols[starts[bits] as number] = symbol
    starts[bits] = (starts[bits] as number) + 1
    if (bits > tableBits) continue
    for (let at = words[symbol] as number; at < table.length; at += 1 << bits) {
      table[at] = symbol * 16 + bits
    }
  }
  return { table, counts, symbols }
}

/** Symbol × 16 + length of the word that these bits (at least 15) begin with. Throws NoForm. */
export const decodeWord = (decoder: Decoder, bits: number): number => {
  const short = decoder.table[bits & ((1 << tableBits) - 1)] as number
  if (short !== 0) return short
  let word = 0
  let first = 0
  let index = 0
  for (let length = 1; length <= mostBits; length += 1) {
    word |= (bits >>> (length - 1)) & 1
    const count = decoder.counts[length] as number
    if (word - count < first) {
      return (decoder.symbols[index + word - first] as number) * 16 + length
    }
    index += count
    first = (first + count) << 1
    word <<= 1
  }
  throw new NoForm('a word that is not in its code')
}

const lengthsOf = (runs: readonly (readonly [count: number, length: number])[]): Uint8Array =>
  Uint8Array.from(runs.flatMap(([count, length]) => Array<number>(count).fill(length)))

/** The code lengths of fixed blocks. */
export const fixedLengths = {
  literals: lengthsOf([
    [144, 8],
    [112, 9],
    [24, 7],
    [8, 8],
  ]),
  distances: lengthsOf([[32, 5]]),
}

const tableOf = (count: number, extraOf: (index: number) => number, first: number) => {
  const bases = new Uint16Array(count)
  const extras = new Uint8Array(count)
  let base = first
  for (let index = 0; index < count; index += 1) {
    const extra = extraOf(index)
    bases[index] = base
    extras[index] = extra
    base += 1 << extra
  }
  return { bases, extras }
}

/** By symbol less 257: the smallest length, and the bits that follow. The last is 258 alone. */
export const lengthCodes = tableOf(28, index => (index < 8 ? 0 : (index >> 2) - 1), 3)
export const distanceCodes = tableOf(30, index => (index < 4 ? 0 : (index >> 1) - 1), 1)
/** Index of the code for a match of 258 bytes. */
export const longestCode = 28
