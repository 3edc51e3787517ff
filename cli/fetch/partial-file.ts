// The file while it is being fetched: named after its hash beside the place where it will be. Which
// pieces it has is found out by hashing them, so that nothing has to be right after kill -9.

import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, rename, rm, utimes } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { flushFolder } from '../../core/durable-file.ts'
import { systemCode } from '../../core/errors.ts'
import type { Sha256 } from '../../core/ids.ts'
import type { Pieces } from './describe.ts'

const readBytes = 1024 * 1024

/** Long names and the hash must fit into the 255 bytes that file systems allow. */
export const partialName = (target: string, sha256: Sha256): string => {
  const start = Buffer.from(basename(target)).subarray(0, 180).toString('latin1')
  const name = /^[\x20-\x7e]*$/.test(start) ? start : 'file'
  return join(dirname(target), `.${name}.${sha256.slice(0, 16)}.partial`)
}

/** SHA-256 of a file; null when there is none that can be read. */
export const hashOfFile = async (file: string, sizeBytes: number): Promise<string | null> => {
  let handle: FileHandle
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return null
  }
  try {
    const status = await handle.stat()
    if (!status.isFile() || status.size !== sizeBytes) return null
    return await hashHandle(handle)
  } finally {
    await handle.close()
  }
}

const hashHandle = async (handle: FileHandle): Promise<string> => {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(readBytes)
  for (let position = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position)
    if (bytesRead === 0) return hash.digest('hex')
    hash.update(buffer.subarray(0, bytesRead))
    position += bytesRead
  }
}

export class PartialFile {
  readonly path: string
  readonly #handle: FileHandle
  readonly #sizeBytes: number
  readonly #pieces: Pieces

  private constructor(path: string, handle: FileHandle, sizeBytes: number, pieces: Pieces) {
    this.path = path
    this.#handle = handle
    this.#sizeBytes = sizeBytes
    this.#pieces = pieces
  }

  /** Open what is there of the file, or begin it. */
  static async open(path: string, sizeBytes: number, pieces: Pieces): Promise<PartialFile> {
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants
    const handle = await open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o666)
    try {
      await handle.truncate(sizeBytes)
      return new PartialFile(path, handle, sizeBytes, pieces)
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  get pieceCount(): number {
    return Math.ceil(this.#sizeBytes / this.#pieces.pieceLengthBytes)
  }

  pieceBytes(index: number): number {
    const { pieceLengthBytes } = this.#pieces
    return Math.min(pieceLengthBytes, this.#sizeBytes - index * pieceLengthBytes)
  }

  /** Whether these are the bytes of a piece; true where that cannot be told. */
  isRight(index: number, bytes: Uint8Array): boolean {
    const { hashes } = this.#pieces
    if (hashes === null) return true
    const hash = createHash('sha1').update(bytes).digest()
    return hash.equals(hashes.subarray(20 * index, 20 * index + 20))
  }

  /** The pieces that are not here yet; without hashes all. */
  async missing(signal: AbortSignal): Promise<number[]> {
    const all = Array.from({ length: this.pieceCount }, (_, index) => index)
    if (this.#pieces.hashes === null) return all
    const missing: number[] = []
    const { pieceLengthBytes } = this.#pieces
    const buffer = Buffer.allocUnsafe(Math.min(pieceLengthBytes, this.#sizeBytes))
    for (const index of all) {
      signal.throwIfAborted()
      const bytes = buffer.subarray(0, this.pieceBytes(index))
      const { bytesRead } = await this.#handle.read(
        bytes,
        0,
        bytes.length,
        index * pieceLengthBytes,
      )
      if (bytesRead < bytes.length || !this.isRight(index, bytes)) missing.push(index)
    }
    return missing
  }

  async write(index: number, bytes: Uint8Array): Promise<void> {
    const start = index * this.#pieces.pieceLengthBytes
    for (let written = 0; written < bytes.length; ) {
      const rest = bytes.length - written
      const { bytesWritten } = await this.#handle.write(bytes, written, rest, start + written)
      written += bytesWritten
    }
  }

  hash(): Promise<string> {
    return hashHandle(this.#handle)
  }

  /** Close it and put it in its place; a file that is there is replaced in one step. */
  async finish(target: string, modifiedMs: number): Promise<void> {
    await this.#handle.sync()
    await this.#handle.close()
    const seconds = Number.isFinite(modifiedMs) ? modifiedMs / 1000 : 0
    if (seconds > 0) await utimes(this.path, seconds, seconds)
    await rename(this.path, target)
    await flushFolder(dirname(target))
  }

  close(): Promise<void> {
    return this.#handle.close()
  }

  async remove(): Promise<void> {
    await this.#handle.close()
    await rm(this.path, { force: true })
  }
}
