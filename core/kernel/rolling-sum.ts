// The weak half of a chunk's hash: a polynomial sum modulo 2^32 that can be moved by one byte in
// constant time. Specified in docs/PROTOCOL.md; knows nothing of chunks, files or tables.

/** The polynomial's variable: 5 modulo 8 (longest period), from Steele and Vigna's tables. */
export const rollingMultiplier = 0x915f77f5

/** The multiplier to the power of a window's length: what a byte weighs when it leaves. */
export const leavingWeight = (windowBytes: number): number => {
  let power = 1
  for (let step = 0; step < windowBytes; step++) power = Math.imul(power, rollingMultiplier)
  return power >>> 0
}

/**
 * Sum of bytes[start … end): Σ (byte + 1) × multiplier^(distance from the last byte), modulo 2^32, as
 * an unsigned number. Adding one makes zeros count. Tables must not take their index from the sum as
 * it is: the last bytes reach only its low bits, periodic data only its high ones. See mixedSum.
 */
export const rollingSum = (bytes: Uint8Array, start = 0, end = bytes.length): number => {
  let sum = 0
  for (let index = start; index < end; index++) {
    sum = (Math.imul(sum, rollingMultiplier) + (bytes[index] as number) + 1) | 0
  }
  return sum >>> 0
}

/** The sum after the window moved by one byte; `weight` is the leavingWeight of its length. */
export const roll = (sum: number, weight: number, byteOut: number, byteIn: number): number =>
  (Math.imul(sum, rollingMultiplier) + byteIn + 1 - Math.imul(byteOut + 1, weight)) >>> 0

const mixMultiplier = 0x9e3779b1

/** An unsigned number whose high bits depend on all of the sum's: the index for a table. */
export const mixedSum = (sum: number): number => Math.imul(sum, mixMultiplier) >>> 0
