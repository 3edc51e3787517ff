// The first half of a publish: compares the tree with what is known of it, in one pass over both,
// and hashes what is new or changed. Whatever was hashed is recorded, so that an end at any moment
// loses little.

import { rm } from 'node:fs/promises'
import type { Clock } from '../core/clock.ts'
import type { RepoPath, Sha256 } from '../core/ids.ts'
import {
  hashBatchBytes,
  hashBatchFiles,
  hashRecordFiles,
  hashRecordMs,
  keptInlineBytes,
} from '../core/limits.ts'
import type { HashedFile, HashOutcome, HashPool, HashRequest } from './hash-pool.ts'
import type { KeptStore } from './kept-store.ts'
import type { KeepAtOrigin } from './logic/keep-at-origin.ts'
import { type ScannedFile, type ScannedLink, scanTree } from './scan.ts'
import type { RecordedFile, TreeRow, WorkingTree } from './store/working-tree.ts'

export interface ReadingOptions {
  readonly root: string
  readonly tree: WorkingTree
  readonly kept: KeptStore
  readonly hashPool: HashPool
  readonly keepAtOrigin: KeepAtOrigin
  readonly clock: Clock
  readonly signal?: AbortSignal
  readonly onWarning: (path: RepoPath, reason: string) => void
  readonly onProgress: (progress: ReadingProgress) => void
  /** Told of every file, whether or not it is read. */
  readonly onFile: (file: ScannedFile) => void
}

export interface ReadingProgress {
  scannedFiles: number
  scannedBytes: number
  /** New or changed, as far as the tree was scanned. */
  toHashFiles: number
  toHashBytes: number
  hashedFiles: number
  hashedBytes: number
  /** The scan is over: the numbers to hash are final. */
  scanned: boolean
}

interface Batch {
  requests: HashRequest[]
  bytes: number
}

const entriesBetweenPauses = 512

const pause = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

export class TreeReading {
  readonly #options: ReadingOptions
  readonly #running = new Set<Promise<void>>()
  readonly progress: ReadingProgress = {
    scannedFiles: 0,
    scannedBytes: 0,
    toHashFiles: 0,
    toHashBytes: 0,
    hashedFiles: 0,
    hashedBytes: 0,
    scanned: false,
  }
  #batch: Batch = { requests: [], bytes: 0 }
  #recorded: RecordedFile[] = []
  #inline: [Sha256, Buffer][] = []
  #links: ScannedLink[] = []
  #recordedMs: number
  #failure: { readonly error: unknown } | null = null
  #different = false

  constructor(options: ReadingOptions) {
    this.#options = options
    this.#recordedMs = options.clock.monotonicMs()
  }

  /** Read the tree; true when anything may differ from the newest snapshot. */
  async run(): Promise<boolean> {
    try {
      await this.#scan()
      this.#dispatch()
      while (this.#running.size > 0) await this.#oneBatch()
      this.#check()
    } finally {
      // Nothing may be written once the caller goes on; what is hashed stays hashed.
      await Promise.all(this.#running)
      this.#record()
    }
    return this.#different
  }

  async #scan(): Promise<void> {
    const { root, tree, onWarning } = this.#options
    const rows = tree.rows()
    let row = rows.next().value ?? null
    const missing = (until: RepoPath | null): void => {
      while (row !== null && (until === null || row.path < until)) {
        this.#leaveOut(row.path)
        row = rows.next().value ?? null
      }
    }
    let sincePause = 0
    for (const entry of scanTree(root, { onRefused: onWarning })) {
      missing(entry.path)
      const known: TreeRow | null = row?.path === entry.path ? row : null
      if (known !== null) row = rows.next().value ?? null
      if (entry.kind === 'file') this.#file(entry, known)
      else this.#link(entry, known)
      sincePause += 1
      if (sincePause >= entriesBetweenPauses) {
        sincePause = 0
        await this.#breathe()
      }
    }
    missing(null)
    this.progress.scanned = true
    // Few large files are hashed for long before the first of them is done.
    this.#options.onProgress(this.progress)
  }

  /** Let answers come in, and wait while the hashing threads have enough to do. */
  async #breathe(): Promise<void> {
    this.#options.onProgress(this.progress)
    await pause()
    while (this.#running.size >= this.#options.hashPool.workers * 2) await this.#oneBatch()
    this.#check()
  }

  async #oneBatch(): Promise<void> {
    await Promise.race(this.#running)
    this.#check()
  }

  #check(): void {
    this.#options.signal?.throwIfAborted()
    if (this.#failure !== null) throw this.#failure.error
  }

  #leaveOut(path: RepoPath): void {
    this.#different = true
    this.#options.tree.leaveOut([path])
  }

