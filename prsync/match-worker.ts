// The matching thread: takes wanted chunks and the names of local files, answers where the chunks lie.
// A file counts only if it is before and after what it was announced to be. Knows no queue.

import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { describeError } from '../core/errors.ts'
import type { ChunkPlaces, ChunkScanner, WantedChunks } from '../core/kernel/chunk-scanner.ts'
import { kernel } from '../core/kernel/kernel.ts'
import { clipRuns, type Run, runEnd, wholeRun } from './logic/runs.ts'

/** A file that may share bytes with a content; used only while its size and time are these. */
export interface BasisFile {
  readonly file: string | Buffer
  readonly sizeBytes: number
  readonly modifiedNs: bigint
  /** Look only here (sorted, disjoint); absent: everywhere. */
  readonly runs?: readonly Run[]
}

export interface MatchRequest {
  readonly id: number
  readonly wanted: WantedChunks
  readonly bases: readonly BasisFile[]
  /** Its first element becomes 1 when nobody waits for the answer any more. */
  readonly abandoned: Int32Array
}

export interface MatchResult extends ChunkPlaces {
  readonly scannedBytes: number
  /** Bases that are gone, have changed or cannot be read. Nothing in the result refers to them. */
  readonly unusable: readonly number[]
}

export type MatchAnswer =
  | { readonly id: number; readonly result: MatchResult }
  | { readonly id: number; readonly failure: string }

class Abandoned extends Error {}

// A fifo put in the file's place must not block the thread, nor a symlink lead elsewhere.
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

const openBasis = (file: string | Uint8Array): number | null => {
  try {
    return openSync(typeof file === 'string' ? file : Buffer.from(file), openFlags)
  } catch {
    // Gone or not readable: the caller learns which basis it was.
    return null
  }
}

const isAsAnnounced = (stats: BigIntStats, basis: BasisFile): boolean =>
  stats.isFile() && stats.size === BigInt(basis.sizeBytes) && stats.mtimeNs === basis.modifiedNs

class Scan {
  readonly scanner: ChunkScanner
  readonly #abandoned: Int32Array
  scannedBytes = 0

  constructor(request: MatchRequest) {
    this.scanner = kernel.scanner(request.wanted)
    this.#abandoned = request.abandoned
  }

  /** False when the basis was not usable to its end. */
  basis(number: number, basis: BasisFile): boolean {
    const descriptor = openBasis(basis.file)
    if (descriptor === null) return false
    try {
      const before = fstatSync(descriptor, { bigint: true })
      if (!isAsAnnounced(before, basis)) return false
      for (const run of clipRuns(basis.runs ?? wholeRun(basis.sizeBytes), 0, basis.sizeBytes)) {
        if (!this.#run(descriptor, number, run)) return false
      }
      const after = fstatSync(descriptor, { bigint: true })
      return isAsAnnounced(after, basis) && after.ctimeNs === before.ctimeNs
    } catch (error) {
      if (error instanceof Error && 'syscall' in error) return false
      throw error
    } finally {
      closeSync(descriptor)
    }
  }

  #run(descriptor: number, number: number, run: Run): boolean {
    const { room } = this.scanner
    this.scanner.begin(number, run.offset)
    for (let offset = run.offset; offset < runEnd(run) && this.scanner.missing > 0; ) {
      if (Atomics.load(this.#abandoned, 0) !== 0) throw new Abandoned()
      const wanted = Math.min(room.length, runEnd(run) - offset)
      const length = readSync(descriptor, room, 0, wanted, offset)
      if (length === 0) return false
      this.scanner.scan(length)
      this.scannedBytes += length
      offset += length
    }
    this.scanner.finish()
    return true
  }
}

const match = (request: MatchRequest): MatchResult => {
  const scan = new Scan(request)
  const unusable: number[] = []
  for (const [number, basis] of request.bases.entries()) {
    if (scan.scanner.missing === 0) break
    if (scan.basis(number, basis)) continue
    scan.scanner.forget(number)
    unusable.push(number)
  }
  return { ...scan.scanner.places(), scannedBytes: scan.scannedBytes, unusable }
}

parentPort?.on('message', (request: MatchRequest) => {
  const { id } = request
  try {
    const result = match(request)
    const lists = [result.chunks.buffer, result.bases.buffer, result.offsets.buffer]
    parentPort?.postMessage({ id, result } satisfies MatchAnswer, lists)
  } catch (error) {
    const failure = error instanceof Abandoned ? 'nobody waits' : describeError(error)
    parentPort?.postMessage({ id, failure } satisfies MatchAnswer)
  }
})
