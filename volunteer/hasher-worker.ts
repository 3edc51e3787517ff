// The thread that reads whole files to hash them, so that serving never waits. It knows nothing of
// the repository: a name comes in, SHA-256, a sketch of its anchors and the file's stamp go out.

import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  futimesSync,
  openSync,
  readSync,
} from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { systemCode } from '../core/errors.ts'
import { kernel } from '../core/kernel/kernel.ts'
import { readBufferBytes } from '../core/limits.ts'
import { beginSketch, sketchCount } from '../prsync/logic/anchor-sketch.ts'

export interface HashRequest {
  readonly id: number
  /** Bytes of the file's name. */
  readonly file: Uint8Array
  readonly finish?: Finish
}

/** What is to be done with a file that has this hash: mode and time as any mirror has them, flushed. */
export interface Finish {
  readonly sha256: string
  readonly modifiedSeconds: number
}

export type HashResult =
  | {
      readonly kind: 'hashed'
      readonly sha256: string
      /** The few anchors that stand for it (prsync/logic/anchor-sketch.ts); none for a small file. */
      readonly sketch?: Uint8Array
      readonly sizeBytes: number
      readonly modifiedNs: bigint
      readonly inode: bigint
      /** It had the hash that was asked for, and is finished; or the code of why it could not be. */
      readonly finished?: true | string
    }
  /** It was written to while it was read. */
  | { readonly kind: 'changed' }
  | { readonly kind: 'failed'; readonly code: string }

export interface HashAnswer {
  readonly id: number
  readonly result: HashResult
}

const buffer = Buffer.allocUnsafe(readBufferBytes)

/** The sketch is made in the same read; small files have none. */
const sketching = (sizeBytes: number) => {
  if (sketchCount(sizeBytes) === 0) return null
  const anchors = kernel.anchors()
  const sketch = beginSketch(sizeBytes)
  return {
    update: (bytes: Uint8Array, offset: number): void => {
      sketch.add(anchors.update(bytes), offset, bytes.length)
    },
    end: (): Uint8Array => {
      sketch.add(anchors.end(), sizeBytes, 0)
      return sketch.end()
    },
  }
}

const hashOpen = (descriptor: number): HashResult => {
  const before = fstatSync(descriptor, { bigint: true })
  if (!before.isFile()) return { kind: 'failed', code: 'EINVAL' }
  const hash = createHash('sha256')
  const sketch = sketching(Number(before.size))
  let length = 0
  for (;;) {
    const count = readSync(descriptor, buffer, 0, buffer.length, null)
    if (count === 0) break
    const bytes = buffer.subarray(0, count)
    hash.update(bytes)
    sketch?.update(bytes, length)
    length += count
  }
  const after = fstatSync(descriptor, { bigint: true })
  if (
    BigInt(length) !== after.size ||
    before.size !== after.size ||
    before.mtimeNs !== after.mtimeNs
  ) {
    return { kind: 'changed' }
  }
  return {
    kind: 'hashed',
    sha256: hash.digest('hex'),
    ...(sketch === null ? {} : { sketch: sketch.end() }),
    sizeBytes: length,
    modifiedNs: after.mtimeNs,
    inode: after.ino,
  }
}

const finishOpen = (descriptor: number, { modifiedSeconds }: Finish): true | string => {
  try {
    fchmodSync(descriptor, 0o644)
    futimesSync(descriptor, modifiedSeconds, modifiedSeconds)
    fsyncSync(descriptor)
    return true
  } catch (error) {
    return systemCode(error) ?? 'EIO'
  }
}

/** Hash one file by its name, and finish it if it is the right one; a symlink is not followed. */
const hashFile = (file: Uint8Array, finish?: Finish): HashResult => {
  let descriptor: number | undefined
  try {
    // Not to wait for a writer if somebody put a fifo there.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    descriptor = openSync(Buffer.from(file), flags)
    const result = hashOpen(descriptor)
    if (finish === undefined || result.kind !== 'hashed') return result
    if (result.sha256 !== finish.sha256) return result
    return { ...result, finished: finishOpen(descriptor, finish) }
  } catch (error) {
    return { kind: 'failed', code: systemCode(error) ?? 'EIO' }
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

parentPort?.on('message', (request: HashRequest) => {
  const answer: HashAnswer = { id: request.id, result: hashFile(request.file, request.finish) }
  parentPort?.postMessage(answer)
})
