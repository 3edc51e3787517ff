// Names by which a web server in front finds the files that it is told to send: hard links named by
// hash in a folder of their own. So the server opens the very file that was looked at, whatever
// becomes of its path, and odd names never reach it. Knows nothing of requests.

import { type BigIntStats, lstatSync } from 'node:fs'
import { chmod, link, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { describeError, systemCode } from '../core/errors.ts'
import type { Sha256 } from '../core/ids.ts'
import type { Logger } from '../core/log.ts'
import { handedNameMs, handedNames } from '../core/serving-limits.ts'
import { type FileGuard, isGuarded } from './guarded-file.ts'
import type { HandedFile } from './logic/hand-over.ts'

export interface HandOverOptions {
  /** Of the URIs told to nginx, with a slash at both ends; null: files are named, by X-Sendfile. */
  readonly prefix: string | null
  /** Where the server finds them; on the file system of the files. */
  readonly folder: string
  /** Tests only lower it. */
  readonly names?: number
}

export interface HandOverParts {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly logger: Logger
}

const ownName = /^[0-9a-f]{64}(?:\.new)?$/

/** Anybody may read it, so that any server can. */
const isPublic = (stats: BigIntStats): boolean => (stats.mode & 0o004n) !== 0n

const statsOf = async (file: string | Buffer): Promise<BigIntStats | null> => {
  try {
    return await lstat(file, { bigint: true })
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
}

const isThere = (file: string | Buffer, guard: FileGuard): boolean => {
  try {
    const stats = lstatSync(file, { bigint: true })
    return isGuarded(stats, guard) && isPublic(stats)
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return false
  }
}

interface Told {
  readonly file: string | Buffer
  readonly guard: FileGuard
}

export class HandOver {
  /** The way that `place` will tell. */
  readonly header: HandedFile['header']
  readonly #parts: HandOverParts
  readonly #options: HandOverOptions
  /** When each was used last, monotonic milliseconds, the oldest first. */
  readonly #used = new Map<Sha256, number>()
  /** Names that led to their files when they were told last. */
  readonly #told = new Map<Sha256, Told>()
  /** What is being done about a name: one thing after the other. */
  readonly #turns = new Map<Sha256, Promise<boolean>>()
  #timer: NodeJS.Timeout | undefined
  #warned = false

  constructor(parts: HandOverParts, options: HandOverOptions) {
    this.#parts = parts
    this.#options = options
    this.header = options.prefix === null ? 'x-sendfile' : 'x-accel-redirect'
  }

  /** Make the folder; what an earlier process left in it goes. Throws what the system says. */
  async start(): Promise<void> {
    const { folder } = this.#options
    await mkdir(folder, { recursive: true })
    await chmod(folder, 0o755)
    await this.#removeAll()
    this.#timer = setInterval(() => void this.sweep(), handedNameMs / 2)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#turns.values())
    await this.#removeAll()
  }

  async #removeAll(): Promise<void> {
    const { folder } = this.#options
    for (const name of await readdir(folder)) {
      if (ownName.test(name)) await rm(join(folder, name), { force: true })
    }
  }

  /**
   * What tells the server of the file that the guard describes; null: send it yourself (too many
   * names, no hard links there, another file by now).
   */
  async place(sha256: Sha256, file: string | Buffer, guard: FileGuard): Promise<HandedFile | null> {
    const { names = handedNames } = this.#options
    if (!this.#used.has(sha256) && this.#used.size >= names) return null
    this.#use(sha256)
    const placed = await this.#inTurn(sha256, () => this.#link(sha256, file, guard))
    if (!placed) return null
    // Swept meanwhile it may be removed again at any time.
    if (this.#used.has(sha256)) this.#told.set(sha256, { file, guard })
    return this.#handedFile(sha256)
  }

  /**
   * The same without waiting, by a look that the kernel's memory answers: for a name told before, whose
   * file is unchanged and in its place. Null: `place` it, which finds out what has become of it.
   */
  findNow(sha256: Sha256): HandedFile | null {
    const told = this.#told.get(sha256)
    if (told === undefined) return null
    const { file, guard } = told
    if (!isThere(file, guard) || !isThere(join(this.#options.folder, sha256), guard)) {
      this.#told.delete(sha256)
      return null
    }
    this.#use(sha256)
    return this.#handedFile(sha256)
  }

  #use(sha256: Sha256): void {
    this.#used.delete(sha256)
    this.#used.set(sha256, this.#parts.clock.monotonicMs())
  }

  #handedFile(sha256: Sha256): HandedFile {
    const { prefix, folder } = this.#options
    const name = prefix === null ? join(folder, sha256) : `${prefix}${sha256}`
    return { header: this.header, name }
  }

  /** Remove names that were not used lately: they keep space of files that may be gone. */
  async sweep(): Promise<void> {
    const { folder } = this.#options
    const before = this.#parts.clock.monotonicMs() - handedNameMs
    for (const sha256 of [...this.#used.keys()]) {
      // It may have been used while others were removed.
      const usedMs = this.#used.get(sha256)
      if (usedMs === undefined || usedMs > before) continue
      this.#used.delete(sha256)
      this.#told.delete(sha256)
      await this.#inTurn(sha256, async () => {
        // Asked for again, and placed next.
        if (!this.#used.has(sha256)) await rm(join(folder, sha256), { force: true })
        return false
      })
    }
  }

  async #inTurn(sha256: Sha256, work: () => Promise<boolean>): Promise<boolean> {
    const turn = (this.#turns.get(sha256) ?? Promise.resolve(false)).then(work).catch(error => {
      this.#warn(error)
      return false
    })
    this.#turns.set(sha256, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(sha256) === turn) this.#turns.delete(sha256)
    }
  }

  /** True when the name leads to the file of the guard. */
  async #link(sha256: Sha256, file: string | Buffer, guard: FileGuard): Promise<boolean> {
    const name = join(this.#options.folder, sha256)
    const there = await statsOf(name)
    if (there !== null && isGuarded(there, guard)) return isPublic(there)
    const made = `${name}.new`
    await rm(made, { force: true })
    await link(file, made)
    const stats = await statsOf(made)
    if (stats === null || !isGuarded(stats, guard) || !isPublic(stats)) {
      await rm(made, { force: true })
      return false
    }
    // Two names of one file would both stay.
    if (there?.ino === stats.ino) await rm(made, { force: true })
    else await rename(made, name)
    return true
  }

  #warn(error: unknown): void {
    if (this.#warned) return
    this.#warned = true
    const fields = { folder: this.#options.folder, error: describeError(error) }
    this.#parts.logger.warn(fields, 'a file cannot be handed over and is sent from here')
  }
}
