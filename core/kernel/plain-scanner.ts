// Finds wanted chunks in local bytes at any offset: a rolling sum at each position, a bitmap in front
// of a table, confirmation by the strong hash. A plain reference for the kernel, and its fallback:
// both give the same places. Knows no files.

import { chunkHashBytes, type StrongHash } from './chunk-map.ts'
import {
  type ChunkPlaces,
  type ChunkScanner,
  roomBytes,
  type WantedChunks,
  zerosBasis,
} from './chunk-scanner.ts'
import { leavingWeight, mixedSum, roll, rollingSum } from './rolling-sum.ts'

/** Further entries with close hashes are left out, so that a hostile map cannot make lookups slow. */
const probeLimit = 256
/**
 * Bytes that may be hashed in vain, to begin with and for each position scanned. Honest maps need
 * content size ÷ 2^32 a position; a hostile one, made to agree in the weak sum, is stopped by it.
 */
const confirmationBytes = 2 ** 26
const confirmationBytesPerPosition = 8
const nowhere = 0xfffffffe

const powerOfTwoFrom = (count: number): number => 2 ** Math.ceil(Math.log2(count))

/** The wanted hashes, each once, in an open-addressing table behind a bitmap. */
class ChunkTable {
  readonly weak: Uint32Array
  readonly strong: Uint32Array
  /** Of each wanted chunk, the first one with the same hash. */
  readonly first: Uint32Array
  readonly bases: Uint32Array
  readonly offsets: Float64Array
  readonly bitmap: Uint32Array
  readonly bitmapShift: number
  readonly #slots: Uint32Array
  readonly #slotShift: number
  inserted = 0

  constructor(hashes: Uint8Array, zeroWeak: number, zeroStrong: number) {
    const count = Math.floor(hashes.length / chunkHashBytes)
    const view = new DataView(hashes.buffer, hashes.byteOffset, hashes.byteLength)
    this.weak = new Uint32Array(count)
    this.strong = new Uint32Array(count)
    this.first = new Uint32Array(count)
    this.bases = new Uint32Array(count).fill(nowhere)
    this.offsets = new Float64Array(count)
    const slots = Math.max(16, powerOfTwoFrom(2 * count))
    this.#slots = new Uint32Array(slots)
    this.#slotShift = 32 - Math.log2(slots)
    const bits = Math.min(2 ** 24, Math.max(2 ** 12, powerOfTwoFrom(64 * count)))
    this.bitmap = new Uint32Array(bits / 32)
    this.bitmapShift = 32 - Math.log2(bits)
    for (let index = 0; index < count; index++) {
      this.weak[index] = view.getUint32(index * chunkHashBytes, true)
      this.strong[index] = view.getUint32(index * chunkHashBytes + 4, true)
      this.first[index] = index
      if (this.weak[index] === zeroWeak && this.strong[index] === zeroStrong) {
        this.bases[index] = zerosBasis
      } else this.#insert(index)
    }
  }

  slotOf(weak: number): number {
    return mixedSum(weak) >>> this.#slotShift
  }

  /** The entry in the n-th slot from `slot` on, or -1. */
  entry(slot: number, probe: number): number {
    return (this.#slots[(slot + probe) & (this.#slots.length - 1)] as number) - 1
  }

  #insert(index: number): void {
    const weak = this.weak[index] as number
    const slot = this.slotOf(weak)
    for (let probe = 0; probe < probeLimit; probe++) {
      const other = this.entry(slot, probe)
      if (other < 0) {
        this.#slots[(slot + probe) & (this.#slots.length - 1)] = index + 1
        const bit = mixedSum(weak) >>> this.bitmapShift
        this.bitmap[bit >>> 5] = (this.bitmap[bit >>> 5] as number) | (1 << (bit & 31))
        this.inserted++
        return
      }
      if (this.weak[other] === weak && this.strong[other] === this.strong[index]) {
        this.first[index] = other
        return
      }
    }
  }
}

/** The scanner in plain TypeScript. */
export class PlainScanner implements ChunkScanner {
  readonly room: Uint8Array
  missing: number
  readonly #wanted: WantedChunks
  readonly #strongHash: StrongHash
  readonly #table: ChunkTable
  readonly #weight: number
  /** The window's bytes, then `room`: what was scanned last ends where `room` begins. */
  readonly #bytes: Uint8Array
  #kept = 0
  #sum = 0
  #basis = 0
  /** The window's offset in the basis. */
  #position = 0
  #started = 0
  /** Positions of earlier bases and runs. */
  #lookedAt = 0
  #wastedBytes = 0
  #refusedSum = -1
  #refusedPosition = -1

  constructor(wanted: WantedChunks, strongHash: StrongHash) {
    const { chunkBytes, hashes } = wanted
    this.#wanted = wanted
    this.#strongHash = strongHash
    const zeros = new Uint8Array(chunkBytes)
    this.#table = new ChunkTable(hashes, rollingSum(zeros), strongHash(zeros))
    this.#weight = leavingWeight(chunkBytes)
    this.#bytes = new Uint8Array(chunkBytes + roomBytes)
    this.room = this.#bytes.subarray(chunkBytes)
    this.missing = this.#table.inserted
  }

