// Sets of content numbers: which contents a volunteer has verified on its disk. Kept in containers of
// 65,536 numbers, each full, empty or a bitmap (as Roaring bitmaps, arXiv 1402.6407), so that a full
// mirror costs a few bytes and a copy shares what did not change. Pure: knows no volunteer.

import { Buffer } from 'node:buffer'
import type { ContentNumber } from '../core/ids.ts'
import { holdingsContainers, holdingsRanges } from '../core/limits.ts'
import { containerBytes, containerNumbers } from './container-size.ts'
import type { WireContainer } from './messages.ts'

const emptyBits = new Uint8Array(containerBytes)
const fullBits = new Uint8Array(containerBytes).fill(0xff)

/** Bits that are set, 32 at a time (Hacker's Delight, 5-2): a start counts hundreds of megabytes. */
const countOnes = (bits: Uint8Array): number => {
  // Containers are whole words and stand in buffers of their own.
  const words = new Uint32Array(bits.buffer, bits.byteOffset, bits.length >>> 2)
  let ones = 0
  for (let index = 0; index < words.length; index++) {
    let word = words[index] as number
    word -= (word >>> 1) & 0x55555555
    word = (word & 0x33333333) + ((word >>> 2) & 0x33333333)
    word = (word + (word >>> 4)) & 0x0f0f0f0f
    ones += Math.imul(word, 0x01010101) >>> 24
  }
  return ones
}

const hasBit = (bits: Uint8Array, position: number): boolean =>
  (((bits[position >>> 3] as number) >>> (position & 7)) & 1) === 1

/** Set or clear a range of bits; whole bytes at once where possible. */
const writeRange = (bits: Uint8Array, start: number, length: number, value: boolean): void => {
  let position = start
  const end = start + length
  while (position < end) {
    if ((position & 7) === 0 && end - position >= 8) {
      const bytes = (end - position) >>> 3
      bits.fill(value ? 0xff : 0, position >>> 3, (position >>> 3) + bytes)
      position += bytes * 8
      continue
    }
    const mask = 1 << (position & 7)
    const byte = bits[position >>> 3] as number
    bits[position >>> 3] = value ? byte | mask : byte & ~mask
    position++
  }
}

type Range = [start: number, count: number]

/** About the bytes that a range takes as JSON. */
const rangeBytes = 12

const onesOfByte = Uint8Array.from(
  { length: 256 },
  (_, byte) => byte.toString(2).replaceAll('0', '').length,
)

/** How many ranges of numbers are in `bits` and not in `without`; more than `most` as one more. */
const countRanges = (bits: Uint8Array, without: Uint8Array, most: number): number => {
  let ranges = 0
  let before = 0
  for (let index = 0; index < containerBytes && ranges <= most; index++) {
    const byte = (bits[index] as number) & ~(without[index] as number) & 0xff
    // Where a bit is set whose lower neighbour is not.
    ranges += onesOfByte[byte & ~((byte << 1) | before)] as number
    before = byte >>> 7
  }
  return Math.min(ranges, most + 1)
}

/** The ranges of numbers in `bits` and not in `without`. */
const rangesOf = (bits: Uint8Array, without: Uint8Array): Range[] => {
  const ranges: Range[] = []
  let last: Range | undefined
  for (let index = 0; index < containerBytes; index++) {
    const byte = (bits[index] as number) & ~(without[index] as number) & 0xff
    if (byte === 0) continue
    for (let bit = 0; bit < 8; bit++) {
      if (((byte >>> bit) & 1) === 0) continue
      const position = index * 8 + bit
      if (last !== undefined && last[0] + last[1] === position) last[1]++
      else {
        last = [position, 1]
        ranges.push(last)
      }
    }
  }
  return ranges
}

/** Without the zeros at its end. */
const bitmapLength = (bits: Uint8Array): number => {
  let length = bits.length
  while (length > 0 && bits[length - 1] === 0) length--
  return length
}

const decodeBitmap = (text: string): Uint8Array => {
  const bits = new Uint8Array(containerBytes)
  Buffer.from(bits.buffer).write(text, 'base64')
  return bits
}

/** A mutable set of content numbers. `clone` is cheap: containers are copied when first written. */
export class Holdings {
  readonly #bits: Uint8Array[] = []
  readonly #counts: number[] = []
  /** Whether #bits[i] belongs to this set alone and may be written. */
  readonly #own: boolean[] = []
  #count = 0

  static of(numbers: Iterable<ContentNumber>): Holdings {
    const holdings = new Holdings()
    for (const number of numbers) holdings.add(number)
    return holdings
  }

  /** The set that a full state describes. */
  static decode(containers: readonly WireContainer[]): Holdings {
    const holdings = new Holdings()
    holdings.apply(containers)
    return holdings
  }

  /** How many contents are held. */
  get count(): number {
    return this.#count
  }

