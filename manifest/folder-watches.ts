// File events for a set of folders. Events are hints: where the system gives none (network file
// systems, too many watches), the periodic look at the tree notices instead.

import { type FSWatcher, watch } from 'node:fs'
import type { RepoPath } from '../core/ids.ts'
import { joinPath, pathFromBytes, pathInFolder } from '../core/repo-path.ts'

export interface FolderWatchOptions {
  /** A name in a watched folder appeared, vanished or changed; null when the system does not say. */
  readonly onEvent: (path: RepoPath | null) => void
  readonly onProblem: (folder: RepoPath, error: unknown) => void
}

export class FolderWatches {
  readonly #root: string
  readonly #options: FolderWatchOptions
  readonly #watchers = new Map<RepoPath, FSWatcher>()

  constructor(root: string, options: FolderWatchOptions) {
    this.#root = root
    this.#options = options
  }

  /** Watch exactly these folders from now on. */
  set(folders: ReadonlySet<RepoPath>): void {
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue
      watcher.close()
      this.#watchers.delete(folder)
    }
    for (const folder of folders) {
      if (!this.#watchers.has(folder)) this.#watch(folder)
    }
  }

  close(): void {
    this.set(new Set())
  }

  #watch(folder: RepoPath): void {
    try {
      const options = { persistent: false, encoding: 'buffer' } as const
      const watcher = watch(pathInFolder(this.#root, folder), options, (_kind, name) =>
        this.#options.onEvent(name === null ? null : joinPath(folder, pathFromBytes(name))),
      )
      watcher.on('error', error => this.#lose(folder, error))
      this.#watchers.set(folder, watcher)
    } catch (error) {
      this.#options.onProblem(folder, error)
    }
  }

  #lose(folder: RepoPath, error: unknown): void {
    this.#watchers.get(folder)?.close()
    this.#watchers.delete(folder)
    this.#options.onProblem(folder, error)
  }
}
