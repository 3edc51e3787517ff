// The bytes of an answer, slice by slice, from memory or from an open file that is checked after
// each read. Knows nothing of connections.

import assert from 'node:assert'
import type { FileHandle } from 'node:fs/promises'
import { type FileGuard, isGuarded } from './guarded-file.ts'
import type { Pace } from './logic/pace.ts'
import type { BodyPart } from './logic/respond.ts'
import type { ReadBudget } from './read-budget.ts'

/** Where the bytes are: in memory, or in an open file that sendRepresentation closes. */
export type Body =
  | { readonly bytes: Uint8Array }
  | { readonly handle: FileHandle; readonly guard: FileGuard }

export interface Slice {
  readonly preamble: string
  readonly data: Uint8Array
  /** To give back to the budget. */
  readonly buffer?: Buffer
}

/** Why there are no more bytes: the file is not the one that was hashed, or cannot be read. */
export interface ReadFailure {
  readonly outcome: 'changed' | 'unreadable'
  readonly error?: unknown
}

/** Cuts the parts of a decision into slices of at most the size that is asked for. */
class Cursor {
  readonly #parts: readonly BodyPart[]
  #index = 0
  #done = 0

  constructor(parts: readonly BodyPart[]) {
    this.#parts = parts
  }

  get remaining(): number {
    const part = this.#parts[this.#index]
    return part === undefined ? 0 : part.length - this.#done
  }

  next(limitBytes: number): BodyPart {
    const part = this.#parts[this.#index]
    assert(part !== undefined)
    const offset = part.offset + this.#done
    const length = Math.min(limitBytes, part.length - this.#done)
    const preamble = this.#done === 0 ? part.preamble : ''
    this.#done += length
    if (this.#done === part.length) {
      this.#index++
      this.#done = 0
    }
    return { offset, length, preamble }
  }
}

const readFully = async (
  handle: FileHandle,
  buffer: Buffer,
  length: number,
  offset: number,
): Promise<boolean> => {
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(buffer, done, length - done, offset + done)
    if (bytesRead === 0) return false
    done += bytesRead
  }
  return true
}

/** Reads slices ahead of the writes, checking after each read that the file is still the same. */
export class SliceReader {
  readonly #body: Body
  readonly #budget: ReadBudget
  readonly #cursor: Cursor

  constructor(body: Body, parts: readonly BodyPart[], budget: ReadBudget) {
    this.#body = body
    this.#budget = budget
    this.#cursor = new Cursor(parts)
  }

  /** The next slice, null after the last, or why there is none. Never rejects. */
  async next({
    sliceBytes,
    proven,
  }: Pick<Pace, 'sliceBytes' | 'proven'>): Promise<Slice | ReadFailure | null> {
    const { remaining } = this.#cursor
    if (remaining === 0) return null
    if ('bytes' in this.#body) {
      const { preamble, offset, length } = this.#cursor.next(sliceBytes)
      return { preamble, data: this.#body.bytes.subarray(offset, offset + length) }
    }
    const { handle, guard } = this.#body
    const buffer = this.#budget.take(Math.min(sliceBytes, remaining), proven)
    const { preamble, offset, length } = this.#cursor.next(Math.min(sliceBytes, buffer.length))
    try {
      const full = await readFully(handle, buffer, length, offset)
      if (full && isGuarded(await handle.stat({ bigint: true }), guard)) {
        return { preamble, data: buffer.subarray(0, length), buffer }
      }
      this.#budget.give(buffer)
      return { outcome: 'changed' }
    } catch (error) {
      this.#budget.give(buffer)
      return { outcome: 'unreadable', error }
    }
  }

  release(slice: Slice, reusable: boolean): void {
    if (slice.buffer === undefined) return
    if (reusable) this.#budget.give(slice.buffer)
    else this.#budget.drop(slice.buffer)
  }
}
