// Reads one file once and computes all its hashes: SHA-256 for identity, SHA-1, MD5 and MD4 for
// clients that ask, SHA-1 of torrent pieces, hashes of chunks for deltas. Runs in a hashing thread
// and blocks it.

import { createHash, type Hash, hash } from 'node:crypto'
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs'
import { createMD4 } from 'hash-wasm'
import { systemCode } from '../core/errors.ts'
import { coarseChunkBytes } from '../core/kernel/chunk-map.ts'
import { kernel } from '../core/kernel/kernel.ts'
import { keptInlineBytes, readBufferBytes, youngFileMs } from '../core/limits.ts'
import { pieceCountFor, pieceLengthFor } from './logic/piece-length.ts'

export interface Digests {
  readonly sha256: Uint8Array
  readonly sha1: Uint8Array
  readonly md5: Uint8Array
  readonly md4: Uint8Array
  /** 20 bytes each; the last one of the last piece filled up with zeros. */
  readonly pieces: Uint8Array
  /** 20 bytes: the last piece as it is; empty for an empty file. */
  readonly lastPiece: Uint8Array
  /** The hashes of the whole 64 KiB chunks, 8 bytes each: where a delta begins. */
  readonly coarse: Uint8Array
}

export interface HashedBytes extends Digests {
  readonly stats: BigIntStats
  /** Changed so recently that another change might leave the same times behind. */
  readonly young: boolean
  /** The bytes themselves, when they were asked for and are few. */
  readonly inline: Uint8Array | null
}

export type HashAttempt = HashedBytes | 'changed' | 'vanished' | { readonly unreadable: string }

// OpenSSL 3 has no MD4.
const md4 = await createMD4()
const buffer = Buffer.alloc(readBufferBytes)
const zeros = Buffer.alloc(64 * 1024)
const pieceHashBytes = 20

const hashMd4 = (bytes: Uint8Array): Uint8Array => {
  md4.init()
  md4.update(bytes)
  return md4.digest('binary')
}

const padWithZeros = (piece: Hash, count: number): Hash => {
  for (let left = count; left > 0; left -= zeros.length) {
    piece.update(left < zeros.length ? zeros.subarray(0, left) : zeros)
  }
  return piece
}

/** From here on copying a hash's state costs less than hashing the bytes once more. */
const copyAt = 16 * 1024

/** SHA-1 of a file that is a single piece, and of that piece filled up with zeros. */
const hashSinglePiece = (length: number, pieceLength: number): [Buffer, Buffer] => {
  if (length < copyAt) {
    buffer.fill(0, length, pieceLength)
    const padded = hash('sha1', buffer.subarray(0, pieceLength), 'buffer')
    return [hash('sha1', buffer.subarray(0, length), 'buffer'), padded]
  }
  const sha1 = createHash('sha1').update(buffer.subarray(0, length))
  const padded = padWithZeros(sha1.copy(), pieceLength - length).digest()
  return [sha1.digest(), padded]
}

/** SHA-1 of a file, of its pieces with the last one filled up, and of the last one as it is. */
const hashPieces = (length: number): Pick<Digests, 'sha1' | 'pieces' | 'lastPiece'> => {
  const pieceLength = pieceLengthFor(length)
  const count = pieceCountFor(length)
  if (count === 1) {
    const [sha1, pieces] = hashSinglePiece(length, pieceLength)
    return { sha1, pieces, lastPiece: sha1 }
  }
  const bytes = buffer.subarray(0, length)
  const sha1 = hash('sha1', bytes, 'buffer')
  if (count === 0) return { sha1, pieces: Buffer.alloc(0), lastPiece: Buffer.alloc(0) }
  buffer.fill(0, length, count * pieceLength)
  const pieces = Buffer.allocUnsafe(count * pieceHashBytes)
  for (let index = 0; index < count; index++) {
    const piece = buffer.subarray(index * pieceLength, (index + 1) * pieceLength)
    hash('sha1', piece, 'buffer').copy(pieces, index * pieceHashBytes)
  }
  const lastPiece = hash('sha1', bytes.subarray((count - 1) * pieceLength), 'buffer')
  return { sha1, pieces, lastPiece }
}

/** The whole file lies in `buffer`: one call for each hash is quickest. */
const hashBuffer = (length: number): Digests => {
  const bytes = buffer.subarray(0, length)
  return {
    sha256: hash('sha256', bytes, 'buffer'),
    md5: hash('md5', bytes, 'buffer'),
    md4: hashMd4(bytes),
    coarse: kernel.chunkHashes(bytes, coarseChunkBytes),
    ...hashPieces(length),
  }
}

/** Hashes of a file that arrives in parts. */
class StreamHashes {
  readonly #all = ['sha256', 'sha1', 'md5'].map(name => createHash(name))
  readonly #pieceLength: number
  readonly #pieces: Buffer[] = []
  readonly #coarse: Uint8Array[] = []
  #piece = createHash('sha1')
  #inPiece = 0

