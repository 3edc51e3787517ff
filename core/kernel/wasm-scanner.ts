// The scan for wanted chunks by WebAssembly. Lays the table out in the instance's memory: about 30
// bytes for each wanted chunk besides the 8 of its hash.

import { chunkHashBytes, isChunkBytes } from './chunk-map.ts'
import {
  type ChunkPlaces,
  type ChunkScanner,
  roomBytes,
  type WantedChunks,
  zerosBasis,
} from './chunk-scanner.ts'
import { WasmInstance } from './wasm.ts'

const bitsFor = (count: number): number => Math.ceil(Math.log2(Math.max(1, count)))

/**
 * Bits of a sum that have a byte of marks each: as few as leave no more than one mark in eight, since
 * the smaller list stays in the processor's nearer caches. Keep in step with collect in kernel.c.
 */
const markBits = (count: number): number => [16, 18, 20].find(bits => count <= 2 ** bits / 8) ?? 22
/** Of the bitmap, which is looked at where there is a mark: 32 to 64 for each chunk. */
const bitmapBits = (count: number): number => Math.max(14, bitsFor(32 * count))
/** At most half of the slots are taken. */
const slotBits = (count: number): number => Math.max(4, bitsFor(2 * count))

/** In the list of first occurrences: this chunk follows the one before it in the content. */
const followsFlag = 0x80000000
const placeBytes = 8
/** The kernel reads whole vectors, up to this far behind the last byte. */
const readAheadBytes = 64
/** Of a place's high half: the basis lies above the offset's high bits. */
const offsetHighBits = 16
/** The high half of the places that are none, or need no basis. */
const noBasis = 0xffffffff
const nowhere = 0xffffffff

export class WasmScanner implements ChunkScanner {
  readonly room: Uint8Array
  missing: number
  readonly #wanted: WantedChunks
  readonly #instance: WasmInstance
  readonly #first: Uint32Array
  readonly #places: Uint32Array

  constructor(wanted: WantedChunks) {
    const { chunkBytes, chunks, hashes } = wanted
    const count = chunks.length
    if (!isChunkBytes(chunkBytes)) throw new RangeError(`no size of a chunk: ${chunkBytes}`)
    if (hashes.length !== count * chunkHashBytes) throw new RangeError('not one hash a chunk')
    this.#wanted = wanted
    const slots = slotBits(count)
    const marks = markBits(count)
    const bits = bitmapBits(count)
    const sizes = [
      // The marks come first: the kernel looks for them at the beginning of what is not its own.
      ...[2 ** marks, hashes.length, count * 4, count * placeBytes, 4 * 2 ** slots, 2 ** bits / 8],
      chunkBytes + roomBytes + readAheadBytes,
    ]
    this.#instance = new WasmInstance(
      sizes.reduce((sum, size) => sum + size),
      sizes.length,
    )
    const addresses = sizes.map(size => this.#instance.take(size))
    const [hashList = 0, firstList = 0, placeList = 0] = addresses.slice(1)
    const [slotList = 0, bitmap = 0, window = 0] = addresses.slice(4)
    const { buffer } = this.#instance.memory
    this.#instance.memory.set(hashes, hashList)
    this.#first = new Uint32Array(buffer, firstList, count)
    this.#places = new Uint32Array(buffer, placeList, 2 * count)
    this.room = this.#instance.bytes(window + chunkBytes, roomBytes)
    for (let index = 1; index < count; index++) {
      if (chunks[index] === (chunks[index - 1] as number) + 1) this.#first[index] = followsFlag
    }
    this.missing = this.#instance.functions.prepare(
      ...[chunkBytes, count, hashList, firstList, placeList, slotList, slots],
      ...[marks, bitmap, bits, window + chunkBytes],
    )
  }

  begin(basis: number, offset: number): void {
    this.#instance.functions.begin(basis, offset)
  }

  scan(length: number): void {
    this.missing = this.#instance.functions.scan(length)
  }

  finish(): void {
    this.missing = this.#instance.functions.finish()
  }

  forget(basis: number): void {
    this.missing = this.#instance.functions.forget(basis)
  }

  places(): ChunkPlaces {
    let count = 0
    for (let index = 0; index < this.#first.length; index++) if (this.#isFound(index)) count++
    const chunks = new Uint32Array(count)
    const bases = new Uint32Array(count)
    const offsets = new Float64Array(count)
    let next = 0
    for (let index = 0; index < this.#first.length; index++) {
      if (!this.#isFound(index)) continue
      const at = 2 * this.#firstOf(index)
      const low = this.#places[at] as number
      const high = this.#places[at + 1] as number
      chunks[next] = this.#wanted.chunks[index] as number
      bases[next] = high === noBasis ? zerosBasis : high >>> offsetHighBits
      offsets[next++] = high === noBasis ? 0 : (high & 0xffff) * 2 ** 32 + low
    }
    return { chunks, bases, offsets }
  }

  #isFound(index: number): boolean {
    const at = 2 * this.#firstOf(index)
    return this.#places[at] !== nowhere || this.#places[at + 1] !== noBasis
  }

  #firstOf(index: number): number {
    return (this.#first[index] as number) & ~followsFlag
  }
}
