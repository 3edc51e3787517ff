// What redirects leave behind, in one piece of memory of fixed size: where clients were sent for a
// path lately, and with which volunteer they stay. Texts are not kept, only hashes of them under a
// key that nobody outside knows. It decides nothing.

import { randomBytes } from 'node:crypto'
import { repeatSlots, stickySlots } from '../core/limits.ts'
import { type HashKey, KeyedHash } from './logic/keyed-hash.ts'
import { RepeatTable, repeatSlotBytes, StickyTable, stickySlotBytes } from './logic/repeat-table.ts'
import { type Repeat, repeatedRange } from './logic/repeats.ts'

/** Whom and what a request is remembered by. */
export interface Remembered {
  readonly client: string
  readonly path: string
  readonly range: string | undefined
}

/** May be given to several threads, whose memory it is then together. */
export interface SharedMemory {
  readonly key: HashKey
  readonly repeats: ArrayBufferLike
  readonly sticky: ArrayBufferLike
}

const ownMemory = (): SharedMemory => {
  const random = randomBytes(8)
  return {
    key: { low: random.readInt32LE(0), high: random.readInt32LE(4) },
    repeats: new ArrayBuffer(repeatSlots * repeatSlotBytes),
    sticky: new ArrayBuffer(stickySlots * stickySlotBytes),
  }
}

export class RedirectMemory {
  readonly #hash: KeyedHash
  readonly #repeats: RepeatTable
  readonly #sticky: StickyTable
  /** The request that was hashed last: the same one is asked about several times in a row. */
  #hashed: Remembered | null = null
  /** Low and high half of its client's hash, and of its own. */
  readonly #keys = new Int32Array(4)

  /** `memory`: zeros at first, of the sizes that core/limits.ts settles. */
  constructor({ key, repeats, sticky }: SharedMemory = ownMemory()) {
    this.#hash = new KeyedHash(key)
    this.#repeats = new RepeatTable(repeats, repeatSlots)
    this.#sticky = new StickyTable(sticky, stickySlots)
  }

  /** The number by which a volunteer is remembered here. */
  numberOf(name: string): number {
    return this.#hash.start().add(name).end().low
  }

  repeat(request: Remembered): Repeat | undefined {
    const keys = this.#keysOf(request)
    return this.#repeats.get(keys[2] as number, keys[3] as number)
  }

  /** Undefined: it is forgotten. */
  setRepeat(request: Remembered, repeat: Repeat | undefined): void {
    const keys = this.#keysOf(request)
    if (repeat === undefined) this.#repeats.delete(keys[2] as number, keys[3] as number)
    else this.#repeats.set(keys[2] as number, keys[3] as number, repeat)
  }

  /** The number of the volunteer that the client stays with; null: none. `nowMs`: monotonic. */
  sticky(request: Remembered, nowMs: number): number | null {
    const keys = this.#keysOf(request)
    return this.#sticky.get(keys[0] as number, keys[1] as number, nowMs)
  }

  stick(request: Remembered, volunteer: number, untilMs: number): void {
    const keys = this.#keysOf(request)
    this.#sticky.set(keys[0] as number, keys[1] as number, volunteer, untilMs)
  }

  #keysOf(request: Remembered): Int32Array {
    const keys = this.#keys
    if (this.#hashed === request) return keys
    const hash = this.#hash
    hash.start().add(request.client).end()
    keys[0] = hash.low
    keys[1] = hash.high
    hash.start().addNumber(hash.low).addNumber(hash.high).add(request.path)
    hash.add(repeatedRange(request.range)).end()
    keys[2] = hash.low
    keys[3] = hash.high
    this.#hashed = request
    return keys
  }
}
