// The thread that unpacks gzip files and packs forms. It is told which files to read and to write, and
// knows nothing of where they come from; what it could not finish it removes.

import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { parentPort } from 'node:worker_threads'
import { describeError, systemCode } from '../../core/errors.ts'
import type { FormLimits, FormShape, ReadBytes, WriteBytes } from './logic/form.ts'
import { pack } from './logic/pack.ts'
import { unpack } from './logic/unpack.ts'

/** A gzip file: its bytes, or an open file, which is closed. */
export type PackedSource =
  | { readonly bytes: Uint8Array }
  | { readonly handle: FileHandle; readonly sizeBytes: number }

export interface UnpackRequest {
  readonly id: number
  readonly kind: 'unpack'
  readonly from: PackedSource
  /** A new file, and another one beside it while it is made. */
  readonly to: string
  readonly limits: FormLimits
  /** Check that packing gives the file of this hash again. */
  readonly sha256: string | null
}

export interface PackRequest {
  readonly id: number
  readonly kind: 'pack'
  /** A form. */
  readonly from: string
  readonly shape: FormShape
  /** A new file. */
  readonly to: string
  readonly sizeBytes: number
  readonly sha256: string
}

export type FormRequest = UnpackRequest | PackRequest

export type FormAnswer =
  | { readonly id: number; readonly kind: 'made'; readonly shape: FormShape }
  /** There is no form, or no such file. */
  | { readonly id: number; readonly kind: 'none'; readonly reason: string }
  | {
      readonly id: number
      readonly kind: 'failed'
      readonly reason: string
      readonly code: string | null
    }

const writeFully = (descriptor: number, bytes: Uint8Array): void => {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(descriptor, bytes, done, bytes.length - done)
  }
}

/** Reads [offset, end) of a file, wherever others read it. */
const readerOf = (descriptor: number, offset: number, end: number): ReadBytes => {
  let at = offset
  return into => {
    const length = readSync(descriptor, into, 0, Math.min(into.length, end - at), at)
    at += length
    return length
  }
}

const sourceReader = (from: PackedSource): ReadBytes => {
  if ('handle' in from) return readerOf(from.handle.fd, 0, from.sizeBytes)
  let at = 0
  return into => {
    const part = from.bytes.subarray(at, at + into.length)
    into.set(part)
    at += part.length
    return part.length
  }
}

const readAll = (read: ReadBytes, length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  for (let done = 0; done < length; ) {
    const count = read(bytes.subarray(done))
    if (count === 0) throw new Error('the form is shorter than it was')
    done += count
  }
  return bytes
}

/** Null, or why it does not give this file. */
const packTo = (
  descriptor: number,
  { textBytes, tokenBytes, frameBytes }: FormShape,
  file: { readonly sizeBytes: number; readonly sha256: string },
  write: WriteBytes,
): string | null => {
  const tokensEnd = textBytes + tokenBytes
  const parts = {
    text: readerOf(descriptor, 0, textBytes),
    tokens: readerOf(descriptor, textBytes, tokensEnd),
    frame: readAll(readerOf(descriptor, tokensEnd, tokensEnd + frameBytes), frameBytes),
  }
  const hash = createHash('sha256')
  const both = (bytes: Uint8Array): void => {
    hash.update(bytes)
    write(bytes)
  }
  const why = pack(parts, both, file.sizeBytes)
  if (why !== null) return why
  return hash.digest('hex') === file.sha256 ? null : 'it gives another file'
}

const sizeOf = (from: PackedSource): number =>
  'handle' in from ? from.sizeBytes : from.bytes.length

const makeForm = ({ id, from, to, limits, sha256 }: UnpackRequest): FormAnswer => {
  const tokensFile = `${to}.tokens`
  const form = openSync(to, 'wx+', 0o600)
  const tokens = openSync(tokensFile, 'wx+', 0o600)
  try {
    const writers = {
      text: (bytes: Uint8Array) => writeFully(form, bytes),
      tokens: (bytes: Uint8Array) => writeFully(tokens, bytes),
    }
    const shape = unpack(sourceReader(from), writers, limits)
    if (typeof shape === 'string') return { id, kind: 'none', reason: shape }
    const { textBytes, tokenBytes, frameBytes, frame } = shape
    const read = readerOf(tokens, 0, tokenBytes)
    const buffer = new Uint8Array(256 * 1024)
    for (let length = read(buffer); length > 0; length = read(buffer)) {
      writeFully(form, buffer.subarray(0, length))
    }
    writeFully(form, frame)
    const file = { sizeBytes: sizeOf(from), sha256: sha256 ?? '' }
    const why = sha256 === null ? null : packTo(form, shape, file, () => undefined)
    if (why !== null) return { id, kind: 'none', reason: why }
    return { id, kind: 'made', shape: { textBytes, tokenBytes, frameBytes } }
  } finally {
    closeSync(form)
    closeSync(tokens)
    rmSync(tokensFile, { force: true })
  }
}

const makeFile = ({ id, from, to, shape, sizeBytes, sha256 }: PackRequest): FormAnswer => {
  const form = openSync(from, 'r')
  try {
    const file = openSync(to, 'wx', 0o600)
    try {
      const write = (bytes: Uint8Array): void => writeFully(file, bytes)
      const why = packTo(form, shape, { sizeBytes, sha256 }, write)
      return why === null ? { id, kind: 'made', shape } : { id, kind: 'none', reason: why }
    } finally {
      closeSync(file)
    }
  } finally {
    closeSync(form)
  }
}

const answer = async (request: FormRequest): Promise<FormAnswer> => {
  let made: FormAnswer
  try {
    made = request.kind === 'unpack' ? makeForm(request) : makeFile(request)
  } catch (error) {
    const code = systemCode(error) ?? null
    made = { id: request.id, kind: 'failed', reason: describeError(error), code }
  }
  if (request.kind === 'unpack' && 'handle' in request.from) await request.from.handle.close()
  if (made.kind !== 'made') rmSync(request.to, { force: true })
  return made
}

parentPort?.on('message', (request: FormRequest) => {
  answer(request).then(
    made => parentPort?.postMessage(made),
    (error: unknown) => {
      const reason = describeError(error)
      parentPort?.postMessage({ id: request.id, kind: 'failed', reason, code: null })
    },
  )
})
