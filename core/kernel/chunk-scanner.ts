// What a scan for wanted chunks is: bytes of local files in, places of chunks out. Two implementations
// give the same places, plain-scanner.ts and wasm-scanner.ts. Knows no files.

export interface WantedChunks {
  readonly chunkBytes: number
  /** Which chunks of the content. */
  readonly chunks: Uint32Array
  /** 8 bytes for each, in the same order. */
  readonly hashes: Uint8Array
}

/** As a basis: no file is needed, the chunk is all zeros. */
export const zerosBasis = 0xffffffff
/** Places keep a basis in 16 bits and an offset in 48; the two highest numbers are not bases. */
export const basesAtOnce = 0xfff0

export interface ChunkPlaces {
  /** Chunk chunks[i] lies in basis bases[i] at offsets[i]; in the order they were asked for. */
  readonly chunks: Uint32Array<ArrayBuffer>
  readonly bases: Uint32Array<ArrayBuffer>
  readonly offsets: Float64Array<ArrayBuffer>
}

/** Takes bases one after the other, each in portions, and remembers a place for each chunk found. */
export interface ChunkScanner {
  /** Where the next bytes of the basis are to be put. */
  readonly room: Uint8Array
  /** Different wanted chunks that have no place yet. */
  readonly missing: number
  /** A basis, or a run of one, begins at this offset. */
  begin(basis: number, offset: number): void
  /** The first `length` bytes of `room` follow what was scanned since `begin`. */
  scan(length: number): void
  /** The basis, or the run, ends. */
  finish(): void
  /** A basis proved unusable: chunks that were placed there have no place any more. */
  forget(basis: number): void
  places(): ChunkPlaces
}

/** Bytes of `room`: large enough for quick reads, small beside everything else. */
export const roomBytes = 1024 * 1024