  #link(link: ScannedLink, known: TreeRow | null): void {
    if (known?.target === link.target) {
      if (known.pending) this.#different = true
      return
    }
    this.#different = true
    this.#links.push(link)
    if (this.#links.length >= hashRecordFiles) this.#record()
  }

  #file(file: ScannedFile, known: TreeRow | null): void {
    const { keepAtOrigin, kept, onFile } = this.#options
    onFile(file)
    this.progress.scannedFiles += 1
    this.progress.scannedBytes += file.sizeBytes
    const keep = keepAtOrigin(file.path, file.sizeBytes)
    if (known !== null && this.#isUnchanged(file, known) && (known.kept || !keep)) {
      if (known.pending) this.#different = true
      return
    }
    this.progress.toHashFiles += 1
    this.progress.toHashBytes += file.sizeBytes
    const copyTo = keep && file.sizeBytes > keptInlineBytes ? kept.temporaryFile() : null
    this.#batch.requests.push({ path: file.path, keep, copyTo })
    this.#batch.bytes += file.sizeBytes
    const { requests, bytes } = this.#batch
    if (requests.length >= hashBatchFiles || bytes >= hashBatchBytes) this.#dispatch()
  }

  #isUnchanged(file: ScannedFile, known: TreeRow): boolean {
    return (
      known.target === null &&
      !known.young &&
      known.inode === file.inode &&
      known.modifiedNs === file.modifiedNs &&
      known.changedNs === file.changedNs &&
      Number(known.sizeBytes) === file.sizeBytes
    )
  }

  #dispatch(): void {
    const { requests } = this.#batch
    this.#batch = { requests: [], bytes: 0 }
    if (requests.length === 0) return
    const { hashPool, root, signal } = this.#options
    const running: Promise<void> = hashPool
      .hash(root, requests, signal)
      .then(outcomes => this.#take(outcomes, requests))
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async #take(outcomes: readonly HashOutcome[], requests: readonly HashRequest[]): Promise<void> {
    for (const [index, outcome] of outcomes.entries()) {
      const copy = requests[index]?.copyTo ?? null
      if (outcome.kind === 'hashed') await this.#takeFile(outcome, copy)
      else {
        if (copy !== null) await rm(copy, { force: true })
        this.#takeFailure(outcome)
      }
    }
    const { clock, onProgress } = this.#options
    const due = clock.monotonicMs() - this.#recordedMs >= hashRecordMs
    if (due || this.#recorded.length >= hashRecordFiles) this.#record()
    onProgress(this.progress)
  }

  async #takeFile(file: HashedFile, copy: string | null): Promise<void> {
    this.#different = true
    this.progress.hashedFiles += 1
    this.progress.hashedBytes += file.sizeBytes
    const sha256 = file.sha256.toString('hex') as Sha256
    if (file.inline !== null) this.#inline.push([sha256, file.inline])
    if (copy !== null) {
      if (file.sizeBytes > keptInlineBytes) await this.#options.kept.adopt(sha256, copy)
      else await rm(copy, { force: true })
    }
    const kept = file.inline !== null || (copy !== null && file.sizeBytes > keptInlineBytes)
    this.#recorded.push({ file, kept })
  }

  #takeFailure(outcome: Exclude<HashOutcome, HashedFile>): void {
    const { onWarning } = this.#options
    this.#leaveOut(outcome.path)
    if (outcome.kind === 'changed') {
      onWarning(outcome.path, 'it changed each time it was read; it is left out')
    } else if (outcome.kind === 'unreadable') {
      onWarning(outcome.path, `it cannot be read (${outcome.reason}); it is left out`)
    }
  }

  /** Copies first: a recorded file counts as kept. */
  #record(): void {
    const [inline, files, links] = [this.#inline, this.#recorded, this.#links]
    this.#inline = []
    this.#recorded = []
    this.#links = []
    this.#recordedMs = this.#options.clock.monotonicMs()
    if (inline.length > 0) this.#options.kept.putInline(inline)
    if (files.length > 0) this.#options.tree.recordFiles(files)
    if (links.length > 0) this.#options.tree.recordLinks(links)
  }
}