  constructor(sizeBytes: number) {
    this.#pieceLength = pieceLengthFor(sizeBytes)
    md4.init()
  }

  /** `bytes`: a whole number of 64 KiB chunks, but for those at the file's end. */
  update(bytes: Buffer): void {
    this.#coarse.push(kernel.chunkHashes(bytes, coarseChunkBytes))
    for (const each of this.#all) each.update(bytes)
    md4.update(bytes)
    for (let start = 0; start < bytes.length; ) {
      if (this.#inPiece === this.#pieceLength) {
        this.#pieces.push(this.#piece.digest())
        this.#piece = createHash('sha1')
        this.#inPiece = 0
      }
      const end = Math.min(bytes.length, start + this.#pieceLength - this.#inPiece)
      this.#piece.update(bytes.subarray(start, end))
      this.#inPiece += end - start
      start = end
    }
  }

  digest(): Digests {
    const [sha256, sha1, md5] = this.#all.map(each => each.digest()) as [Buffer, Buffer, Buffer]
    const padded = padWithZeros(this.#piece.copy(), this.#pieceLength - this.#inPiece)
    this.#pieces.push(padded.digest())
    return {
      ...{ sha256, sha1, md5, md4: md4.digest('binary') },
      pieces: Buffer.concat(this.#pieces),
      lastPiece: this.#piece.digest(),
      coarse: Buffer.concat(this.#coarse),
    }
  }
}

/** Fill `buffer` as far as the file goes. */
const readFully = (descriptor: number): number => {
  let length = 0
  while (length < buffer.length) {
    const count = readSync(descriptor, buffer, length, buffer.length - length, null)
    if (count === 0) break
    length += count
  }
  return length
}

const writeFully = (descriptor: number, bytes: Buffer): void => {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(descriptor, bytes, done, bytes.length - done)
  }
}

/** Read to the end; null when there are not exactly `sizeBytes`. */
const readAndHash = (
  descriptor: number,
  sizeBytes: number,
  copy: number | null,
): Digests | null => {
  // One byte of room is needed to see that the file ends where it should.
  if (sizeBytes < buffer.length) {
    const length = readFully(descriptor)
    if (length !== sizeBytes) return null
    if (copy !== null) writeFully(copy, buffer.subarray(0, length))
    return hashBuffer(length)
  }
  const hashes = new StreamHashes(sizeBytes)
  let total = 0
  for (;;) {
    const length = readFully(descriptor)
    total += length
    if (total > sizeBytes) return null
    if (length === 0) break
    const part = buffer.subarray(0, length)
    if (copy !== null) writeFully(copy, part)
    hashes.update(part)
  }
  return total === sizeBytes ? hashes.digest() : null
}

const unchanged = (before: BigIntStats, after: BigIntStats): boolean =>
  before.size === after.size && before.mtimeNs === after.mtimeNs && before.ctimeNs === after.ctimeNs

/**
 * Changed just before or while it was read: another change in the same tick of the file system's
 * clock would leave the same times. Times in the future are those of a clock that goes wrong.
 */
const isYoung = (stats: BigIntStats, startedMs: number): boolean => {
  const changedMs = Number(stats.ctimeNs / 1_000_000n)
  return changedMs >= startedMs - youngFileMs && changedMs <= Date.now() + youngFileMs
}

// A fifo put in the file's place must not block the thread, nor a symlink lead elsewhere.
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

const hashOpen = (descriptor: number, keep: boolean, copy: number | null): HashAttempt => {
  const startedMs = Date.now()
  const before = fstatSync(descriptor, { bigint: true })
  if (!before.isFile()) return 'changed'
  const sizeBytes = Number(before.size)
  const digests = readAndHash(descriptor, sizeBytes, copy)
  if (digests === null) return 'changed'
  const inline =
    keep && sizeBytes <= keptInlineBytes ? Uint8Array.from(buffer.subarray(0, sizeBytes)) : null
  if (!unchanged(before, fstatSync(descriptor, { bigint: true }))) return 'changed'
  return { ...digests, stats: before, young: isYoung(before, startedMs), inline }
}

/**
 * Read and hash a file once. `keep` asks for the bytes of a small file; `copy`, an open empty file, gets
 * those of a larger one. Errors of the copy are thrown, those of the file are the answer.
 */
export const hashFile = (file: Buffer, keep: boolean, copy: number | null): HashAttempt => {
  let descriptor: number
  try {
    descriptor = openSync(file, openFlags)
  } catch (error) {
    const code = systemCode(error) ?? String(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'vanished'
    return code === 'ELOOP' || code === 'ENXIO' ? 'changed' : { unreadable: code }
  }
  try {
    return hashOpen(descriptor, keep, copy)
  } catch (error) {
    if (error instanceof Error && 'syscall' in error && error.syscall === 'read') {
      return { unreadable: systemCode(error) ?? error.message }
    }
    throw error
  } finally {
    closeSync(descriptor)
  }
}
