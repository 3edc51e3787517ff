// Keeps the newest snapshot's files that may be redirected in memory for quick look-ups (see logic/path-table.ts): reads them
// in a thread of its own after the start and after each publish. Until it is there, and where it does
// not pay, it finds nothing, and whoever asked has to look into the manifest.

import { randomBytes } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { describeError } from '../core/errors.ts'
import {
  indexedFilesLeast,
  indexedFilesMost,
  indexHeapMiB,
  indexSettleMs,
} from '../core/front-limits.ts'
import { collectStartGarbage } from '../core/garbage.ts'
import type { RepoPath, SnapshotNumber } from '../core/ids.ts'
import type { Logger } from '../core/log.ts'
import type { FileContent, Snapshot } from '../manifest/model.ts'
import { PathTable, type PathTableMemory } from './logic/path-table.ts'
import type { PathIndexWork } from './path-index-thread.ts'

const threadFile = new URL(
  import.meta.url.endsWith('.ts') ? './path-index-thread.ts' : './path-index-thread.js',
  import.meta.url,
)

export interface PathIndexParts {
  /** The manifest's database. */
  readonly file: string
  /** The newest snapshot; null: none yet. */
  readonly latest: () => Snapshot | null
  /** Patterns of names that are answered otherwise. */
  readonly leftOut: readonly string[]
  readonly logger: Logger
}

/** Seams for tests. */
export interface PathIndexLimits {
  readonly filesLeast: number
  readonly filesMost: number
  readonly settleMs: number
}

export const pathIndexLimits: PathIndexLimits = {
  filesLeast: indexedFilesLeast,
  filesMost: indexedFilesMost,
  settleMs: indexSettleMs,
}

export class PathIndex {
  readonly #parts: PathIndexParts
  readonly #limits: PathIndexLimits
  #table: PathTable | null = null
  #thread: Worker | null = null
  #timer: NodeJS.Timeout | null = null
  #started = false
  #tidied = false

  constructor(parts: PathIndexParts, limits: PathIndexLimits = pathIndexLimits) {
    this.#parts = parts
    this.#limits = limits
  }

  start(): void {
    this.#started = true
    this.refresh()
  }

  async stop(): Promise<void> {
    this.#started = false
    this.#table = null
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#end()
  }

  /** Whether the files of this snapshot are here. */
  has(snapshot: SnapshotNumber): boolean {
    return this.#table?.snapshot === snapshot
  }

  /** How many files of the newest snapshot have room in the index; 0 while there is none. */
  get files(): number {
    return this.#table?.size ?? 0
  }

  /**
   * The file at exactly this path, which by its name and size may be redirected; null when there is
   * none, or when that is not known here.
   */
  find(path: RepoPath, snapshot: SnapshotNumber): FileContent | null {
    const table = this.#table
    return table === null || table.snapshot !== snapshot ? null : table.find(path)
  }

  /** To be called when a snapshot was published: it is read once no other follows for a while. */
  refresh(): void {
    if (!this.#started) return
    const latest = this.#parts.latest()
    if (latest === null || this.has(latest.number)) return
    // Of no more use, and two at a time are too much memory.
    this.#table = null
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      void this.#end().then(() => this.#begin())
    }, this.#limits.settleMs).unref()
  }

  #begin(): void {
    const latest = this.#parts.latest()
    const { filesLeast, filesMost } = this.#limits
    if (!this.#started || latest === null) return
    if (latest.files < filesLeast || latest.files > filesMost) return
    // Volunteers have announced themselves meanwhile; the first table is to fit where that garbage is.
    if (!this.#tidied) collectStartGarbage()
    this.#tidied = true
    const random = randomBytes(8)
    const work: PathIndexWork = {
      file: this.#parts.file,
      snapshot: latest.number,
      files: latest.files,
      leftOut: this.#parts.leftOut,
      key: { low: random.readInt32LE(0), high: random.readInt32LE(4) },
    }
    const thread = new Worker(threadFile, {
      workerData: work,
      resourceLimits: { maxOldGenerationSizeMb: indexHeapMiB, maxYoungGenerationSizeMb: 4 },
    })
    this.#thread = thread
    thread.unref()
    thread.on('message', (memory: PathTableMemory) => {
      if (this.#thread === thread && this.#parts.latest()?.number === memory.snapshot) {
        this.#table = new PathTable(memory)
      }
    })
    thread.on('error', error => {
      const details = { snapshot: work.snapshot, error: describeError(error) }
      this.#parts.logger.warn(details, 'files are looked up in the database: no index of them')
    })
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = null
    })
  }

  async #end(): Promise<void> {
    const thread = this.#thread
    this.#thread = null
    await thread?.terminate()
  }
}
