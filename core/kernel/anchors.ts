// Anchors: where content-defined chunks end, so that the same bytes give the same anchors wherever
// they lie. FastCDC with a gear hash (Xia et al., USENIX ATC 2016). Plain reference for the kernel.

/** An anchor is the first 5 bytes of its chunk's XXH64 (seed 0, little endian). */
export const anchorBytes = 5
/** A chunk is no shorter (but the last one); small, so that a list falls into step again soon. */
export const anchorChunkFloor = 1024
/** Up to this length a cut is four times less likely than it is after it. */
export const anchorChunkNormal = 2048
/** A chunk is no longer. */
export const anchorChunkCeiling = 16_384
/** The gear hash depends on as many bytes as it has bits. */
const gearBytes = 32
/** A cut is where the gear hash is below this: one position in 8,192, … */
export const earlyCut = 2 ** 32 / 8192
/** … and one in 2,048. */
export const lateCut = 2 ** 32 / 2048

/** MurmurHash3's finaliser of (byte + 1) × 0x9e3779b1. */
const gearValue = (byte: number): number => {
  let value = Math.imul(byte + 1, 0x9e3779b1)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}

const gearValues = Uint32Array.from({ length: 256 }, (_, byte) => gearValue(byte))

/**
 * Length of the content-defined chunk that begins at `start`; 0 when it does not end before `end` and
 * more bytes follow. With `last` the bytes end there and so does the chunk.
 */
export const anchorChunkLength = (
  bytes: Uint8Array,
  start: number,
  end: number,
  last: boolean,
): number => {
  const available = Math.min(end - start, anchorChunkCeiling)
  let gear = 0
  let length = anchorChunkFloor - gearBytes
  while (length < available) {
    gear = ((gear << 1) + (gearValues[bytes[start + length] as number] as number)) >>> 0
    length++
    if (length < anchorChunkFloor) continue
    if (gear < (length <= anchorChunkNormal ? earlyCut : lateCut)) return length
  }
  if (available === anchorChunkCeiling || last) return available
  return 0
}

/** The first 5 bytes of the XXH64 of a chunk. */
export type AnchorHash = (chunk: Uint8Array) => Uint8Array

/** Anchors of the chunks that end within `bytes`, one after the other, and how many bytes they are. */
export const anchorsOf = (
  bytes: Uint8Array,
  last: boolean,
  hash: AnchorHash,
): { readonly anchors: Uint8Array<ArrayBuffer>; readonly consumedBytes: number } => {
  const anchors = new Uint8Array((Math.floor(bytes.length / anchorChunkFloor) + 1) * anchorBytes)
  let consumedBytes = 0
  let length = 0
  while (consumedBytes < bytes.length) {
    const chunk = anchorChunkLength(bytes, consumedBytes, bytes.length, last)
    if (chunk === 0) break
    anchors.set(hash(bytes.subarray(consumedBytes, consumedBytes + chunk)), length)
    length += anchorBytes
    consumedBytes += chunk
  }
  return { anchors: anchors.slice(0, length), consumedBytes }
}
