// A short keyed hash of texts, for tables that strangers fill: who does not know the key cannot
// choose texts that meet in one place. HalfSipHash with 1 and 3 rounds (Aumasson and Bernstein), 64
// bits of it. It knows nothing of what is hashed, and proves nothing about it.

/** 64 secret random bits, as two 32-bit numbers. */
export interface HashKey {
  readonly low: number
  readonly high: number
}

/**
 * `start()`, then `add()` for each text, then `end()`: the result stands in `low` and `high`, as
 * signed 32-bit numbers, until the next start. Makes no objects, since it runs for each request.
 */
export class KeyedHash {
  low = 0
  high = 0
  readonly #key: Int32Array
  /** The four words of the state. */
  readonly #state = new Int32Array(4)

  constructor({ low, high }: HashKey) {
    this.#key = Int32Array.of(low, high)
  }

  start(): this {
    const low = this.#key[0] as number
    const high = this.#key[1] as number
    const state = this.#state
    state[0] = low
    state[1] = high ^ 0xee
    state[2] = low ^ 0x6c796765
    state[3] = high ^ 0x74656462
    return this
  }

  /** Its length goes first, so that ("ab", "c") is another thing than ("a", "bc"). */
  add(text: string): this {
    const { length } = text
    const state = this.#state
    let a = state[0] as number
    let b = state[1] as number
    let c = state[2] as number
    let d = state[3] as number
    let word = length
    // As addNumber does for each word, but with the state out of memory: several times as fast.
    for (let index = 0; ; index += 2) {
      d ^= word
      a = (a + b) | 0
      b = ((b << 5) | (b >>> 27)) ^ a
      a = (a << 16) | (a >>> 16)
      c = (c + d) | 0
      d = ((d << 8) | (d >>> 24)) ^ c
      a = (a + d) | 0
      d = ((d << 7) | (d >>> 25)) ^ a
      c = (c + b) | 0
      b = ((b << 13) | (b >>> 19)) ^ c
      c = (c << 16) | (c >>> 16)
      a ^= word
      if (index >= length) break
      word = text.charCodeAt(index)
      if (index + 1 < length) word |= text.charCodeAt(index + 1) << 16
    }
    state[0] = a
    state[1] = b
    state[2] = c
    state[3] = d
    return this
  }

  /** 32 bits. */
  addNumber(word: number): this {
    const state = this.#state
    state[3] = (state[3] as number) ^ word
    round(state)
    state[0] = (state[0] as number) ^ word
    return this
  }

  end(): this {
    const state = this.#state
    state[2] = (state[2] as number) ^ 0xee
    this.low = finish(state)
    state[1] = (state[1] as number) ^ 0xdd
    this.high = finish(state)
    return this
  }
}

const finish = (state: Int32Array): number => {
  for (let turn = 0; turn < 3; turn++) round(state)
  return (state[1] as number) ^ (state[3] as number)
}

const round = (state: Int32Array): void => {
  let a = state[0] as number
  let b = state[1] as number
  let c = state[2] as number
  let d = state[3] as number
  a = (a + b) | 0
  b = ((b << 5) | (b >>> 27)) ^ a
  a = (a << 16) | (a >>> 16)
  c = (c + d) | 0
  d = ((d << 8) | (d >>> 24)) ^ c
  a = (a + d) | 0
  d = ((d << 7) | (d >>> 25)) ^ a
  c = (c + b) | 0
  b = ((b << 13) | (b >>> 19)) ^ c
  state[0] = a
  state[1] = b
  state[2] = (c << 16) | (c >>> 16)
  state[3] = d
}
