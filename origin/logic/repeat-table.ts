// Keeps what is remembered of clients' repeats (see repeats.ts) and of the volunteer that a client
// stays with, as numbers in arrays. Two keys may meet in 64 bits: then a client is sent to another
// volunteer than it might have been, and to nothing worse.

import { repeatVolunteers } from '../../core/limits.ts'
import type { Repeat } from './repeats.ts'
import { SlotTable } from './slot-table.ts'

const numberBytes = Float64Array.BYTES_PER_ELEMENT
const wordBytes = Int32Array.BYTES_PER_ELEMENT

/** Until when, since when and the offset; the key, volunteers, how many they are, and if served. */
export const repeatSlotBytes = 3 * numberBytes + (2 + repeatVolunteers + 1) * wordBytes

/** Until when; the key and the volunteer. */
export const stickySlotBytes = numberBytes + 3 * wordBytes

/** Cuts columns of numbers out of one piece of memory, the wider ones first. */
const columns = (memory: ArrayBufferLike, slots: number) => {
  let at = 0
  const take = (bytes: number): number => {
    at += bytes
    return at - bytes
  }
  return {
    numbers: () => new Float64Array(memory, take(slots * numberBytes), slots),
    words: (each: number) => new Int32Array(memory, take(slots * each * wordBytes), slots * each),
  }
}

/** Repeats by the 64-bit hash of repeatKey; volunteers are numbers here. */
export class RepeatTable {
  readonly #slots: SlotTable
  readonly #sinceMs: Float64Array
  readonly #offsets: Float64Array
  readonly #tried: Int32Array
  /** How many were tried, and `servedFlag` if the origin made sure. */
  readonly #counts: Int32Array

  /** `memory`: `repeatSlotBytes` for each slot, zeros at first; `slots`: a power of two, from 8 on. */
  constructor(memory: ArrayBufferLike, slots: number) {
    const { numbers, words } = columns(memory, slots)
    const untilMs = numbers()
    this.#sinceMs = numbers()
    this.#offsets = numbers()
    this.#slots = new SlotTable(words(2), untilMs)
    this.#tried = words(repeatVolunteers)
    this.#counts = words(1)
  }

  get(low: number, high: number): Repeat | undefined {
    const slot = this.#slots.find(low, high)
    if (slot < 0) return undefined
    const count = this.#counts[slot] as number
    const first = slot * repeatVolunteers
    return {
      tried: [...this.#tried.subarray(first, first + (count & ~servedFlag))],
      served: (count & servedFlag) !== 0,
      offset: this.#offsets[slot] as number,
      sinceMs: this.#sinceMs[slot] as number,
      untilMs: this.#slots.timeOf(slot),
    }
  }

  /** At most `repeatVolunteers` tried ones. Whose window ends first makes room in a full bucket. */
  set(low: number, high: number, repeat: Repeat): void {
    const { tried, served, offset, sinceMs, untilMs } = repeat
    const slot = this.#slots.claim(low, high, untilMs)
    for (let place = 0; place < tried.length && place < repeatVolunteers; place++) {
      this.#tried[slot * repeatVolunteers + place] = tried[place] as number
    }
    const count = Math.min(tried.length, repeatVolunteers)
    this.#counts[slot] = served ? count | servedFlag : count
    this.#offsets[slot] = offset
    this.#sinceMs[slot] = sinceMs
  }

  delete(low: number, high: number): void {
    const slot = this.#slots.find(low, high)
    if (slot >= 0) this.#slots.free(slot)
  }
}

const servedFlag = 1 << 16

/** The volunteer that a client stays with, by the 64-bit hash of the client. */
export class StickyTable {
  readonly #slots: SlotTable
  readonly #volunteers: Int32Array

  /** `memory`: `stickySlotBytes` for each slot, zeros at first; `slots`: a power of two, from 8 on. */
  constructor(memory: ArrayBufferLike, slots: number) {
    const { numbers, words } = columns(memory, slots)
    const untilMs = numbers()
    this.#slots = new SlotTable(words(2), untilMs)
    this.#volunteers = words(1)
  }

  /** The volunteer's number; null: none, or no longer. */
  get(low: number, high: number, nowMs: number): number | null {
    const slot = this.#slots.find(low, high)
    if (slot < 0 || this.#slots.timeOf(slot) < nowMs) return null
    return this.#volunteers[slot] as number
  }

  set(low: number, high: number, volunteer: number, untilMs: number): void {
    this.#volunteers[this.#slots.claim(low, high, untilMs)] = volunteer
  }
}
