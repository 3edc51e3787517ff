// Large buffers that are used again: the collector of garbage would walk the whole heap for every few
// dozen of them. It knows sizes only; whoever gives one back must have no further use for it.

import { pooledBufferBytes, pooledBytes } from '../core/limits.ts'

/** Sizes are rounded up to four steps in each power of two, so that few sizes serve all. */
const classOf = (length: number): number => {
  const step = 2 ** Math.max(12, Math.floor(Math.log2(length)) - 2)
  return Math.ceil(length / step) * step
}

export class BufferPool {
  /** Unused ones by size. */
  readonly #free = new Map<number, ArrayBuffer[]>()
  #freeBytes = 0

  /** Bytes that wait for being used again. */
  get freeBytes(): number {
    return this.#freeBytes
  }

  /** A buffer of this length with whatever is in it. */
  take(length: number): Buffer {
    const size = classOf(Math.max(1, length))
    const buffer = this.#free.get(size)?.pop()
    if (buffer === undefined) return Buffer.allocUnsafeSlow(size).subarray(0, length)
    this.#freeBytes -= size
    return Buffer.from(buffer, 0, length)
  }

  /** Nobody will read or write this buffer of `take` any more. Not to be given twice. */
  give(data: Uint8Array): void {
    const { buffer } = data
    const size = buffer.byteLength
    if (!(buffer instanceof ArrayBuffer) || size > pooledBufferBytes) return
    if (this.#freeBytes + size > pooledBytes) return
    const free = this.#free.get(size)
    if (free === undefined) this.#free.set(size, [buffer])
    else free.push(buffer)
    this.#freeBytes += size
  }

  /** Keep none. */
  clear(): void {
    this.#free.clear()
    this.#freeBytes = 0
  }
}
