// The byte work of deltas, one instance per thread: hashes of chunks, anchors, scans for chunks. By
// WebAssembly, or by plain TypeScript with the same results where that is not to be had.

import { xxh64 } from '@node-rs/xxhash'
import { anchorBytes, anchorsOf } from './anchors.ts'
import { chunkHashesOf, type StrongHash } from './chunk-map.ts'
import type { ChunkScanner, WantedChunks } from './chunk-scanner.ts'
import { PlainScanner } from './plain-scanner.ts'
import { kernelProblem } from './wasm.ts'
import { type KernelWork, WasmKernel } from './wasm-kernel.ts'
import { WasmScanner } from './wasm-scanner.ts'

export { kernelProblem }

/** A file's list of anchors in the making. */
export interface AnchorStream {
  /** The next bytes, in any portions; returns the anchors (5 bytes each) that have become known. */
  update(bytes: Uint8Array): Uint8Array
  /** The rest of the anchors. The stream is over then. */
  end(): Uint8Array
}

export interface Kernel {
  /** The hashes (8 bytes each) of the whole chunks in `bytes`. `chunkBytes`: see isChunkBytes. */
  chunkHashes(bytes: Uint8Array, chunkBytes: number): Uint8Array<ArrayBuffer>
  /** Begin a list of anchors; any number may be under way at the same time. */
  anchors(): AnchorStream
  /** Prepare a search for wanted chunks; it has memory of its own. Blocks: for worker threads. */
  scanner(wanted: WantedChunks): ChunkScanner
}

const strongHash: StrongHash = bytes => Number(xxh64(bytes) & 0xffffffffn)

const anchorHash = (chunk: Uint8Array): Uint8Array => {
  const hash = Buffer.alloc(8)
  hash.writeBigUInt64LE(xxh64(chunk))
  return hash.subarray(0, anchorBytes)
}

const plainWork: KernelWork = {
  chunkHashes: (bytes, chunkBytes) => chunkHashesOf(bytes, chunkBytes, strongHash),
  anchors: (bytes, last) => anchorsOf(bytes, last, anchorHash),
}

/** Smaller portions are gathered: each time, an unfinished chunk is looked at again. */
const gatheredBytes = 64 * 1024

/** The caller will use its buffer again (and a Buffer's own slice would be no copy). */
const copyOf = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes)

class Anchors implements AnchorStream {
  readonly #work: KernelWork
  #waiting: Uint8Array[] = []
  #waitingBytes = 0

  constructor(work: KernelWork) {
    this.#work = work
  }

  update(bytes: Uint8Array): Uint8Array {
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes < gatheredBytes) {
      this.#waiting.push(copyOf(bytes))
      return new Uint8Array(0)
    }
    return this.#advance(bytes, false)
  }

  end(): Uint8Array {
    return this.#advance(new Uint8Array(0), true)
  }

  #advance(bytes: Uint8Array, last: boolean): Uint8Array {
    const all = this.#waiting.length === 0 ? bytes : Buffer.concat([...this.#waiting, bytes])
    const { anchors, consumedBytes } = this.#work.anchors(all, last)
    const rest = copyOf(all.subarray(consumedBytes))
    this.#waiting = rest.length === 0 ? [] : [rest]
    this.#waitingBytes = rest.length
    return anchors
  }
}

const kernelOf = (work: KernelWork, scanner: (wanted: WantedChunks) => ChunkScanner): Kernel => ({
  chunkHashes: (bytes, chunkBytes) => work.chunkHashes(bytes, chunkBytes),
  anchors: () => new Anchors(work),
  scanner,
})

/** The fallback, and what the WebAssembly is held against. */
export const plainKernel: Kernel = kernelOf(
  plainWork,
  wanted => new PlainScanner(wanted, strongHash),
)

/** This thread's kernel. */
export const kernel: Kernel =
  kernelProblem === null
    ? kernelOf(new WasmKernel(), wanted => new WasmScanner(wanted))
    : plainKernel
