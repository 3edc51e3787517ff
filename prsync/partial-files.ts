// Members on their way: sparse files named by their SHA-256, each with a small journal of the pieces
// written, so that after a crash only those are hashed again and only those missing are fetched.

import type { FileHandle } from 'node:fs/promises'
import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MirrorswarmError, systemCode } from '../core/errors.ts'
import { isSha256, type Sha256 } from '../core/ids.ts'
import type { BundleMember } from './bundle.ts'
import type { FileHandles } from './file-handles.ts'
import { piecesFor } from './logic/layout.ts'

const journalSuffix = '.pieces'

export interface PartialFile {
  readonly sha256: Sha256
  /** What it takes on disk. */
  readonly diskBytes: number
}

/** The error of a write, in the words of this program. */
const writeError = (error: unknown, file: string): unknown => {
  const code = systemCode(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? new MirrorswarmError('MS_DISK_FULL', `no space left for ${file}`, { cause: error })
    : error
}

export class PartialFiles {
  readonly #folder: string
  readonly #handles: FileHandles

  constructor(folder: string, handles: FileHandles) {
    this.#folder = folder
    this.#handles = handles
  }

  async start(): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
    // A crash between placing a member and forgetting its journal leaves a journal of nothing.
    const names = await readdir(this.#folder)
    const begun = new Set(names)
    for (const name of names) {
      const lost = name.endsWith(journalSuffix) && !begun.has(name.slice(0, -journalSuffix.length))
      if (lost) await rm(join(this.#folder, name), { force: true })
    }
  }

  file(sha256: Sha256): string {
    return join(this.#folder, sha256)
  }

  /** Write one piece of a member; throws MS_DISK_FULL. */
  async write(
    member: BundleMember,
    piece: { readonly ordinal: number; readonly offset: number },
    data: Uint8Array,
  ): Promise<void> {
    const file = this.file(member.sha256)
    try {
      await this.#useData(member.sha256, 'create', async handle => {
        for (let done = 0; done < data.length; ) {
          const left = data.length - done
          done += (await handle.write(data, done, left, piece.offset + done)).bytesWritten
        }
      })
      if (data.length === member.sizeBytes) return
      await this.#handles.use(
        `journal ${member.sha256}`,
        () => open(`${file}${journalSuffix}`, 'a'),
        async handle => {
          const record = Buffer.alloc(4)
          record.writeUInt32LE(piece.ordinal)
          await handle.appendFile(record)
        },
      )
    } catch (error) {
      throw writeError(error, file)
    }
  }

  /** Read `length` bytes at `offset`; rejects with ENOENT when there is no such file (any more). */
  async read(sha256: Sha256, offset: number, length: number): Promise<Buffer> {
    return this.#useData(sha256, 'open', async handle => {
      const buffer = Buffer.allocUnsafe(length)
      let done = 0
      while (done < length) {
        const { bytesRead } = await handle.read(buffer, done, length - done, offset + done)
        if (bytesRead === 0) throw new MirrorswarmError('MS_CONTENT_NOT_HELD', 'not written yet')
        done += bytesRead
      }
      return buffer
    })
  }

  /** The ordinals of the pieces that were written, as the journal says: to be checked by hash. */
  async written(member: BundleMember, pieceLengthBytes: number): Promise<number[]> {
    const file = this.file(member.sha256)
    const status = await stat(file).catch(ignoreMissing)
    if (status === undefined) return []
    if (status.size > member.sizeBytes) {
      await this.drop(member.sha256)
      return []
    }
    const count = piecesFor(member.sizeBytes, pieceLengthBytes)
    if (count === 1) return status.size === member.sizeBytes ? [0] : []
    const journal = await readFile(`${file}${journalSuffix}`).catch(ignoreMissing)
    const ordinals = new Set<number>()
    for (let at = 0; at + 4 <= (journal?.length ?? 0); at += 4) {
      const ordinal = journal?.readUInt32LE(at) ?? count
      if (ordinal < count) ordinals.add(ordinal)
    }
    return [...ordinals].sort((a, b) => a - b)
  }

  /** Close the member's files, for it is complete and about to be moved. */
  async close(sha256: Sha256): Promise<void> {
    await this.#handles.forget(`partial ${sha256}`)
    await this.#handles.forget(`journal ${sha256}`)
  }

  /** The member has been put in place: nothing of it is kept here. */
  async release(sha256: Sha256): Promise<void> {
    await this.close(sha256)
    await rm(`${this.file(sha256)}${journalSuffix}`, { force: true })
  }

  /** Remove what there is of a content. */
  async drop(sha256: Sha256): Promise<void> {
    await this.close(sha256)
    await rm(this.file(sha256), { force: true })
    await rm(`${this.file(sha256)}${journalSuffix}`, { force: true })
  }

  /** The contents of which something is here. */
  async names(): Promise<Set<Sha256>> {
    return new Set((await readdir(this.#folder)).filter(isSha256))
  }

  async list(): Promise<PartialFile[]> {
    const found: PartialFile[] = []
    for (const name of await this.names()) {
      const status = await stat(join(this.#folder, name)).catch(ignoreMissing)
      if (status !== undefined) found.push({ sha256: name, diskBytes: status.blocks * 512 })
    }
    return found
  }

  #useData<T>(
    sha256: Sha256,
    how: 'open' | 'create',
    work: (handle: FileHandle) => Promise<T>,
  ): Promise<T> {
    const file = this.file(sha256)
    const opened = async () => {
      try {
        return await open(file, 'r+')
      } catch (error) {
        if (how === 'open' || systemCode(error) !== 'ENOENT') throw error
        return open(file, 'wx+')
      }
    }
    return this.#handles.use(`partial ${sha256}`, opened, work)
  }
}

const ignoreMissing = (error: unknown): undefined => {
  if (systemCode(error) === 'ENOENT') return undefined
  throw error
}
