// The hashing thread: takes batches of files, answers with packed digests. Knows no database.

import { closeSync, openSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { describeError } from '../core/errors.ts'
import type { RepoPath } from '../core/ids.ts'
import { hashAttempts, hashRetryMs } from '../core/limits.ts'
import { pathInFolder } from '../core/repo-path.ts'
import { type HashAttempt, type HashedBytes, hashFile } from './hash-file.ts'

export interface HashRequest {
  readonly path: RepoPath
  /** Give back the bytes of a small file. */
  readonly keep: boolean
  /** Write a copy of what is hashed to this new file. */
  readonly copyTo: string | null
}

export interface BatchRequest {
  readonly id: number
  readonly root: string
  readonly files: readonly HashRequest[]
}

/** How one file went; lengths say how much of the batch's packed bytes are its own. */
export type PackedOutcome =
  | {
      readonly kind: 'hashed'
      readonly sizeBytes: number
      readonly modifiedNs: bigint
      readonly changedNs: bigint
      readonly inode: bigint
      readonly young: boolean
      readonly piecesLength: number
      readonly lastPieceLength: number
      readonly coarseLength: number
      readonly inlineLength: number | null
    }
  | { readonly kind: 'changed' | 'vanished' }
  | { readonly kind: 'unreadable'; readonly reason: string }

export type BatchAnswer =
  | {
      readonly id: number
      readonly outcomes: readonly PackedOutcome[]
      /** Of each hashed file: SHA-256, SHA-1, MD5, MD4, pieces, last piece, coarse chunks, bytes to keep. */
      readonly packed: Uint8Array<ArrayBuffer>
    }
  | { readonly id: number; readonly failure: string; readonly diskFull: boolean }

const pause = new Int32Array(new SharedArrayBuffer(4))

/** Each attempt begins its copy anew. */
const hashOnce = (file: Buffer, { keep, copyTo }: HashRequest): HashAttempt => {
  const copy = copyTo === null ? null : openSync(copyTo, 'w')
  try {
    return hashFile(file, keep, copy)
  } finally {
    if (copy !== null) closeSync(copy)
  }
}

const hashPatiently = (root: string, request: HashRequest): HashAttempt => {
  const file = pathInFolder(root, request.path)
  let attempt = hashOnce(file, request)
  for (let tried = 1; tried < hashAttempts && attempt === 'changed'; tried++) {
    Atomics.wait(pause, 0, 0, hashRetryMs)
    attempt = hashOnce(file, request)
  }
  return attempt
}

const packHashed = (hashed: HashedBytes, packed: Uint8Array[]): PackedOutcome => {
  const { sha256, sha1, md5, md4, pieces, lastPiece, coarse, inline, stats } = hashed
  packed.push(sha256, sha1, md5, md4, pieces, lastPiece, coarse)
  if (inline !== null) packed.push(inline)
  return {
    kind: 'hashed',
    sizeBytes: Number(stats.size),
    modifiedNs: stats.mtimeNs,
    changedNs: stats.ctimeNs,
    inode: stats.ino,
    young: hashed.young,
    piecesLength: pieces.length,
    lastPieceLength: lastPiece.length,
    coarseLength: coarse.length,
    inlineLength: inline?.length ?? null,
  }
}

const hashBatch = ({ id, root, files }: BatchRequest): BatchAnswer => {
  const parts: Uint8Array[] = []
  const outcomes = files.map((file): PackedOutcome => {
    const attempt = hashPatiently(root, file)
    if (typeof attempt === 'string') return { kind: attempt }
    if ('unreadable' in attempt) return { kind: 'unreadable', reason: attempt.unreadable }
    return packHashed(attempt, parts)
  })
  const packed = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    packed.set(part, offset)
    offset += part.length
  }
  return { id, outcomes, packed }
}

parentPort?.on('message', (request: BatchRequest) => {
  try {
    const answer = hashBatch(request)
    if ('packed' in answer) parentPort?.postMessage(answer, [answer.packed.buffer])
  } catch (error) {
    const diskFull = error instanceof Error && 'code' in error && error.code === 'ENOSPC'
    parentPort?.postMessage({ id: request.id, failure: describeError(error), diskFull })
  }
})
