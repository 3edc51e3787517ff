// Chunk hashes and anchors by WebAssembly: the bytes are copied into the instance's memory in portions
// that fit the processor's cache. Keeps nothing of one call for the next.

import { anchorBytes, anchorChunkCeiling, anchorChunkFloor } from './anchors.ts'
import { chunkCount, chunkHashBytes, isChunkBytes, smallestChunkBytes } from './chunk-map.ts'
import { WasmInstance } from './wasm.ts'

/** A multiple of every chunk size. */
const portionBytes = 256 * 1024
const listBytes = Math.max(
  (portionBytes / smallestChunkBytes) * chunkHashBytes,
  ((portionBytes + anchorChunkCeiling) / anchorChunkFloor + 1) * anchorBytes,
)

/** What the kernel does for its callers; the plain TypeScript has the same form. */
export interface KernelWork {
  chunkHashes(bytes: Uint8Array, chunkBytes: number): Uint8Array<ArrayBuffer>
  /** Anchors of the chunks that end in `bytes` (with `last`, all do), and how many bytes they are. */
  anchors(bytes: Uint8Array, last: boolean): { anchors: Uint8Array; consumedBytes: number }
}

export class WasmKernel implements KernelWork {
  readonly #instance = new WasmInstance(portionBytes + listBytes, 2)
  readonly #input = this.#instance.take(portionBytes)
  readonly #list = this.#instance.take(listBytes)

  chunkHashes(bytes: Uint8Array, chunkBytes: number): Uint8Array<ArrayBuffer> {
    if (!isChunkBytes(chunkBytes)) throw new RangeError(`no size of a chunk: ${chunkBytes}`)
    const hashes = new Uint8Array(chunkCount(bytes.length, chunkBytes) * chunkHashBytes)
    const atOnce = portionBytes / chunkBytes
    for (let done = 0; done * chunkHashBytes < hashes.length; done += atOnce) {
      const count = Math.min(atOnce, hashes.length / chunkHashBytes - done)
      const start = done * chunkBytes
      this.#instance.memory.set(bytes.subarray(start, start + count * chunkBytes), this.#input)
      this.#instance.functions.chunk_hashes(this.#input, chunkBytes, count, this.#list)
      const list = this.#instance.bytes(this.#list, count * chunkHashBytes)
      hashes.set(list, done * chunkHashBytes)
    }
    return hashes
  }

  anchors(bytes: Uint8Array, last: boolean): { anchors: Uint8Array; consumedBytes: number } {
    const { functions, memory } = this.#instance
    const parts: Uint8Array[] = []
    let consumedBytes = 0
    for (;;) {
      const part = bytes.subarray(consumedBytes, consumedBytes + portionBytes)
      const ends = consumedBytes + part.length === bytes.length
      memory.set(part, this.#input)
      const isLast = ends && last ? 1 : 0
      const count = functions.anchors(this.#input, part.length, isLast, this.#list)
      parts.push(this.#instance.bytes(this.#list, count * anchorBytes).slice())
      consumedBytes += functions.anchors_consumed()
      if (ends) return { anchors: Buffer.concat(parts), consumedBytes }
    }
  }
}
