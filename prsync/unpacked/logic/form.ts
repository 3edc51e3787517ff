// The unpacked form of a gzip file: its inflated text, how the text is cut into tokens, and what is
// left of the packing, one after the other. Here is what both directions share; docs/PROTOCOL.md has
// the bytes.

/** Fill from the front; returns how many bytes there were, 0 at the end. */
export type ReadBytes = (into: Uint8Array) => number

/** Takes all of it at once; the bytes are only valid during the call. */
export type WriteBytes = (bytes: Uint8Array) => void

/** Why there is no form of a file, or no file of a form. Never leaves this folder's functions. */
export class NoForm extends Error {}

export interface FormShape {
  readonly textBytes: number
  readonly tokenBytes: number
  readonly frameBytes: number
}

/** deflate: how far back a match may lie, and how long it may be. */
export const windowBytes = 32_768
export const mostLength = 258
export const leastLength = 3

/** First byte of a frame's entry. Blocks: 2 to 5, and 16 more for the last one of a member. */
export const entryEnd = 0
export const entryMember = 1
export const blockStored = 2
export const blockFixed = 3
export const blockDynamic = 4
/** The same as blockDynamic, with the code that zlib would give it. */
export const blockUsual = 5
export const finalBlock = 16

/** Low five bits of a token: the match's length less 3 up to 28, or one of these. */
export const tokenLong = 29
export const tokenFar = 30
export const tokenNone = 31
/** High three bits of a token: literals before the match; 7: the rest follows as a number. */
export const tokenManyLiterals = 7

export const formBytes = ({ textBytes, tokenBytes, frameBytes }: FormShape): number =>
  textBytes + tokenBytes + frameBytes

/** By what a gzip file begins: the method of RFC 1952 is always deflate. */
export const gzipMagic: readonly number[] = [0x1f, 0x8b, 8]

export const beginsAsGzip = (bytes: Uint8Array): boolean =>
  gzipMagic.every((byte, index) => bytes[index] === byte)

/** What a gzip file may become; more is no form of anything. */
export interface FormLimits {
  readonly textBytes: number
  readonly tokenBytes: number
  readonly frameBytes: number
}

const MiB = 2 ** 20

/** The bounds for a file of this size: it is inflated to at most 100 times its size and 1 MiB. */
export const formLimits = (packedBytes: number, mostTextBytes: number): FormLimits => {
  const textBytes = Math.min(mostTextBytes, packedBytes * 100 + MiB)
  // A match takes at least two bits and a token at least a byte.
  const tokenBytes = Math.min(mostTextBytes, packedBytes * 4 + MiB)
  return { textBytes, tokenBytes, frameBytes: Math.min(16 * MiB, packedBytes + MiB) }
}

export const isWithinLimits = (shape: FormShape, limits: FormLimits): boolean =>
  shape.textBytes <= limits.textBytes &&
  shape.tokenBytes <= limits.tokenBytes &&
  shape.frameBytes <= limits.frameBytes