  begin(basis: number, offset: number): void {
    this.#lookedAt += this.#position - this.#started
    this.#basis = basis
    this.#kept = 0
    this.#position = offset
    this.#started = offset
    this.#refusedSum = -1
  }

  scan(length: number): void {
    const window = this.#wanted.chunkBytes
    const start = window - this.#kept
    const end = window + length
    if (this.#kept < window) {
      if (end - start >= window) this.#sum = rollingSum(this.#bytes, start, start + window)
      else {
        this.#bytes.copyWithin(window - (end - start), start, end)
        this.#kept = end - start
        return
      }
    }
    this.#scanWindows(start, end - start - window)
    this.#bytes.copyWithin(0, end - window, end)
    this.#kept = window
  }

  finish(): void {
    // The last window has not been looked at: its follower would have come with the next bytes.
    if (this.#kept === this.#wanted.chunkBytes) this.#test(this.#sum, 0)
    this.#kept = 0
  }

  forget(basis: number): void {
    const { first, bases } = this.#table
    for (let index = 0; index < first.length; index++) {
      if (first[index] !== index || bases[index] !== basis) continue
      bases[index] = nowhere
      this.missing++
    }
  }

  places(): ChunkPlaces {
    const { first, bases, offsets } = this.#table
    const found = first.map(entry => (bases[entry] === nowhere ? 0 : 1))
    const count = found.reduce((sum, one) => sum + one, 0)
    const places = {
      chunks: new Uint32Array(count),
      bases: new Uint32Array(count),
      offsets: new Float64Array(count),
    }
    let at = 0
    for (const [index, isFound] of found.entries()) {
      if (isFound === 0) continue
      const entry = first[index] as number
      places.chunks[at] = this.#wanted.chunks[index] as number
      places.bases[at] = bases[entry] as number
      places.offsets[at++] = offsets[entry] as number
    }
    return places
  }

  /** Look at `count` windows, the first at `start`, each time with the byte that follows in reach. */
  #scanWindows(start: number, count: number): void {
    const { bitmap, bitmapShift } = this.#table
    const window = this.#wanted.chunkBytes
    const bytes = this.#bytes
    const weight = this.#weight
    let sum = this.#sum
    for (let index = start; index < start + count; index++) {
      const bit = mixedSum(sum) >>> bitmapShift
      if (((bitmap[bit >>> 5] as number) >>> (bit & 31)) & 1) this.#test(sum, index)
      sum = roll(sum, weight, bytes[index] as number, bytes[index + window] as number)
      this.#position++
    }
    this.#sum = sum
  }

  /** Look a window up that lies at bytes[start]. */
  #test(sum: number, start: number): void {
    const table = this.#table
    const slot = table.slotOf(sum)
    let strong = -1
    for (let probe = 0; probe < probeLimit; probe++) {
      const entry = table.entry(slot, probe)
      if (entry < 0) break
      if (table.weak[entry] !== sum || !this.#isWelcome(entry)) continue
      if (strong < 0) {
        if (!this.#mayConfirm(sum)) return
        strong = this.#strongHash(this.#bytes.subarray(start, start + this.#wanted.chunkBytes))
      }
      if (table.strong[entry] === strong) {
        this.#place(entry)
        return
      }
    }
    if (strong < 0) return
    this.#wastedBytes += this.#wanted.chunkBytes
    this.#refusedSum = sum
    this.#refusedPosition = this.#position
  }

  /**
   * A chunk without a place takes any; one that has a place moves to where the chunk before it was
   * found, since neighbours that stay neighbours are copied in one run.
   */
  #isWelcome(entry: number): boolean {
    const { first, bases, offsets } = this.#table
    if (bases[entry] === nowhere) return true
    const { chunks, chunkBytes } = this.#wanted
    if (entry === 0 || chunks[entry - 1] !== (chunks[entry] as number) - 1) return false
    const before = first[entry - 1] as number
    return bases[before] === this.#basis && offsets[before] === this.#position - chunkBytes
  }

  #mayConfirm(sum: number): boolean {
    // In a run of one byte the window stays what was refused a byte ago.
    if (this.#refusedSum === sum && this.#refusedPosition === this.#position - 1) {
      this.#refusedPosition = this.#position
      return false
    }
    const looked = this.#lookedAt + this.#position - this.#started
    const allowed = confirmationBytes + confirmationBytesPerPosition * looked
    return this.#wastedBytes + this.#wanted.chunkBytes <= allowed
  }

  #place(entry: number): void {
    const { bases, offsets } = this.#table
    if (bases[entry] === nowhere) this.missing--
    else this.#wastedBytes += this.#wanted.chunkBytes
    bases[entry] = this.#basis
    offsets[entry] = this.#position
  }
}
