// Members on their way: sparse files named by their SHA-256, each with a small journal of the pieces
// written, and a record of the runs copied from local files, so that after a crash only those are
// hashed again and only what is missing is fetched.

import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MirrorswarmError, systemCode } from '../core/errors.ts'
import { isSha256, type Sha256 } from '../core/ids.ts'
import type { BundleMember } from './bundle.ts'
import { coverageRecordBytes, decodeCoverage, encodeCoverage } from './coverage-record.ts'
import type { FileHandles } from './file-handles.ts'
import { piecesFor } from './logic/layout.ts'
import type { Run } from './logic/runs.ts'

const journalSuffix = '.pieces'
const coverageSuffix = '.local'
/** A record of coverage that is being written. */
const newSuffix = '.local.new'

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
  // What may be in the folder, which nobody else writes to: most contents are begun and finished
  // without a journal or a record, and a look at the disk for each of these costs more than they do.
  readonly #begun = new Set<string>()
  readonly #journals = new Set<string>()
  readonly #covered = new Set<string>()

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
      const suffix = [journalSuffix, coverageSuffix, newSuffix].find(each => name.endsWith(each))
      if (suffix === undefined) {
        this.#begun.add(name)
        continue
      }
      const content = name.slice(0, -suffix.length)
      const isLost = suffix === newSuffix || !begun.has(content)
      if (isLost) await rm(join(this.#folder, name), { force: true })
      else if (suffix === journalSuffix) this.#journals.add(content)
      else this.#covered.add(content)
    }
  }

  file(sha256: Sha256): string {
    return join(this.#folder, sha256)
  }

  /**
   * Write what is not there yet of one piece of a member (offsets are those in the piece), and record
   * that all of it is; throws MS_DISK_FULL.
   */
  async write(
    member: BundleMember,
    piece: { readonly ordinal: number; readonly offset: number; readonly lengthBytes: number },
    parts: readonly { readonly offset: number; readonly data: Uint8Array }[],
  ): Promise<void> {
    const { sha256, sizeBytes } = member
    const file = this.file(sha256)
    for (const { offset, data } of parts) await this.writeLocal(sha256, piece.offset + offset, data)
    try {
      // Of a member of one piece the size says enough, unless local bytes were copied into it.
      if (piece.lengthBytes === sizeBytes && !this.#covered.has(sha256)) return
      this.#journals.add(sha256)
      await this.#handles.use(
        `journal ${sha256}`,
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

  /** Write bytes that no journal mentions, for instance local ones; throws MS_DISK_FULL. */
  async writeLocal(sha256: Sha256, offset: number, data: Uint8Array): Promise<void> {
    try {
      await this.#useData(sha256, 'create', async handle => {
        for (let done = 0; done < data.length; ) {
          const left = data.length - done
          done += (await handle.write(data, done, left, offset + done)).bytesWritten
        }
      })
    } catch (error) {
      throw writeError(error, this.file(sha256))
    }
  }

  /**
   * Record which runs were copied from local files, after they were: a crash leaves the record
   * before, or this one once the bytes are safe. No runs at all are a record, too: local bytes were
   * looked for. Throws MS_DISK_FULL, and ENOENT when nothing was written.
   */
  async setCoverage(sha256: Sha256, runs: readonly Run[]): Promise<void> {
    const file = this.file(sha256)
    try {
      if (runs.length > 0) await this.#useData(sha256, 'open', handle => handle.datasync())
      const record = await open(`${file}${newSuffix}`, 'w')
      try {
        await record.writeFile(encodeCoverage(runs))
        await record.datasync()
      } finally {
        await record.close()
      }
      this.#covered.add(sha256)
      await rename(`${file}${newSuffix}`, `${file}${coverageSuffix}`)
    } catch (error) {
      await rm(`${file}${newSuffix}`, { force: true })
      throw writeError(error, file)
    }
  }

  /**
   * The runs that were copied from local files, as far as is known: to be checked by hash. Null when
   * local bytes were never looked for; a record that cannot be true is dropped.
   */
  async coverage(sha256: Sha256): Promise<readonly Run[] | null> {
    if (!this.#covered.has(sha256)) return null
    const file = this.file(sha256)
    const record = await stat(`${file}${coverageSuffix}`).catch(ignoreMissing)
    if (record === undefined) return null
    if (record.size <= coverageRecordBytes) {
      const data = await stat(file).catch(ignoreMissing)
      const bytes = await readFile(`${file}${coverageSuffix}`).catch(ignoreMissing)
      const runs = bytes === undefined ? null : decodeCoverage(bytes, data?.size ?? 0)
      if (runs !== null) return runs
    }
    await this.#forgetCoverage(sha256)
    return null
  }

  /** Fill `buffer` with what is at `offset`; rejects with ENOENT when there is no such file (any more). */
  async read(sha256: Sha256, offset: number, buffer: Buffer): Promise<Buffer> {
    const data = await this.readSome(sha256, offset, buffer.length, buffer)
    if (data.length === buffer.length) return data
    throw new MirrorswarmError('MS_CONTENT_NOT_HELD', 'not written yet')
  }

  /** The same, but fewer bytes where the file ends before. */
  async readSome(
    sha256: Sha256,
    offset: number,
    length: number,
    buffer: Buffer = Buffer.allocUnsafe(length),
  ): Promise<Buffer> {
    return this.#useData(sha256, 'open', async handle => {
      let done = 0
      while (done < length) {
        const { bytesRead } = await handle.read(buffer, done, length - done, offset + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return buffer.subarray(0, done)
    })
  }

  /** The ordinals of the pieces that were written, as the journal says: to be checked by hash. */
  async written(member: BundleMember, pieceLengthBytes: number): Promise<number[]> {
    if (!this.#begun.has(member.sha256)) return []
    const file = this.file(member.sha256)
    const status = await stat(file).catch(ignoreMissing)
    if (status === undefined) return []
    if (status.size > member.sizeBytes) {
      await this.drop(member.sha256)
      return []
    }
    const count = piecesFor(member.sizeBytes, pieceLengthBytes)
    if (count === 1 && !this.#covered.has(member.sha256)) {
      return status.size === member.sizeBytes ? [0] : []
    }
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
    await this.#forgetJournal(sha256)
    await this.#forgetCoverage(sha256)
    this.#begun.delete(sha256)
  }

  /** Remove what there is of a content. */
  async drop(sha256: Sha256): Promise<void> {
    await this.close(sha256)
    // First what counts on the bytes, then they.
    await this.#forgetCoverage(sha256)
    await this.#forgetJournal(sha256)
    await rm(this.file(sha256), { force: true })
    this.#begun.delete(sha256)
  }

  /** May there be something of a content? Without a look at the disk; false is certain. */
  mayHave(sha256: Sha256): boolean {
    return this.#begun.has(sha256) || this.#covered.has(sha256)
  }

  /** The contents of which something is here, if only the record that local bytes were looked for. */
  async names(): Promise<Set<Sha256>> {
    const names = (await readdir(this.#folder)).map(name =>
      name.endsWith(coverageSuffix) ? name.slice(0, -coverageSuffix.length) : name,
    )
    return new Set(names.filter(isSha256))
  }

  async list(): Promise<PartialFile[]> {
    const found: PartialFile[] = []
    for (const sha256 of await this.names()) {
      let blocks: number | null = null
      for (const suffix of ['', journalSuffix, coverageSuffix]) {
        const status = await stat(`${this.file(sha256)}${suffix}`).catch(ignoreMissing)
        if (status !== undefined) blocks = (blocks ?? 0) + status.blocks
      }
      if (blocks !== null) found.push({ sha256, diskBytes: blocks * 512 })
    }
    return found
  }

  async #forgetJournal(sha256: Sha256): Promise<void> {
    if (!this.#journals.has(sha256)) return
    await rm(`${this.file(sha256)}${journalSuffix}`, { force: true })
    this.#journals.delete(sha256)
  }

  async #forgetCoverage(sha256: Sha256): Promise<void> {
    if (!this.#covered.has(sha256)) return
    await rm(`${this.file(sha256)}${coverageSuffix}`, { force: true })
    this.#covered.delete(sha256)
  }

  #useData<T>(
    sha256: Sha256,
    how: 'open' | 'create',
    work: (handle: FileHandle) => Promise<T>,
  ): Promise<T> {
    const file = this.file(sha256)
    const opened = () => {
      if (how === 'create') this.#begun.add(sha256)
      const create = how === 'create' ? constants.O_CREAT : 0
      return open(file, constants.O_RDWR | create, 0o666)
    }
    return this.#handles.use(`partial ${sha256}`, opened, work)
  }
}

const ignoreMissing = (error: unknown): undefined => {
  if (systemCode(error) === 'ENOENT') return undefined
  throw error
}
