// The memory that answers may use for reading files, shared by all of them. It never makes anyone
// wait: when it is used up, the buffers get small.

import { Buffer } from 'node:buffer'
import {
  idleReadBuffers,
  readBudgetBytes,
  readBufferBytes,
  slowReadBufferBytes,
} from '../core/limits.ts'
import {
  crowdReadBufferBytes,
  idleSmallReadBuffers,
  newcomersReadBytes,
} from '../core/serving-limits.ts'

export class ReadBudget {
  readonly #limitBytes: number
  readonly #newcomersBytes: number
  readonly #idle: Buffer[] = []
  readonly #idleSmall: ReadonlyMap<number, Buffer[]> = new Map([
    [slowReadBufferBytes, []],
    [crowdReadBufferBytes, []],
  ])
  #usedBytes = 0

  constructor(limitBytes = readBudgetBytes, newcomersBytes = newcomersReadBytes) {
    this.#limitBytes = limitBytes
    this.#newcomersBytes = Math.min(limitBytes, newcomersBytes)
  }

  /** What buffers in use occupy; may exceed the limit by one small buffer per transfer. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Is a large buffer to be had? `proven`: by a client that has shown to be quick. */
  hasRoom(proven: boolean): boolean {
    const limitBytes = proven ? this.#limitBytes : this.#newcomersBytes
    return this.#usedBytes + readBufferBytes <= limitBytes
  }

  /** A buffer of at most `wantedBytes`, or a small one. Give it back, once, by `give` or `drop`. */
  take(wantedBytes: number, proven = true): Buffer {
    const room = this.hasRoom(proven)
    if (wantedBytes > slowReadBufferBytes && room) {
      this.#usedBytes += readBufferBytes
      return this.#idle.pop() ?? Buffer.allocUnsafeSlow(readBufferBytes)
    }
    const mostBytes = room ? slowReadBufferBytes : crowdReadBufferBytes
    const sizeBytes = Math.min(wantedBytes, mostBytes)
    this.#usedBytes += sizeBytes
    const idle = this.#idleSmall.get(sizeBytes)?.pop()
    if (idle !== undefined) return idle
    // In a crowd large ones are not needed.
    if (sizeBytes === crowdReadBufferBytes) this.#idle.pop()
    return Buffer.allocUnsafeSlow(sizeBytes)
  }

  /** The buffer may be used again: nothing refers to it any more. */
  give(buffer: Buffer): void {
    this.drop(buffer)
    const large = buffer.length === readBufferBytes
    const idle = large ? this.#idle : this.#idleSmall.get(buffer.length)
    const most = large ? idleReadBuffers : idleSmallReadBuffers
    if (idle !== undefined && idle.length < most) idle.push(buffer)
  }

  /** The buffer is not used any more here, but a dying connection may still refer to it. */
  drop(buffer: Buffer): void {
    this.#usedBytes -= buffer.length
  }
}
