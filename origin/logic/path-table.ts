// Finds what a snapshot has at a path, from arrays of numbers in memory: millions of files fit where
// objects of them would not, and the collector has nothing to do. Paths are not kept, only 64 bits of
// a keyed hash of each, so that nobody can make up paths that meet. It knows no database.

import type { ContentNumber, RepoPath, Sha256, SnapshotNumber } from '../../core/ids.ts'
import type { FileContent } from '../../manifest/model.ts'
import { type HashKey, KeyedHash } from './keyed-hash.ts'

/** May be given from thread to thread. */
export interface PathTableMemory {
  readonly snapshot: SnapshotNumber
  readonly key: HashKey
  /** One more than the row of a path, by its hash; 0: none. */
  readonly slots: Uint32Array<ArrayBuffer>
  /** Low and high half of the hash of each row's path. */
  readonly checks: Int32Array<ArrayBuffer>
  readonly numbers: Uint32Array<ArrayBuffer>
  /** 32 bytes for each row. */
  readonly hashes: Uint8Array<ArrayBuffer>
  /** The low 32 bits of each size in bytes, then of each time in seconds since 1970. */
  readonly lows: Uint32Array<ArrayBuffer>
  /** What is above those bits: 8 more, with a sign. */
  readonly highs: Int8Array<ArrayBuffer>
}

/** With fewer of them rows are long searched for; each costs 4 bytes. */
const slotsPerRow = 1.6
const hashBytes = 32
const lowRange = 2 ** 32
/** Below this, and not below its negative. */
const numberRange = 2 ** 39

const slotsFor = (rows: number): number => Math.max(2, Math.ceil(slotsPerRow * rows))

/** Room for `rows` files of a snapshot. */
export const pathTableMemory = (
  snapshot: SnapshotNumber,
  key: HashKey,
  rows: number,
): PathTableMemory => ({
  snapshot,
  key,
  slots: new Uint32Array(slotsFor(rows)),
  checks: new Int32Array(2 * rows),
  numbers: new Uint32Array(rows),
  hashes: new Uint8Array(hashBytes * rows),
  lows: new Uint32Array(2 * rows),
  highs: new Int8Array(2 * rows),
})

/** What such memory weighs, in bytes. */
export const pathTableBytes = (rows: number): number =>
  slotsFor(rows) * 4 + rows * (8 + 4 + hashBytes + 8 + 2)

const isWithin = (value: number): boolean =>
  Number.isInteger(value) && value < numberRange && value >= -numberRange

/** Whether a table can take it: one of 550 GB, or from after the year 19,000, has to be looked up. */
export const fitsPathTable = ({ sizeBytes, modifiedSeconds }: FileContent): boolean =>
  isWithin(sizeBytes) && isWithin(modifiedSeconds)

export class PathTable {
  readonly #memory: PathTableMemory
  readonly #hash: KeyedHash
  readonly #hashes: Buffer
  #rows = 0

  /** `memory`: empty, or filled by another table that used it. */
  constructor(memory: PathTableMemory) {
    this.#memory = memory
    this.#hash = new KeyedHash(memory.key)
    const { buffer, byteOffset, length } = memory.hashes
    this.#hashes = Buffer.from(buffer, byteOffset, length)
  }

  get snapshot(): SnapshotNumber {
    return this.#memory.snapshot
  }

  /** For how many paths there is room. */
  get size(): number {
    return this.#memory.numbers.length
  }

  /** Paths that were added here. */
  get rows(): number {
    return this.#rows
  }

  /** False: there is no room, it does not fit, or (hardly ever) another path has the same hash. */
  add(path: RepoPath, content: FileContent): boolean {
    const { numbers, slots, checks } = this.#memory
    const row = this.#rows
    if (row >= numbers.length || !fitsPathTable(content) || this.#rowOf(path) >= 0) return false
    const { low, high } = this.#hash
    let slot = this.#slotOf(low)
    while (slots[slot] !== 0) slot = slot + 1 === slots.length ? 0 : slot + 1
    slots[slot] = row + 1
    checks[2 * row] = low
    checks[2 * row + 1] = high
    numbers[row] = content.number
    this.#hashes.write(content.sha256, hashBytes * row, 'hex')
    this.#put(2 * row, content.sizeBytes)
    this.#put(2 * row + 1, content.modifiedSeconds)
    this.#rows++
    return true
  }

  /** Null: the snapshot has no file of its own at this path; there may be a link, or a folder. */
  find(path: RepoPath): FileContent | null {
    const row = this.#rowOf(path)
    if (row < 0) return null
    const { numbers } = this.#memory
    const start = hashBytes * row
    return {
      number: numbers[row] as ContentNumber,
      sha256: this.#hashes.toString('hex', start, start + hashBytes) as Sha256,
      sizeBytes: this.#get(2 * row),
      modifiedSeconds: this.#get(2 * row + 1),
    }
  }

  #put(place: number, value: number): void {
    const { lows, highs } = this.#memory
    lows[place] = value
    highs[place] = Math.floor(value / lowRange)
  }

  #get(place: number): number {
    const { lows, highs } = this.#memory
    return (highs[place] as number) * lowRange + (lows[place] as number)
  }

  /** -1: none. Leaves the path's hash behind. */
  #rowOf(path: RepoPath): number {
    const { slots, checks } = this.#memory
    const { low, high } = this.#hash.start().add(path).end()
    let slot = this.#slotOf(low)
    // More than a third of the slots are empty, so there is an end.
    for (;;) {
      const row = (slots[slot] as number) - 1
      if (row < 0 || (checks[2 * row] === low && checks[2 * row + 1] === high)) return row
      slot = slot + 1 === slots.length ? 0 : slot + 1
    }
  }

  #slotOf(low: number): number {
    return Math.floor(((low >>> 0) / 2 ** 32) * this.#memory.slots.length)
  }
}
