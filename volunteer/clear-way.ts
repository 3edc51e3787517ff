// Makes room at a path of the mirror without harming anything that is not the mirror's own: looks at
// what stands there, asks placement.ts for the verdict and carries it out.

import { rm } from 'node:fs/promises'
import type { RepoPath, Sha256 } from '../core/ids.ts'
import { displayPath, parentPath, pathToBytes } from '../core/repo-path.ts'
import { placementAttempts, workSliceRows } from '../core/volunteer-limits.ts'
import type { FileHasher } from './hasher.ts'
import { type HeldStore, sameStamp } from './held-store.ts'
import { judgeStanding, type Standing, type Verdict } from './logic/placement.ts'
import type { Found, MirrorFolder, SeenFolders } from './mirror-folder.ts'

export type Way = { readonly kind: 'open' } | { readonly kind: 'blocked'; readonly reason: string }

const open: Way = { kind: 'open' }

export interface ClearWayParts {
  readonly folder: MirrorFolder
  readonly store: HeldStore
  readonly hasher: FileHasher
  readonly isKnownContent: (sha256: Sha256) => boolean
}

export class ClearWay {
  readonly #parts: ClearWayParts

  constructor(parts: ClearWayParts) {
    this.#parts = parts
  }

  /**
   * After 'open', a rename to the path harms nothing of the owner's; `seen` says then which folders
   * above it are there.
   */
  async open(path: RepoPath, seen?: SeenFolders): Promise<Way> {
    for (let attempt = 0; attempt < placementAttempts; attempt++) {
      seen?.clear()
      const found = await this.#parts.folder.look(path, seen)
      if (found.kind === 'obstructed') {
        if (await this.removeOwn(found.at)) continue
        const what = displayPath(found.at)
        return { kind: 'blocked', reason: `"${what}" stands where a folder is needed` }
      }
      const verdict = await this.#judge(path, found)
      if (verdict.kind === 'free' || verdict.kind === 'replace') return open
      if (verdict.kind === 'blocked') return verdict
      if (!(await this.#clearFolder(path))) {
        return { kind: 'blocked', reason: 'a folder with files that are not the mirror’s' }
      }
    }
    return { kind: 'blocked', reason: 'it is filled again each time it is cleared' }
  }

  #isAsRecorded(path: RepoPath, found: Found): boolean {
    if (found.kind === 'file') {
      const record = this.#parts.store.file(path)
      return record !== null && !record.changed && sameStamp(record, found.stamp)
    }
    if (found.kind !== 'link') return false
    const target = this.#parts.store.linkTarget(path)
    return target !== null && pathToBytes(target as RepoPath).equals(found.target)
  }

  #isRecorded(path: RepoPath): boolean {
    return this.#parts.store.file(path) !== null || this.#parts.store.linkTarget(path) !== null
  }

  async #judge(path: RepoPath, found: Exclude<Found, { kind: 'obstructed' }>): Promise<Verdict> {
    const standing: Standing = {
      kind: found.kind,
      asRecorded: this.#isAsRecorded(path, found),
      recorded: this.#isRecorded(path),
      knownContent: null,
    }
    const verdict = judgeStanding(standing, this.#parts.store.adopting)
    if (verdict.kind !== 'examine' || found.kind !== 'file') return verdict
    const sha256 = await this.#hashOf(path, found)
    if (sha256 === null) return { kind: 'blocked', reason: 'the file there cannot be read' }
    const knownContent = this.#parts.isKnownContent(sha256)
    return judgeStanding({ ...standing, knownContent }, this.#parts.store.adopting)
  }

  async #hashOf(path: RepoPath, found: Found & { kind: 'file' }): Promise<Sha256 | null> {
    const before = this.#parts.store.examined(path, found.stamp)
    if (before !== null) return before
    const result = await this.#parts.hasher.hash(this.#parts.folder.file(path))
    if (result.kind !== 'hashed') return null
    const sha256 = result.sha256 as Sha256
    this.#parts.store.setExamined(path, result, sha256)
    return sha256
  }

  /**
   * Remove what was put or adopted at a path, if it still is just that, and folders of ours that are
   * empty then. True when nothing stands there any more; false when it is the owner's.
   */
  async removeOwn(path: RepoPath): Promise<boolean> {
    const found = await this.#parts.folder.look(path)
    if (found.kind === 'absent' || found.kind === 'obstructed') {
      this.#parts.store.forget([path])
      return true
    }
    if (!this.#isAsRecorded(path, found)) {
      // Not ours any more: from now on it is a file that nobody recorded.
      this.#parts.store.forget([path])
      return false
    }
    await rm(this.#parts.folder.file(path), { force: true })
    this.#parts.store.forget([path])
    await this.#removeEmptyFolders(parentPath(path))
    return true
  }

  async #removeEmptyFolders(from: RepoPath): Promise<void> {
    for (let folder = from; folder !== ''; folder = parentPath(folder)) {
      if (!this.#parts.store.ownsFolder(folder)) return
      if (!(await this.#parts.folder.removeFolder(folder))) return
      this.#parts.store.forgetFolder(folder)
    }
  }

  /** Remove what is ours below a folder, and the folder if nothing else was in it. */
  async #clearFolder(path: RepoPath): Promise<boolean> {
    const { store, folder } = this.#parts
    const owned = store.ownsFolder(path)
    let removed = false
    const folders = new Set<RepoPath>([path])
    for (;;) {
      const below = store.below(path, workSliceRows)
      if (below.length === 0) break
      for (const name of below) {
        if (!(await this.removeOwn(name))) return false
        removed = true
        for (let above = parentPath(name); above !== path; above = parentPath(above)) {
          folders.add(above)
        }
      }
    }
    if (!owned && !removed) return (await folder.look(path)).kind === 'absent'
    for (const name of [...folders].sort((a, b) => b.length - a.length)) {
      if (!(await folder.removeFolder(name))) return false
      store.forgetFolder(name)
    }
    return true
  }
}
