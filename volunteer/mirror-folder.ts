// The mirror folder as a place where nothing is reached through a symlink: each folder on the way is
// looked at before a path is used. It knows what stands where, not what ought to.

import type { BigIntStats } from 'node:fs'
import { chmod, lstat, mkdir, readlink, rmdir } from 'node:fs/promises'
import { systemCode } from '../core/errors.ts'
import type { RepoPath } from '../core/ids.ts'
import { joinPath, parentPath, pathInFolder } from '../core/repo-path.ts'
import type { FileStamp } from './held-store.ts'

export type Found =
  | { readonly kind: 'absent' }
  | { readonly kind: 'file'; readonly stamp: FileStamp }
  | { readonly kind: 'link'; readonly target: Buffer }
  | { readonly kind: 'folder' }
  | { readonly kind: 'other' }
  /** A folder on the way is none: `at` names what stands there instead. */
  | { readonly kind: 'obstructed'; readonly at: RepoPath }

export const stampOf = (stats: BigIntStats): FileStamp => ({
  sizeBytes: Number(stats.size),
  modifiedNs: stats.mtimeNs,
  inode: stats.ino,
})

/** What a walk has seen of folders so far. */
export type SeenFolders = Map<RepoPath, 'folder' | 'absent'>

const absentCodes: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR'])

/** The folders above a path, from the top; the root is not among them. */
const foldersAbove = (path: RepoPath): RepoPath[] => {
  const folders: RepoPath[] = []
  for (let folder = parentPath(path); folder !== ''; folder = parentPath(folder)) {
    folders.unshift(folder)
  }
  return folders
}

export class MirrorFolder {
  readonly root: string

  /** `root` must exist and be a real path (no symlink in it needs to be followed any more). */
  constructor(root: string) {
    this.root = root
  }

  file(path: RepoPath): Buffer {
    return pathInFolder(this.root, path)
  }

  /** A new name for a temporary in the folder of `path`. */
  temporary(path: RepoPath, name: string): Buffer {
    return this.file(joinPath(parentPath(path), name as RepoPath))
  }

  async #stats(path: RepoPath): Promise<BigIntStats | null> {
    try {
      return await lstat(this.file(path), { bigint: true })
    } catch (error) {
      if (absentCodes.has(systemCode(error))) return null
      throw error
    }
  }

  /**
   * What stands at a path; throws the system's error when the owner's rights forbid to look. What
   * `seen` knows of folders is not looked at again: for a short walk over many paths.
   */
  async look(path: RepoPath, seen?: SeenFolders): Promise<Found> {
    for (const folder of foldersAbove(path)) {
      const known = seen?.get(folder)
      if (known === 'folder') continue
      if (known === 'absent') return { kind: 'absent' }
      const stats = await this.#stats(folder)
      if (stats !== null && !stats.isDirectory()) return { kind: 'obstructed', at: folder }
      seen?.set(folder, stats === null ? 'absent' : 'folder')
      if (stats === null) return { kind: 'absent' }
    }
    const stats = await this.#stats(path)
    if (stats === null) return { kind: 'absent' }
    if (stats.isFile()) return { kind: 'file', stamp: stampOf(stats) }
    if (stats.isDirectory()) return { kind: 'folder' }
    if (!stats.isSymbolicLink()) return { kind: 'other' }
    return { kind: 'link', target: await readlink(this.file(path), 'buffer') }
  }

  /**
   * Make the folders above a path; tells which were made. Obstructions must be gone before. What `seen`
   * knows of is not looked at again; afterwards it knows of all of them.
   */
  async makeFoldersAbove(
    path: RepoPath,
    onMade: (folder: RepoPath) => void,
    seen?: SeenFolders,
  ): Promise<void> {
    for (const folder of foldersAbove(path)) {
      if (seen?.get(folder) === 'folder') continue
      const stats = await this.#stats(folder)
      seen?.set(folder, 'folder')
      if (stats?.isDirectory()) continue
      try {
        await mkdir(this.file(folder))
      } catch (error) {
        if (systemCode(error) !== 'EEXIST') throw error
        continue
      }
      // Whatever the umask: any web server must be able to show the mirror.
      await chmod(this.file(folder), 0o755)
      onMade(folder)
    }
  }

  /** Remove a folder if it is empty; false when it is not. */
  async removeFolder(path: RepoPath): Promise<boolean> {
    try {
      await rmdir(this.file(path))
      return true
    } catch (error) {
      const code = systemCode(error)
      if (code === 'ENOTEMPTY' || code === 'EEXIST') return false
      if (code === 'ENOENT') return true
      throw error
    }
  }
}
