// Where matches lie, told without distances: the hop of a match is how many nearer places of the text
// go on with the same bytes. It stays the same when something is inserted far before, and compressors
// nearly always take the nearest place, so that it is nearly always 0.

import { NoForm, windowBytes } from './form.ts'

const mask = windowBytes - 1
const hashBits = 16
const shift = 32 - hashBits
/** Places with the same first bytes that are looked at; beyond them the distance itself is told. */
export const mostPlaces = 1024
/** Matches from this length on are looked for among places with as many equal bytes. */
const longBytes = 6
const shortBytes = 3

/** A look at a place counts 1, and so does each of so many bytes compared. */
const comparedAtOnce = 4
/** Work that a text may take, for each of its bytes and in any case. */
const workPerByte = 32
const workAtLeast = 2 ** 24

/** A stretch of text in memory: the byte of position p is bytes[p - base]. */
export interface Stretch {
  readonly bytes: Uint8Array
  readonly base: number
}

class Chain {
  readonly prefix: number
  readonly head = new Int32Array(1 << hashBits).fill(-1)
  readonly before = new Int32Array(windowBytes)
  next = 0

  constructor(prefix: number) {
    this.prefix = prefix
  }

  hash(bytes: Uint8Array, at: number): number {
    const low =
      (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16)
    if (this.prefix === shortBytes) return Math.imul(low, 0x9e3779b1) >>> shift
    const high =
      (bytes[at + 3] as number) |
      ((bytes[at + 4] as number) << 8) |
      ((bytes[at + 5] as number) << 16)
    return (Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b)) >>> shift
  }

  /** Know all positions before `to`; what they begin with must be in memory. */
  insert({ bytes, base }: Stretch, to: number): void {
    const { head, before } = this
    for (let position = this.next; position < to; position += 1) {
      const hash = this.hash(bytes, position - base)
      before[position & mask] = head[hash] as number
      head[hash] = position
    }
    if (to > this.next) this.next = to
  }
}

export class Hops {
  readonly #short = new Chain(shortBytes)
  readonly #long = new Chain(longBytes)
  /** Where the member began: nothing before it can be referred to. */
  #start = 0
  #work = 0

  /** A member begins at this position. */
  begin(position: number): void {
    this.#start = position
  }

  /** Know all positions before `to`, as far as the text up to `end` tells. */
  insert(stretch: Stretch, to: number, end: number): void {
    this.#short.insert(stretch, Math.min(to, end - shortBytes + 1))
    this.#long.insert(stretch, Math.min(to, end - longBytes + 1))
  }

  /** The hop to `distance` bytes before `position`; -1: too far. Throws NoForm: too much work. */
  hopOf(stretch: Stretch, position: number, length: number, distance: number): number {
    const found = this.#walk(stretch, position, length, position - distance, -1)
    return found < 0 ? -1 : this.#passed
  }

  /** The distance of a hop; -1: there is none. Throws NoForm: too much work. */
  distanceOf(stretch: Stretch, position: number, length: number, hop: number): number {
    const found = this.#walk(stretch, position, length, -1, hop)
    return found < 0 ? -1 : position - found
  }

  #passed = 0

  #walk(stretch: Stretch, position: number, length: number, target: number, hop: number): number {
    const { bytes, base } = stretch
    this.insert(stretch, position, position + length)
    const chain = length < longBytes ? this.#short : this.#long
    const { prefix, head, before } = chain
    const at = position - base
    const limit = Math.max(this.#start, position - windowBytes)
    let place = head[chain.hash(bytes, at)] as number
    let passed = 0
    let looked = 0
    let work = 0
    let found = -1
    while (place >= limit && place >= target) {
      work += 1
      const from = place - base
      let same = 0
      while (same < length && bytes[from + same] === bytes[at + same]) same += 1
      work += same / comparedAtOnce
      if (same >= prefix) {
        if (place === target || (same === length && passed === hop)) {
          found = place
          break
        }
        looked += 1
        if (looked === mostPlaces) break
        if (same === length) passed += 1
      }
      const next = before[place & mask] as number
      if (next >= place) break
      place = next
    }
    this.#passed = passed
    this.#spend(work, position)
    return found
  }

  #spend(work: number, position: number): void {
    this.#work += work
    if (this.#work > position * workPerByte + workAtLeast) throw new NoForm('too much work')
  }
}
