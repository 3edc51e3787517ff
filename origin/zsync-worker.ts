// The thread that makes .zsync files: reads a content once and writes header and block sums. It is
// told what to read and what to write, and knows nothing of the repository.

import { createHash } from 'node:crypto'
import { closeSync, fstatSync, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { parentPort } from 'node:worker_threads'
import { createMD4 } from 'hash-wasm'
import { describeError, systemCode } from '../core/errors.ts'
import { readBufferBytes } from '../core/limits.ts'
import { type FileGuard, isGuarded } from '../delivery/guarded-file.ts'
import { type ZsyncShape, zsyncSum } from './logic/zsync.ts'

export interface ZsyncRequest {
  readonly id: number
  readonly header: Uint8Array
  readonly shape: ZsyncShape
  readonly sizeBytes: number
  readonly body:
    | { readonly bytes: Uint8Array }
    | { readonly handle: FileHandle; readonly guard: FileGuard }
  /** A new file. */
  readonly writeTo: string
}

export type ZsyncAnswer =
  | {
      readonly id: number
      readonly kind: 'made'
      readonly sha256: string
      readonly sizeBytes: number
    }
  /** The file is not the one that was hashed any more. */
  | { readonly id: number; readonly kind: 'changed' }
  | {
      readonly id: number
      readonly kind: 'failed'
      readonly reason: string
      readonly code: string | null
    }

const md4 = await createMD4()
const buffer = Buffer.alloc(readBufferBytes)

/** Fill the buffer from `offset` on as far as `end`. */
const readInto = (body: ZsyncRequest['body'], offset: number, end: number): number => {
  const wanted = Math.min(buffer.length, end - offset)
  if ('bytes' in body) {
    buffer.set(body.bytes.subarray(offset, offset + wanted))
    return Math.max(0, Math.min(wanted, body.bytes.length - offset))
  }
  let done = 0
  while (done < wanted) {
    const count = readSync(body.handle.fd, buffer, done, wanted - done, offset + done)
    if (count === 0) break
    done += count
  }
  return done
}

class Sums {
  readonly #shape: ZsyncShape

  constructor(shape: ZsyncShape) {
    this.#shape = shape
  }

  /** The sums of the blocks in the first `length` bytes of the buffer, which is used up. */
  of(length: number): Buffer {
    const { blockBytes, rollingBytes, strongBytes } = this.#shape
    const each = rollingBytes + strongBytes
    const count = Math.ceil(length / blockBytes)
    buffer.fill(0, length, count * blockBytes)
    const sums = Buffer.allocUnsafe(count * each)
    for (let index = 0; index < count; index++) {
      const block = buffer.subarray(index * blockBytes, (index + 1) * blockBytes)
      const sum = zsyncSum(block, blockBytes)
      for (let byte = 0; byte < rollingBytes; byte++) {
        sums[index * each + byte] = (sum >>> (8 * (rollingBytes - 1 - byte))) & 0xff
      }
      md4.init()
      md4.update(block)
      const strong = md4.digest('binary').subarray(0, strongBytes)
      sums.set(strong, index * each + rollingBytes)
    }
    return sums
  }
}

const writeFully = (descriptor: number, bytes: Uint8Array): void => {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(descriptor, bytes, done, bytes.length - done)
  }
}

const isSame = ({ body }: ZsyncRequest): boolean =>
  'bytes' in body || isGuarded(fstatSync(body.handle.fd, { bigint: true }), body.guard)

const make = (request: ZsyncRequest): ZsyncAnswer => {
  const { id, header, shape, sizeBytes, body, writeTo } = request
  const hash = createHash('sha256')
  const sums = new Sums(shape)
  const descriptor = openSync(writeTo, 'wx')
  try {
    let written = 0
    const write = (bytes: Uint8Array): void => {
      hash.update(bytes)
      writeFully(descriptor, bytes)
      written += bytes.length
    }
    write(header)
    for (let offset = 0; offset < sizeBytes; offset += buffer.length) {
      const length = readInto(body, offset, sizeBytes)
      if (length < Math.min(buffer.length, sizeBytes - offset)) return { id, kind: 'changed' }
      write(sums.of(length))
    }
    if (!isSame(request)) return { id, kind: 'changed' }
    fsyncSync(descriptor)
    return { id, kind: 'made', sha256: hash.digest('hex'), sizeBytes: written }
  } finally {
    closeSync(descriptor)
  }
}

const answer = async (request: ZsyncRequest): Promise<ZsyncAnswer> => {
  let made: ZsyncAnswer
  try {
    made = make(request)
  } catch (error) {
    const code = systemCode(error) ?? null
    made = { id: request.id, kind: 'failed', reason: describeError(error), code }
  }
  if ('handle' in request.body) await request.body.handle.close()
  if (made.kind !== 'made') rmSync(request.writeTo, { force: true })
  return made
}

parentPort?.on('message', (request: ZsyncRequest) => {
  answer(request).then(
    made => parentPort?.postMessage(made),
    (error: unknown) => {
      const reason = describeError(error)
      parentPort?.postMessage({ id: request.id, kind: 'failed', reason, code: null })
    },
  )
})
