// Keeps .zsync files: made in a thread when somebody asks first, whoever asks meanwhile waits for the
// same, and the least used go when all take more than their share of the disk.

import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { MirrorswarmError } from '../core/errors.ts'
import type { Sha256 } from '../core/ids.ts'
import { zsyncCacheBytes, zsyncHeapMiB, zsyncWaiting } from '../core/program-limits.ts'
import type { Body } from '../delivery/slice-reader.ts'
import type { Content } from '../manifest/model.ts'
import { zsyncHeader, zsyncShape } from './logic/zsync.ts'
import type { ZsyncAnswer, ZsyncRequest } from './zsync-worker.ts'

export interface ZsyncFile {
  readonly file: string
  readonly sha256: Sha256
  readonly sizeBytes: number
}

export interface ZsyncNames {
  readonly rawName: Buffer
  readonly urlName: string
}

const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? './zsync-worker.ts' : './zsync-worker.js',
  import.meta.url,
)

const namePattern = /^([0-9a-f]{32})-([0-9a-f]{64})$/

/** Everything that the file depends on. */
const keyOf = (content: Content, header: Uint8Array): string =>
  createHash('sha256').update(content.sha256).update(header).digest('hex').slice(0, 32)

export class ZsyncFiles {
  readonly #folder: string
  readonly #limitBytes: number
  /** Least used first. */
  readonly #files = new Map<string, ZsyncFile>()
  readonly #making = new Map<string, Promise<ZsyncFile | null>>()
  readonly #waiting = new Map<number, (answer: ZsyncAnswer | Error) => void>()
  #bytes = 0
  #nextId = 0
  #ready: Promise<void> | null = null
  #worker: Worker | null = null
  #stopped = false

  /** `folder` is made, and read, when the first file is asked for. */
  constructor(folder: string, limitBytes = zsyncCacheBytes) {
    this.#folder = folder
    this.#limitBytes = limitBytes
  }

  /** What the kept files occupy. */
  get keptBytes(): number {
    return this.#bytes
  }

  /**
   * The .zsync of a content that is not empty. `openBody` is called when it has to be made, and
   * what it opened is closed. Null: nobody has the bytes, or they are being changed. Throws
   * MS_ORIGIN_BUSY, MS_DISK_FULL.
   */
  async get(
    content: Content,
    names: ZsyncNames,
    openBody: () => Promise<Body | null>,
  ): Promise<ZsyncFile | null> {
    this.#ready ??= this.#load()
    await this.#ready
    const header = zsyncHeader(content, names)
    const key = keyOf(content, header)
    const known = await this.#known(key)
    if (known !== null) return known
    const under = this.#making.get(key)
    if (under !== undefined) return await under
    if (this.#making.size >= zsyncWaiting) {
      throw new MirrorswarmError('MS_ORIGIN_BUSY', 'as many .zsync files as may be are being made')
    }
    const making = this.#make(key, content, header, openBody).finally(() =>
      this.#making.delete(key),
    )
    this.#making.set(key, making)
    return await making
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#fail(new MirrorswarmError('MS_INTERNAL', 'the origin stops'))
    await this.#worker?.terminate()
    this.#worker = null
  }

  async #load(): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
    const found: { readonly key: string; readonly file: ZsyncFile; readonly usedMs: number }[] = []
    for (const name of await readdir(this.#folder)) {
      const file = join(this.#folder, name)
      const [, key, sha256] = namePattern.exec(name) ?? []
      if (key === undefined) await rm(file, { force: true, recursive: true })
      else {
        const { size, mtimeMs } = await stat(file)
        found.push({
          key,
          file: { file, sha256: sha256 as Sha256, sizeBytes: size },
          usedMs: mtimeMs,
        })
      }
    }
    found.sort((left, right) => left.usedMs - right.usedMs)
    for (const { key, file } of found) this.#remember(key, file)
    await this.#trim()
  }

  /** A kept file moves to the end of the queue; one that somebody removed is forgotten. */
  async #known(key: string): Promise<ZsyncFile | null> {
    const known = this.#files.get(key)
    if (known === undefined) return null
    this.#forget(key, known)
    const there = await stat(known.file).catch(() => null)
    if (there?.size !== known.sizeBytes) return null
    this.#remember(key, known)
    return known
  }

  #remember(key: string, file: ZsyncFile): void {
    const before = this.#files.get(key)
    if (before !== undefined) this.#forget(key, before)
    this.#files.set(key, file)
    this.#bytes += file.sizeBytes
  }

  #forget(key: string, file: ZsyncFile): void {
    if (this.#files.delete(key)) this.#bytes -= file.sizeBytes
  }

  /** The newest one stays however large it is: it was asked for just now. */
  async #trim(): Promise<void> {
    while (this.#bytes > this.#limitBytes && this.#files.size > 1) {
      const [oldest] = this.#files
      if (oldest === undefined) return
      const [key, file] = oldest
      this.#forget(key, file)
      await rm(file.file, { force: true })
    }
  }

  async #make(
    key: string,
    content: Content,
    header: Buffer,
    openBody: () => Promise<Body | null>,
  ): Promise<ZsyncFile | null> {
    const body = await openBody()
    if (body === null) return null
    const writeTo = join(this.#folder, `${randomBytes(8).toString('hex')}.tmp`)
    const { sizeBytes } = content
    const shape = zsyncShape(sizeBytes)
    const answer = await this.#ask({ header, shape, sizeBytes, body, writeTo })
    if (answer.kind === 'changed') return null
    if (answer.kind === 'failed') {
      const full = answer.code === 'ENOSPC' || answer.code === 'EDQUOT'
      const code = full ? 'MS_DISK_FULL' : 'MS_INTERNAL'
      throw new MirrorswarmError(code, `a .zsync file was not made: ${answer.reason}`)
    }
    const file = join(this.#folder, `${key}-${answer.sha256}`)
    await rename(writeTo, file)
    const made = { file, sha256: answer.sha256 as Sha256, sizeBytes: answer.sizeBytes }
    this.#remember(key, made)
    await this.#trim()
    return made
  }

  async #ask(request: Omit<ZsyncRequest, 'id'>): Promise<ZsyncAnswer> {
    const { body } = request
    if (this.#stopped) {
      if ('handle' in body) await body.handle.close()
      throw new MirrorswarmError('MS_INTERNAL', 'the origin stops')
    }
    const worker = this.#start()
    const id = this.#nextId++
    const { promise, resolve, reject } = Promise.withResolvers<ZsyncAnswer>()
    this.#waiting.set(id, answer => (answer instanceof Error ? reject(answer) : resolve(answer)))
    worker.ref()
    // The handle belongs to the thread from now on.
    worker.postMessage({ id, ...request }, 'handle' in body ? [body.handle] : [])
    return await promise
  }

  #start(): Worker {
    if (this.#worker !== null) return this.#worker
    const worker = new Worker(workerFile, {
      resourceLimits: { maxOldGenerationSizeMb: zsyncHeapMiB, maxYoungGenerationSizeMb: 4 },
    })
    worker.on('message', (answer: ZsyncAnswer) => {
      const settle = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if (this.#waiting.size === 0) worker.unref()
      settle?.(answer)
    })
    const lose = (error: unknown): void => {
      if (this.#worker !== worker) return
      this.#worker = null
      this.#fail(new MirrorswarmError('MS_INTERNAL', 'the thread died', { cause: error }))
    }
    worker.on('error', lose)
    worker.on('exit', code => lose(new Error(`the thread ended (${code})`)))
    this.#worker = worker
    return worker
  }

  #fail(error: Error): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const settle of waiting) settle(error)
  }
}
