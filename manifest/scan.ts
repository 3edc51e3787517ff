// Walks a tree in the order of its canonical paths, so that it can be compared with a table in one
// pass. Reads names and stats, never contents; what cannot be mirrored is refused with a reason.

import {
  type BigIntStats,
  type Dirent,
  lstatSync,
  readdirSync,
  readlinkSync,
  realpathSync,
} from 'node:fs'
import { describeError, MirrorswarmError, systemCode } from '../core/errors.ts'
import type { RepoPath } from '../core/ids.ts'
import { joinPath, pathFromBytes, rootPath } from '../core/repo-path.ts'
import { canonicalTarget } from './logic/link-target.ts'

export interface ScannedFile {
  readonly kind: 'file'
  readonly path: RepoPath
  readonly sizeBytes: number
  readonly modifiedNs: bigint
  readonly changedNs: bigint
  readonly inode: bigint
}

export interface ScannedLink {
  readonly kind: 'link'
  readonly path: RepoPath
  /** Percent-encoded, relative, inside the tree. */
  readonly target: string
}

export type ScannedEntry = ScannedFile | ScannedLink

export interface ScanOptions {
  /** Told of every path that is left out, and why. */
  readonly onRefused: (path: RepoPath, reason: string) => void
}

/** Our own temporary files and folders begin so, wherever they are. */
export const ownPrefix = '.mirrorswarm'
/** All URLs below "/-/" are the origin's own. */
const reservedName = '-'

interface Child {
  readonly dirent: Dirent<Buffer>
  readonly name: RepoPath
  /** The name as it sorts among whole paths: a folder as if it ended in "/". */
  readonly key: string
}

class Walk {
  readonly #roots: readonly string[]
  readonly #realRoot: string
  readonly #onRefused: ScanOptions['onRefused']

  constructor(root: string, onRefused: ScanOptions['onRefused']) {
    try {
      this.#realRoot = realpathSync.native(root)
    } catch (error) {
      throw new MirrorswarmError('MS_TREE_UNREADABLE', `cannot read ${root}`, { cause: error })
    }
    this.#roots = [this.#realRoot, root]
    this.#onRefused = onRefused
  }

  /** Null when the path vanished or may not be read; a failing disk ends the scan. */
  #attempt<T>(path: RepoPath, work: () => T): T | null {
    try {
      return work()
    } catch (error) {
      const code = systemCode(error)
      if (path !== rootPath) {
        if (code === 'ENOENT' || code === 'ENOTDIR') return null
        if (code === 'EACCES' || code === 'EPERM' || code === 'ENAMETOOLONG') {
          this.#onRefused(path, `it cannot be read (${describeError(error)})`)
          return null
        }
      }
      throw new MirrorswarmError('MS_TREE_UNREADABLE', `cannot read the tree at "/${path}"`, {
        cause: error,
      })
    }
  }

  #children(folder: Buffer, path: RepoPath): Child[] {
    const options = { encoding: 'buffer', withFileTypes: true } as const
    const dirents = this.#attempt(path, () => readdirSync(folder, options)) ?? []
    const children: Child[] = []
    for (const dirent of dirents) {
      const name = pathFromBytes(dirent.name)
      if (name.startsWith(ownPrefix)) continue
      if (path === rootPath && name === reservedName) {
        this.#onRefused(name, 'the name "-" is reserved at the top of a repository')
        continue
      }
      children.push({ dirent, name, key: dirent.isDirectory() ? `${name}/` : name })
    }
    return children.sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  #file(path: RepoPath, stats: BigIntStats): ScannedFile {
    return {
      kind: 'file',
      path,
      sizeBytes: Number(stats.size),
      modifiedNs: stats.mtimeNs,
      changedNs: stats.ctimeNs,
      inode: stats.ino,
    }
  }

  #link(file: Buffer, path: RepoPath): ScannedLink | null {
    const raw = this.#attempt(path, () => readlinkSync(file, { encoding: 'buffer' }))
    if (raw === null) return null
    const target = canonicalTarget(path, raw, this.#roots)
    if (target !== null && !this.#leadsOut(file)) return { kind: 'link', path, target }
    this.#onRefused(path, 'the symlink leads out of the tree')
    return null
  }

  /** The text of a target cannot tell what the links on its way do; the kernel can. */
  #leadsOut(file: Buffer): boolean {
    try {
      // Only the native one takes ".." from where a link led.
      const real = realpathSync.native(file, { encoding: 'buffer' })
      const root = Buffer.from(this.#realRoot === '/' ? '' : this.#realRoot)
      const inside = real.subarray(0, root.length).equals(root)
      return !inside || (real.length > root.length && real[root.length] !== 0x2f)
    } catch (error) {
      // Dangling and circular links are entries that lead nowhere.
      const code = systemCode(error)
      if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENOTDIR') return false
      return true
    }
  }

  *folder(folder: Buffer, path: RepoPath): Generator<ScannedEntry> {
    for (const { dirent, name } of this.#children(folder, path)) {
      const file = Buffer.concat([folder, slash, dirent.name])
      const childPath = joinPath(path, name)
      if (dirent.isDirectory()) yield* this.folder(file, childPath)
      else if (dirent.isSymbolicLink()) {
        const link = this.#link(file, childPath)
        if (link !== null) yield link
      } else if (dirent.isFile()) {
        const stats = this.#attempt(childPath, () => lstatSync(file, { bigint: true }))
        if (stats?.isFile()) yield this.#file(childPath, stats)
      } else this.#onRefused(childPath, 'only files, folders and symlinks can be mirrored')
    }
  }
}

const slash = Buffer.from('/')

/**
 * All files and links of a tree in the order of their paths (as bytes of the canonical text). The
 * generator does its I/O at once: pause between entries to let others run. Throws
 * MS_TREE_UNREADABLE when the root, or a disk below it, cannot be read.
 */
export function* scanTree(root: string, options: ScanOptions): Generator<ScannedEntry> {
  yield* new Walk(root, options.onRefused).folder(Buffer.from(root), rootPath)
}
