// Following symlinks in the manifest as the kernel follows them on disk, but never outside the
// tree: ".." is taken from the folder that was really reached, and above the root is nothing.

import type { RepoPath, SnapshotNumber } from '../../core/ids.ts'
import { symlinkDepth } from '../../core/limits.ts'
import { joinPath, parentPath, rootPath } from '../../core/repo-path.ts'
import type { Entry } from '../model.ts'

/** Where a path leads, before its content is read. */
export type Resolved =
  | { readonly kind: 'file'; readonly path: RepoPath; readonly content: number }
  | { readonly kind: 'directory'; readonly path: RepoPath }
  | { readonly kind: 'missing' }
  | { readonly kind: 'loop' }

/** What resolving needs to know of a snapshot. */
export interface TreeView {
  lookup(path: RepoPath, snapshot: SnapshotNumber): Entry | null
  isDirectory(path: RepoPath, snapshot: SnapshotNumber): boolean
}

const segmentsOf = (path: string): string[] => path.split('/').filter(part => part !== '')

/** Resolve every component of `path` in `snapshot`. */
export const resolvePath = (view: TreeView, path: RepoPath, snapshot: SnapshotNumber): Resolved => {
  const direct = path === rootPath ? null : view.lookup(path, snapshot)
  if (direct?.kind === 'file') return { kind: 'file', path, content: direct.content }
  const waiting = segmentsOf(path).reverse()
  let reached = rootPath
  let followed = 0
  while (waiting.length > 0) {
    const segment = waiting.pop() ?? '.'
    if (segment === '.') continue
    if (segment === '..') {
      if (reached === rootPath) return { kind: 'missing' }
      reached = parentPath(reached)
      continue
    }
    const next = joinPath(reached, segment as RepoPath)
    const entry = view.lookup(next, snapshot)
    if (entry?.kind === 'file') {
      if (waiting.length > 0) return { kind: 'missing' }
      return { kind: 'file', path: next, content: entry.content }
    }
    if (entry?.kind === 'link') {
      followed += 1
      if (followed > symlinkDepth) return { kind: 'loop' }
      waiting.push(...segmentsOf(entry.target).reverse())
      continue
    }
    if (!view.isDirectory(next, snapshot)) return { kind: 'missing' }
    reached = next
  }
  return { kind: 'directory', path: reached }
}
