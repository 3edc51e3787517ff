// Recognises what is already on disk: files of an adopted folder, files that were put in place just
// before a crash, and changes that somebody made to files of the mirror. Writes nothing to the tree.

import { readdir, rm } from 'node:fs/promises'
import { describeError, systemCode } from '../core/errors.ts'
import type { RepoPath, Sha256 } from '../core/ids.ts'
import { joinPath, parentPath, pathFromBytes } from '../core/repo-path.ts'
import { placementWorkers, workSliceRows } from '../core/volunteer-limits.ts'
import { temporaryPrefix } from '../manifest/logic/scope.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'
import type { FileHasher } from './hasher.ts'
import { type FileStamp, type HeldStore, sameStamp } from './held-store.ts'
import type { PathRecord } from './logic/plan.ts'
import type { MirrorFolder, SeenFolders } from './mirror-folder.ts'
import type { TodoFile, WorkList } from './work-list.ts'

export interface AdopterParts {
  readonly folder: MirrorFolder
  readonly store: HeldStore
  readonly work: WorkList
  readonly reader: ManifestReader
  readonly hasher: FileHasher
}

/** Each item by one of a few runners; the first failure is thrown when all have stopped. */
const eachOf = async <T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> => {
  const rest = items[Symbol.iterator]()
  const runner = async (): Promise<void> => {
    for (let next = rest.next(); !next.done; next = rest.next()) await run(next.value)
  }
  const runners = Array.from({ length: placementWorkers }, runner)
  for (const result of await Promise.allSettled(runners)) {
    if (result.status === 'rejected') throw result.reason
  }
}

const temporaryName = new RegExp(`^${temporaryPrefix.replace('.', '\\.')}[0-9a-f]{16}$`)

export class Adopter {
  readonly #parts: AdopterParts
  /** Folders whose left-over temporaries were removed in this run. */
  readonly #swept = new Set<RepoPath>()

  constructor(parts: AdopterParts) {
    this.#parts = parts
  }

  /** Take every path to do whose file is there already off the work list. */
  async adopt(signal: AbortSignal): Promise<void> {
    let after: RepoPath | null = null
    for (;;) {
      signal.throwIfAborted()
      const page: TodoFile[] = this.#parts.work.files(after, workSliceRows)
      const last = page.at(-1)
      if (last === undefined) break
      const seen: SeenFolders = new Map()
      await eachOf(page, async todo => {
        signal.throwIfAborted()
        await this.#adoptFile(todo, seen)
      })
      after = last.path
    }
    this.#swept.clear()
  }

  async #adoptFile({ path, content: number }: TodoFile, seen: SeenFolders): Promise<void> {
    const { folder, store, work, reader } = this.#parts
    try {
      const found = await folder.look(path, seen)
      const above = parentPath(path)
      if (above === '' || seen.get(above) === 'folder') await this.#sweep(above)
      if (found.kind !== 'file') return
      const content = reader.contentByNumber(number)
      if (found.stamp.sizeBytes !== content?.sizeBytes) return
      const hashed = await this.#hash(path, found.stamp)
      if (hashed?.sha256 !== content.sha256) return
      store.record([{ path, sha256: content.sha256, content: number, ...hashed.stamp }])
      work.done(path)
    } catch (error) {
      if (systemCode(error) === undefined) throw error
      work.block(path, `it cannot be examined (${describeError(error)})`)
    }
  }

  async #hash(
    path: RepoPath,
    stamp: FileStamp,
  ): Promise<{ readonly sha256: Sha256; readonly stamp: FileStamp } | null> {
    const { store, hasher, folder, work } = this.#parts
    const before = store.examined(path, stamp)
    if (before !== null) return { sha256: before, stamp }
    const result = await hasher.hash(folder.file(path))
    if (result.kind === 'failed') work.block(path, `the file there cannot be read (${result.code})`)
    if (result.kind !== 'hashed') return null
    const { sizeBytes, modifiedNs, inode } = result
    const sha256 = result.sha256 as Sha256
    store.setExamined(path, { sizeBytes, modifiedNs, inode }, sha256)
    return { sha256, stamp: { sizeBytes, modifiedNs, inode } }
  }

  /** Remove own temporaries that a crash left in a folder. */
  async #sweep(path: RepoPath): Promise<void> {
    if (this.#swept.has(path)) return
    this.#swept.add(path)
    for (const name of await readdir(this.#parts.folder.file(path), { encoding: 'buffer' })) {
      if (!temporaryName.test(name.toString('latin1'))) continue
      await rm(this.#parts.folder.file(joinPath(path, pathFromBytes(name))), { force: true })
    }
  }

  /** Compare every recorded path with the disk; true when something was gone or changed. */
  async recheck(signal: AbortSignal): Promise<boolean> {
    let after: RepoPath | null = null
    let different = false
    for (;;) {
      signal.throwIfAborted()
      const page: PathRecord[] = this.#parts.store.records(after, workSliceRows)
      const last = page.at(-1)
      if (last === undefined) return different
      const seen: SeenFolders = new Map()
      const gone: RepoPath[] = []
      for (const record of page) {
        const how = await this.#recheckPath(record, seen)
        if (how === 'gone') gone.push(record.path)
        if (how !== 'same') different = true
      }
      if (gone.length > 0) this.#parts.store.forget(gone)
      after = last.path
    }
  }

  async #recheckPath(record: PathRecord, seen: SeenFolders): Promise<'same' | 'gone' | 'changed'> {
    const { store, folder } = this.#parts
    const { path } = record
    try {
      const found = await folder.look(path, seen)
      if (found.kind === 'absent') return 'gone'
      if (record.kind === 'link') return 'same'
      if (record.changed) return 'same'
      const held = store.file(path)
      if (held === null || (found.kind === 'file' && sameStamp(found.stamp, held))) return 'same'
    } catch (error) {
      if (systemCode(error) === undefined) throw error
    }
    store.markChanged(path)
    return 'changed'
  }
}
