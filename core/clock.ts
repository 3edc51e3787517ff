// The seams for time and chance: decisions receive values, shells receive these.

export interface Clock {
  /** Milliseconds since 1970, may jump. */
  nowMs(): number
  /** Milliseconds that only grow, for measuring durations. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}

/** A number in [0, 1), as Math.random gives. */
export type Random = () => number

/** A small seeded generator (mulberry32) for tests and simulations: same seed, same numbers. */
export const seededRandom = (seed: number): Random => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