  /** Bytes of the bitmaps that are neither full nor empty (shared ones count in each set). */
  get bitmapBytes(): number {
    return (
      this.#bits.filter(bits => bits !== fullBits && bits !== emptyBits).length * containerBytes
    )
  }

  /** Constant time, allocates nothing: it is asked for each volunteer at each redirect. */
  has(number: ContentNumber): boolean {
    const bits = this.#bits[number >>> 16]
    return bits !== undefined && hasBit(bits, number & 0xffff)
  }

  /** True if it was not there before. */
  add(number: ContentNumber): boolean {
    return !this.has(number) && this.#write(number, true)
  }

  /** True if it was there before. */
  remove(number: ContentNumber): boolean {
    return this.has(number) && this.#write(number, false)
  }

  clone(): Holdings {
    const copy = new Holdings()
    copy.#bits.push(...this.#bits)
    copy.#counts.push(...this.#counts)
    copy.#count = this.#count
    this.#own.length = 0
    return copy
  }

  equals(other: Holdings): boolean {
    return this.#count === other.#count && this.changesSince(other).length === 0
  }

  *numbers(): Generator<ContentNumber> {
    for (const [index, bits] of this.#bits.entries()) {
      if (bits === emptyBits) continue
      for (let position = 0; position < containerNumbers; position++) {
        if (hasBit(bits, position)) yield index * containerNumbers + position
      }
    }
  }

  /** The full state; empty containers are left out. */
  encode(): WireContainer[] {
    return this.changesSince(new Holdings())
  }

  /** What makes this set out of `base`, each container in its shortest form. */
  changesSince(base: Holdings): WireContainer[] {
    return [...this.eachChange(base)]
  }

  /** The same one by one, for who does not need them all at once: they may be hundreds of kilobytes. */
  *eachChange(base = new Holdings()): Generator<WireContainer> {
    const length = Math.max(this.#bits.length, base.#bits.length)
    for (let index = 0; index < length; index++) {
      const now = this.#bits[index] ?? emptyBits
      const before = base.#bits[index] ?? emptyBits
      if (now === before || Buffer.compare(now, before) === 0) continue
      yield encodeContainer(index, now, before)
    }
  }

  /** Take over containers from the wire, already checked (checkContainers). */
  apply(containers: readonly WireContainer[]): void {
    for (const container of containers) {
      const { index } = container
      if (container.kind === 'change') {
        const bits = Uint8Array.from(this.#bits[index] ?? emptyBits)
        for (const [start, length] of container.remove) writeRange(bits, start, length, false)
        for (const [start, length] of container.add) writeRange(bits, start, length, true)
        this.#put(index, bits, true)
      } else if (container.kind === 'bitmap') this.#put(index, decodeBitmap(container.bits), true)
      else this.#put(index, container.kind === 'full' ? fullBits : emptyBits, false)
    }
  }

  #grow(index: number): void {
    if (index >= holdingsContainers) throw new RangeError(`content container ${index} is too high`)
    while (this.#bits.length <= index) {
      this.#bits.push(emptyBits)
      this.#counts.push(0)
    }
  }

  /** Replace a container; a full or empty one becomes the shared one. */
  #put(index: number, bits: Uint8Array, own: boolean): void {
    this.#grow(index)
    const ones = countOnes(bits)
    const shared = ones === 0 ? emptyBits : ones === containerNumbers ? fullBits : null
    this.#bits[index] = shared ?? bits
    this.#own[index] = own && shared === null
    this.#count += ones - (this.#counts[index] ?? 0)
    this.#counts[index] = ones
  }

  #write(number: ContentNumber, value: boolean): true {
    const index = number >>> 16
    this.#grow(index)
    const ones = (this.#counts[index] ?? 0) + (value ? 1 : -1)
    if (ones === 0 || ones === containerNumbers) {
      this.#put(index, value ? fullBits : emptyBits, false)
      return true
    }
    let bits = this.#bits[index] as Uint8Array
    if (this.#own[index] !== true) {
      bits = Uint8Array.from(bits)
      this.#bits[index] = bits
      this.#own[index] = true
    }
    writeRange(bits, number & 0xffff, 1, value)
    this.#counts[index] = ones
    this.#count += value ? 1 : -1
    return true
  }
}

const encodeContainer = (index: number, now: Uint8Array, before: Uint8Array): WireContainer => {
  if (now === emptyBits) return { index, kind: 'empty' }
  if (now === fullBits) return { index, kind: 'full' }
  const length = bitmapLength(now)
  const bitmapCharacters = Math.ceil(length / 3) * 4
  // Counted first: of most bitmaps the ranges would be far too many to list.
  const most = Math.min(holdingsRanges, Math.ceil(bitmapCharacters / rangeBytes) - 1)
  const added = countRanges(now, before, most)
  if (added + countRanges(before, now, most) <= most) {
    return { index, kind: 'change', add: rangesOf(now, before), remove: rangesOf(before, now) }
  }
  const bits = Buffer.from(now.buffer, now.byteOffset, length).toString('base64')
  return { index, kind: 'bitmap', bits }
}
