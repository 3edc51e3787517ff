// A table of a fixed number of slots, found by 64-bit keys: each key has a bucket of a few slots, and
// when all are taken, the one whose time is the soonest makes room. It knows no values: whoever uses
// it keeps them in arrays of numbers beside it, by slot, so that the collector has nothing to do.

/** Slots of one bucket: a bucket that overflows while others are empty is rare with these. */
const ways = 8

export class SlotTable {
  readonly slots: number
  /** Low and high half of the key of each slot in turn; both 0: empty. */
  readonly #keys: Int32Array
  readonly #times: Float64Array

  /**
   * `keys` has two numbers for each slot, `times` one; all 0 at first, and both may be shared with
   * other threads: two that write at once may lose or mix up an entry. A power of two of slots.
   */
  constructor(keys: Int32Array, times: Float64Array) {
    this.slots = times.length
    this.#keys = keys
    this.#times = times
  }

  /** The slot of a key; -1: it is not there. */
  find(low: number, high: number): number {
    const keys = this.#keys
    const wanted = used(low, high)
    const first = this.#bucket(wanted)
    for (let slot = first; slot < first + ways; slot++) {
      if (keys[2 * slot] === wanted && keys[2 * slot + 1] === high) return slot
    }
    return -1
  }

  /** The slot of a key, which it gets if it has none, and what it is to be judged by from now on. */
  claim(low: number, high: number, time: number): number {
    const known = this.find(low, high)
    const slot = known < 0 ? this.#roomFor(used(low, high)) : known
    this.#keys[2 * slot] = used(low, high)
    this.#keys[2 * slot + 1] = high
    this.#times[slot] = time
    return slot
  }

  /** What the slot was claimed with. */
  timeOf(slot: number): number {
    return this.#times[slot] as number
  }

  free(slot: number): void {
    this.#keys.fill(0, 2 * slot, 2 * slot + 2)
  }

  #bucket(low: number): number {
    return (low & (this.slots / ways - 1)) * ways
  }

  #roomFor(low: number): number {
    const keys = this.#keys
    const times = this.#times
    const first = this.#bucket(low)
    let soonest = first
    for (let slot = first; slot < first + ways; slot++) {
      if (keys[2 * slot] === 0 && keys[2 * slot + 1] === 0) return slot
      if ((times[slot] as number) < (times[soonest] as number)) soonest = slot
    }
    return soonest
  }
}

/** Nobody's key looks like an empty slot. */
const used = (low: number, high: number): number => (low === 0 && high === 0 ? 1 : low)
