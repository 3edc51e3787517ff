// The memory that answers may use for reading files, shared by all of them. It never makes anyone
// wait: when it is used up, the buffers get small.

import { Buffer } from 'node:buffer'
import {
  idleReadBuffers,
  readBudgetBytes,
  readBufferBytes,
  slowReadBufferBytes,
} from '../core/limits.ts'

export class ReadBudget {
  readonly #limitBytes: number
  readonly #idle: Buffer[] = []
  #usedBytes = 0

  constructor(limitBytes = readBudgetBytes) {
    this.#limitBytes = limitBytes
  }

  /** What buffers in use occupy; may exceed the limit by one small buffer per transfer. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** A buffer of at most `wantedBytes`, or a small one. Give it back, once, by `give` or `drop`. */
  take(wantedBytes: number): Buffer {
    const large = wantedBytes > slowReadBufferBytes
    if (!large || this.#usedBytes + readBufferBytes > this.#limitBytes) {
      const sizeBytes = Math.min(wantedBytes, slowReadBufferBytes)
      this.#usedBytes += sizeBytes
      return Buffer.allocUnsafeSlow(sizeBytes)
    }
    this.#usedBytes += readBufferBytes
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(readBufferBytes)
  }

  /** The buffer may be used again: nothing refers to it any more. */
  give(buffer: Buffer): void {
    this.drop(buffer)
    if (buffer.length === readBufferBytes && this.#idle.length < idleReadBuffers) {
      this.#idle.push(buffer)
    }
  }

  /** The buffer is not used any more here, but a dying connection may still refer to it. */
  drop(buffer: Buffer): void {
    this.#usedBytes -= buffer.length
  }
}
