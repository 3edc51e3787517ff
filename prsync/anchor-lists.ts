// The lists of anchors of contents, made when somebody asks: each reads a whole content, and that of a
// huge one (0.15 % of it) is written to a file as it is made and read from there as it is sent, so
// that no request holds it in memory. Knows nothing of requests.

import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  anchorListFilesBytes,
  answerPartBytes,
  concurrentAnchorLists,
  inlineAnchorsContentBytes,
} from '../core/delta-limits.ts'
import { systemCode } from '../core/errors.ts'
import { isSha256, type Sha256 } from '../core/ids.ts'
import type { Kernel } from '../core/kernel/kernel.ts'
import { readBufferBytes } from '../core/limits.ts'
import type { ChunkCache } from './chunk-cache.ts'
import { Turns } from './turns.ts'

/** What is read of a content, in order. */
export interface AnchoredContent {
  readonly sizeBytes: number
  read(offset: number, length: number): Promise<Buffer>
}

export interface AnchorList {
  readonly lengthBytes: number
  /** All of it in order; to be read once, to its end or not. */
  readonly parts: AsyncIterable<Uint8Array>
  /** To be called in every case. */
  close(): Promise<void>
}

export interface AnchorListsParts {
  readonly kernel: Pick<Kernel, 'anchors'>
  readonly cache: ChunkCache
  /** Where long lists are kept, alone there; null: in memory, for tests and small worlds. */
  readonly folder: string | null
}

export interface AnchorListsOptions {
  /** Tests only shorten these. */
  readonly inlineContentBytes?: number
  readonly filesBytes?: number
}

async function* inMemory(list: Uint8Array): AsyncGenerator<Uint8Array> {
  yield list
}

async function* fromFile(handle: FileHandle, lengthBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < lengthBytes; ) {
    const room = Buffer.allocUnsafe(Math.min(answerPartBytes, lengthBytes - at))
    const { bytesRead } = await handle.read(room, 0, room.length, at)
    if (bytesRead === 0) throw new Error('a list of anchors is shorter than it was')
    yield room.subarray(0, bytesRead)
    at += bytesRead
  }
}

const writeAll = async (handle: FileHandle, bytes: Uint8Array): Promise<void> => {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done)).bytesWritten
  }
}

/** Until it is over, well or not; rejects when the signal is aborted first. */
const over = (work: Promise<unknown>, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason)
    signal.addEventListener('abort', leave, { once: true })
    work
      .then(
        () => resolve(),
        () => resolve(),
      )
      .finally(() => signal.removeEventListener('abort', leave))
  })

export class AnchorLists {
  readonly #parts: AnchorListsParts
  readonly #inlineContentBytes: number
  readonly #filesBytes: number
  readonly #turns = new Turns(concurrentAnchorLists)
  readonly #making = new Map<Sha256, Promise<void>>()
  /** Sizes of the files in the folder, least used first. */
  readonly #files = new Map<Sha256, number>()
  #begun: Promise<void> | null = null

  constructor(parts: AnchorListsParts, options: AnchorListsOptions = {}) {
    this.#parts = parts
    this.#inlineContentBytes = options.inlineContentBytes ?? inlineAnchorsContentBytes
    this.#filesBytes = options.filesBytes ?? anchorListFilesBytes
  }

  /** The list of a content. Throws what reading the content or writing the list throws. */
  async open(sha256: Sha256, content: AnchoredContent, signal: AbortSignal): Promise<AnchorList> {
    const { folder } = this.#parts
    if (folder !== null && content.sizeBytes > this.#inlineContentBytes) {
      return this.#openFile(folder, sha256, content, signal)
    }
    const list = await this.#turns.run(signal, () => this.#inline(sha256, content, signal))
    return { lengthBytes: list.length, parts: inMemory(list), close: async () => undefined }
  }

  async #inline(
    sha256: Sha256,
    content: AnchoredContent,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { cache } = this.#parts
    const known = cache.get(sha256, 'anchors')
    if (known !== undefined) return known
    const parts: Uint8Array[] = []
    for await (const part of this.#compute(content, signal)) parts.push(part)
    const list = Buffer.concat(parts)
    cache.set(sha256, 'anchors', list)
    return list
  }

