// Keeps the unpacked forms of held gzip files for those who ask for ranges of them: made when somebody
// asks first, checked, and removed when they take too much of the disk. Begins empty at each start.

import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { LRUCache } from 'lru-cache'
import {
  formlessContents,
  formTextBytes,
  insideFloorBytes,
  waitingForms,
} from '../../core/delta-limits.ts'
import { describeError, isMirrorswarmError, MirrorswarmError } from '../../core/errors.ts'
import type { Sha256 } from '../../core/ids.ts'
import type { Logger } from '../../core/log.ts'
import type { OpenForm } from '../ranges-answer.ts'
import { FormThread } from './form-thread.ts'
import type { PackedSource } from './form-worker.ts'
import { type FormShape, formBytes, formLimits } from './logic/form.ts'

export interface FormsParts {
  readonly folder: string
  readonly mostBytes: number
  /** What may still be written in the folder. */
  readonly usableBytes: () => Promise<number>
  readonly logger: Logger
}

export interface FormContent {
  readonly sha256: Sha256
  readonly sizeBytes: number
}

interface KeptForm {
  readonly file: string
  readonly shape: FormShape
}

export class Forms {
  readonly #parts: FormsParts
  readonly #thread = new FormThread()
  /** Least used first. */
  readonly #kept = new Map<Sha256, KeptForm>()
  readonly #making = new Map<Sha256, Promise<KeptForm | null>>()
  readonly #formless = new LRUCache<Sha256, true>({ max: formlessContents })
  #keptBytes = 0
  #begun: Promise<void> | null = null
  #nextName = 0

  constructor(parts: FormsParts) {
    this.#parts = parts
  }

  /** Remove what an earlier process left. Done at the first use at the latest. */
  start(): Promise<void> {
    this.#begun ??= this.#empty()
    return this.#begun
  }

  async stop(): Promise<void> {
    await this.#thread.stop()
    await Promise.allSettled(this.#making.values())
  }

  /** What the kept forms occupy. */
  get keptBytes(): number {
    return this.#keptBytes
  }

  /** The form of a content; `source` is called when it has to be made. Null: there is none. */
  async open(
    content: FormContent,
    source: () => Promise<PackedSource | null>,
  ): Promise<OpenForm | null> {
    const { sha256, sizeBytes } = content
    if (sizeBytes < insideFloorBytes || this.#formless.has(sha256)) return null
    await this.start()
    const kept = this.#use(sha256) ?? (await this.#make(content, source))
    if (kept === null) return null
    const handle = await open(kept.file).catch(() => null)
    if (handle !== null) return openForm(handle, kept.shape)
    await this.#forget(sha256)
    return null
  }

  async #empty(): Promise<void> {
    const { folder } = this.#parts
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true, mode: 0o700 })
  }

  /** A kept form moves to the end of the queue. */
  #use(sha256: Sha256): KeptForm | null {
    const kept = this.#kept.get(sha256)
    if (kept === undefined) return null
    this.#kept.delete(sha256)
    this.#kept.set(sha256, kept)
    return kept
  }

  async #make(
    content: FormContent,
    source: () => Promise<PackedSource | null>,
  ): Promise<KeptForm | null> {
    const { sha256 } = content
    const under = this.#making.get(sha256)
    if (under !== undefined) return await under
    if (this.#making.size >= waitingForms) return null
    const making = this.#makeNow(content, source).finally(() => this.#making.delete(sha256))
    this.#making.set(sha256, making)
    return await making
  }

  async #makeNow(
    { sha256, sizeBytes }: FormContent,
    source: () => Promise<PackedSource | null>,
  ): Promise<KeptForm | null> {
    const { folder, mostBytes, usableBytes, logger } = this.#parts
    // Text, tokens, and the tokens once more while it is made.
    const room = Math.min(mostBytes, await usableBytes()) / 3
    if (room < sizeBytes) return null
    const limits = formLimits(sizeBytes, Math.min(formTextBytes, room))
    const from = await source()
    if (from === null) return null
    const file = join(folder, `${this.#nextName++}`)
    try {
      const shape = await this.#thread.unpack({ from, to: file, limits, sha256 })
      if (typeof shape === 'string') {
        logger.debug({ sha256, reason: shape }, 'a content has no unpacked form')
        this.#formless.set(sha256, true)
        return null
      }
      const kept = { file, shape }
      this.#kept.set(sha256, kept)
      this.#keptBytes += formBytes(shape)
      await this.#trim()
      return kept
    } catch (error) {
      await rm(file, { force: true })
      await rm(`${file}.tokens`, { force: true })
      // A disk that is full now may have room later.
      if (!isMirrorswarmError(error, 'MS_DISK_FULL')) this.#formless.set(sha256, true)
      logger.info({ sha256, reason: describeError(error) }, 'no unpacked form was made')
      return null
    }
  }

  /** The newest one stays however large it is: it was asked for just now. */
  async #trim(): Promise<void> {
    while (this.#keptBytes > this.#parts.mostBytes && this.#kept.size > 1) {
      const [oldest] = this.#kept.keys()
      if (oldest === undefined) return
      await this.#forget(oldest)
    }
  }

  async #forget(sha256: Sha256): Promise<void> {
    const kept = this.#kept.get(sha256)
    if (kept === undefined) return
    this.#kept.delete(sha256)
    this.#keptBytes -= formBytes(kept.shape)
    await rm(kept.file, { force: true })
  }
}

const openForm = (handle: FileHandle, shape: FormShape): OpenForm => ({
  shape,
  sizeBytes: formBytes(shape),
  coarse: null,
  read: async (offset, length) => {
    const bytes = Buffer.allocUnsafe(length)
    for (let done = 0; done < length; ) {
      const { bytesRead } = await handle.read(bytes, done, length - done, offset + done)
      if (bytesRead === 0) throw new MirrorswarmError('MS_FILE_CHANGED', 'a form was cut short')
      done += bytesRead
    }
    return bytes
  },
  close: () => handle.close(),
})
