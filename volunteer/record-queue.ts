// Makes placed files certain: flushes their folders and then records them, many at once (group
// commit), so that thousands of small files do not cost thousands of folder flushes.

import { flushFolder } from '../core/durable-file.ts'
import type { RepoPath } from '../core/ids.ts'
import { parentPath } from '../core/repo-path.ts'
import { placementBatch } from '../core/volunteer-limits.ts'
import type { HeldFile, HeldStore } from './held-store.ts'
import type { MirrorFolder } from './mirror-folder.ts'

interface Waiting {
  readonly file: HeldFile
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class RecordQueue {
  readonly #folder: MirrorFolder
  readonly #store: HeldStore
  #waiting: Waiting[] = []
  #madeIn = new Set<RepoPath>()
  #running = false

  constructor(parts: { readonly folder: MirrorFolder; readonly store: HeldStore }) {
    this.#folder = parts.folder
    this.#store = parts.store
  }

  /** A folder was made: its name must be flushed with the next batch. */
  folderMade(folder: RepoPath): void {
    this.#store.addFolder(folder)
    this.#madeIn.add(parentPath(folder))
  }

  /** Resolves when the file's name is on disk for good and its row is written. */
  add(file: HeldFile): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ file, resolve, reject })
      if (!this.#running) {
        this.#running = true
        setImmediate(() => void this.#run())
      }
    })
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, placementBatch)
      try {
        await this.#commit(batch.map(({ file }) => file))
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.#running = false
  }

  async #commit(files: readonly HeldFile[]): Promise<void> {
    const folders = new Set(files.map(file => parentPath(file.path)))
    for (const folder of this.#madeIn) folders.add(folder)
    this.#madeIn = new Set()
    for (const folder of folders) await flushFolder(this.#folder.file(folder))
    this.#store.record(files)
  }
}