  async *#compute(content: AnchoredContent, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const stream = this.#parts.kernel.anchors()
    for (let at = 0; at < content.sizeBytes; at += readBufferBytes) {
      signal.throwIfAborted()
      const length = Math.min(readBufferBytes, content.sizeBytes - at)
      yield stream.update(await content.read(at, length))
    }
    yield stream.end()
  }

  async #openFile(
    folder: string,
    sha256: Sha256,
    content: AnchoredContent,
    signal: AbortSignal,
  ): Promise<AnchorList> {
    this.#begun ??= this.#begin(folder)
    await this.#begun.catch((error: unknown) => {
      this.#begun = null
      throw error
    })
    const file = join(folder, sha256)
    for (;;) {
      signal.throwIfAborted()
      const lengthBytes = this.#files.get(sha256)
      const making = this.#making.get(sha256)
      if (lengthBytes !== undefined) {
        const handle = await this.#reopen(file, sha256, lengthBytes)
        if (handle === null) continue
        const parts = fromFile(handle, lengthBytes)
        return { lengthBytes, parts, close: () => handle.close() }
      } else if (making !== undefined) await over(making, signal)
      else await this.#make(file, sha256, content, signal)
    }
  }

  /** Null: somebody has taken the file away, or a part of it. */
  async #reopen(file: string, sha256: Sha256, lengthBytes: number): Promise<FileHandle | null> {
    const handle = await open(file).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return null
      throw error
    })
    const isWhole = handle !== null && (await handle.stat()).size === lengthBytes
    this.#files.delete(sha256)
    if (isWhole) this.#files.set(sha256, lengthBytes)
    else await handle?.close()
    return isWhole ? handle : null
  }

  async #make(
    file: string,
    sha256: Sha256,
    content: AnchoredContent,
    signal: AbortSignal,
  ): Promise<void> {
    const making = this.#turns.run(signal, () => this.#write(file, sha256, content, signal))
    this.#making.set(sha256, making)
    try {
      await making
    } finally {
      this.#making.delete(sha256)
    }
    await this.#makeRoom(sha256)
  }

  /** Under its name only when all of it is on the disk. */
  async #write(
    file: string,
    sha256: Sha256,
    content: AnchoredContent,
    signal: AbortSignal,
  ): Promise<void> {
    const unfinished = `${file}.part`
    const handle = await open(unfinished, 'w', 0o600)
    let lengthBytes = 0
    try {
      for await (const part of this.#compute(content, signal)) {
        await writeAll(handle, part)
        lengthBytes += part.length
      }
      await handle.sync()
      await rename(unfinished, file)
    } catch (error) {
      await rm(unfinished, { force: true })
      throw error
    } finally {
      await handle.close()
    }
    this.#files.set(sha256, lengthBytes)
  }

  /** Those that are being sent stay readable without their names. */
  async #makeRoom(latest: Sha256): Promise<void> {
    let sum = 0
    for (const lengthBytes of this.#files.values()) sum += lengthBytes
    for (const [sha256, lengthBytes] of this.#files) {
      if (sum <= this.#filesBytes || sha256 === latest) return
      this.#files.delete(sha256)
      sum -= lengthBytes
      await rm(join(this.#parts.folder ?? '', sha256), { force: true })
    }
  }

  /** What an earlier process has left is still true, but for what it had not finished. */
  async #begin(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const found: { name: Sha256; usedMs: number; sizeBytes: number }[] = []
    for (const name of await readdir(folder)) {
      const file = join(folder, name)
      const { mtimeMs, size } = await stat(file)
      if (isSha256(name)) found.push({ name, usedMs: mtimeMs, sizeBytes: size })
      else await rm(file, { force: true, recursive: true })
    }
    found.sort((left, right) => left.usedMs - right.usedMs)
    for (const { name, sizeBytes } of found) this.#files.set(name, sizeBytes)
  }
}
