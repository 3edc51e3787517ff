// Looks for missing chunks where their neighbours' matches would continue, by short hashes: a few
// reads of the bases instead of a search through all of them.

import { zerosBasis } from '../core/kernel/chunk-scanner.ts'
import type { Kernel } from '../core/kernel/kernel.ts'
import { readBufferBytes } from '../core/limits.ts'
import { BasisReader } from './basis-reader.ts'
import { type ChunkMatches, type Probe, probesFor, type Span } from './logic/delta-plan.ts'
import { type ChunkAsk, chunkAskHashes, shortHashes } from './logic/ranges-wire.ts'
import { readWindows } from './logic/read-windows.ts'
import type { BasisFile } from './matcher.ts'

export interface NearSearch {
  readonly spans: readonly Span[]
  readonly ask: ChunkAsk
  /** The hashes that were asked for. */
  readonly hashes: Uint8Array
  readonly bases: readonly BasisFile[]
}

interface Piece extends Probe {
  readonly offset: number
  readonly length: number
}

/** Looks that lie no further apart are read together. */
const gapBytes = 16 * 1024

/** Which chunks were asked for, and where their hashes are. */
class Wanted {
  readonly #ask: ChunkAsk
  readonly #hashes: Uint8Array
  /** Position of the first hash of each run. */
  readonly #starts: number[] = []
  readonly places = new Map<number, { readonly basis: number; readonly offset: number }>()

  constructor(ask: ChunkAsk, hashes: Uint8Array) {
    this.#ask = ask
    this.#hashes = hashes
    let position = 0
    for (const run of ask.runs) {
      this.#starts.push(position)
      position += run.length
    }
  }

  /** Position of a chunk's hash; it is known that it was asked for. */
  #position(chunk: number): number {
    const { runs } = this.#ask
    let low = 0
    let high = runs.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((runs[middle]?.offset ?? 0) <= chunk) low = middle
      else high = middle - 1
    }
    return (this.#starts[low] ?? 0) + chunk - (runs[low]?.offset ?? 0)
  }

  /** Compare the chunks of a probe with what the basis has there. */
  compare(probe: Probe, found: Uint8Array): void {
    const { chunkBytes, hashBytes } = this.#ask
    const start = this.#position(probe.first)
    for (let i = 0; i < probe.count; i += 1) {
      const chunk = probe.first + i
      if (this.places.has(chunk)) continue
      let same = true
      for (let j = 0; same && j < hashBytes; j += 1) {
        same = this.#hashes[(start + i) * hashBytes + j] === found[i * hashBytes + j]
      }
      if (!same) continue
      const offset = probe.basisOffset + i * chunkBytes
      this.places.set(chunk, { basis: probe.basis, offset })
    }
  }

  /**
   * What is all zeros needs no basis. They are looked for everywhere, where a short hash alone would
   * be wrong too often: only two in a row count.
   */
  compareZeros(zeroHash: Uint8Array): void {
    const { hashBytes, runs } = this.#ask
    let at = 0
    for (const { offset, length } of runs) {
      let wasZero = false
      for (let i = 0; i < length; i += 1, at += hashBytes) {
        let isZero = true
        for (let j = 0; isZero && j < hashBytes; j += 1)
          isZero = this.#hashes[at + j] === zeroHash[j]
        const place = { basis: zerosBasis, offset: 0 }
        if (isZero && wasZero) this.places.set(offset + i - 1, place).set(offset + i, place)
        wasZero = isZero
      }
    }
  }

  matches(): ChunkMatches {
    const chunks = Uint32Array.from(this.places.keys()).sort()
    const bases = new Uint32Array(chunks.length)
    const offsets = new Float64Array(chunks.length)
    for (const [index, chunk] of chunks.entries()) {
      const place = this.places.get(chunk)
      bases[index] = place?.basis ?? 0
      offsets[index] = place?.offset ?? 0
    }
    return { chunks, bases, offsets }
  }
}

const byBasis = (probes: readonly Probe[], chunkBytes: number): Map<number, Piece[]> => {
  const groups = new Map<number, Piece[]>()
  for (const probe of probes) {
    // A long look is read in parts.
    const atOnce = readBufferBytes / chunkBytes
    for (let done = 0; done < probe.count; done += atOnce) {
      const count = Math.min(atOnce, probe.count - done)
      const offset = probe.basisOffset + done * chunkBytes
      const piece = { first: probe.first + done, count, basis: probe.basis, basisOffset: offset }
      const group = groups.get(probe.basis)
      const placed = { ...piece, offset, length: count * chunkBytes }
      if (group === undefined) groups.set(probe.basis, [placed])
      else group.push(placed)
    }
  }
  for (const group of groups.values()) group.sort((a, b) => a.offset - b.offset)
  return groups
}

/** The chunks that are where they were expected. A basis that changed gives none. */
export const nearChunks = async (
  kernel: Pick<Kernel, 'chunkHashes'>,
  { spans, ask, hashes, bases }: NearSearch,
  signal: AbortSignal,
): Promise<ChunkMatches> => {
  const { chunkBytes, hashBytes, runs } = ask
  const wanted = new Wanted(ask, hashes)
  if (chunkAskHashes(ask) * hashBytes !== hashes.length) return wanted.matches()
  const zeros = kernel.chunkHashes(new Uint8Array(chunkBytes), chunkBytes)
  wanted.compareZeros(shortHashes(zeros, hashBytes))
  const sizes = bases.map(basis => basis.sizeBytes)
  const probes = probesFor(spans, runs, chunkBytes, sizes)
  for (const [index, pieces] of byBasis(probes, chunkBytes)) {
    const basis = bases[index]
    const reader = basis === undefined ? null : await BasisReader.open(basis)
    if (reader === null) continue
    try {
      for (const window of readWindows(pieces, gapBytes, readBufferBytes)) {
        signal.throwIfAborted()
        const bytes = await reader.read(window.offset, window.length)
        if (bytes === null) break
        for (const piece of window.pieces) {
          const at = piece.offset - window.offset
          const full = kernel.chunkHashes(bytes.subarray(at, at + piece.length), chunkBytes)
          wanted.compare(piece, shortHashes(full, hashBytes))
        }
      }
    } finally {
      await reader.close()
    }
  }
  return wanted.matches()
}
