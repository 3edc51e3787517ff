// What a chunk map is: fixed-size chunks of a content and 8 bytes of hash for each. A plain
// reference for the kernel, and its fallback. Knows nothing of where maps are kept or sent.

import { rollingSum } from './rolling-sum.ts'

/** The rolling sum (u32, little endian), then the low 32 bits of XXH64 with seed 0 (the same). */
export const chunkHashBytes = 8
/** The size of the chunks whose hashes are made when a file is hashed. */
export const coarseChunkBytes = 65_536
export const smallestChunkBytes = 64

/** Chunk sizes are powers of two from 64 to 65,536. */
export const isChunkBytes = (value: number): boolean =>
  Number.isInteger(value) &&
  value >= smallestChunkBytes &&
  value <= coarseChunkBytes &&
  (value & (value - 1)) === 0

/** Whole chunks of a content; a tail that is shorter than a chunk has no hash. */
export const chunkCount = (sizeBytes: number, chunkBytes: number): number =>
  Math.floor(sizeBytes / chunkBytes)

/** The low 32 bits of XXH64, seed 0. */
export type StrongHash = (bytes: Uint8Array) => number

/** The hashes of the whole chunks in `bytes`, 8 bytes each. */
export const chunkHashesOf = (
  bytes: Uint8Array,
  chunkBytes: number,
  strong: StrongHash,
): Uint8Array<ArrayBuffer> => {
  const count = chunkCount(bytes.length, chunkBytes)
  const hashes = new Uint8Array(count * chunkHashBytes)
  const view = new DataView(hashes.buffer)
  for (let index = 0; index < count; index++) {
    const chunk = bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes)
    view.setUint32(index * chunkHashBytes, rollingSum(chunk), true)
    view.setUint32(index * chunkHashBytes + 4, strong(chunk), true)
  }
  return hashes
}
