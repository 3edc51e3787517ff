// Targets of symlinks as text: percent-encoded segments, relative, "." where nothing else is left.
// Decides whether a target stays inside the tree as far as its text can tell.

import { Buffer } from 'node:buffer'
import type { RepoPath } from '../../core/ids.ts'
import { isCanonicalPath, parentPath, pathFromBytes } from '../../core/repo-path.ts'

/** How deep the folder lies that a target leads to, or null when it climbs above the root. */
const staysInside = (depth: number, segments: readonly string[]): boolean => {
  let level = depth
  for (const segment of segments) {
    level += segment === '..' ? -1 : 1
    if (level < 0) return false
  }
  return true
}

const depthOf = (folder: RepoPath): number => (folder === '' ? 0 : folder.split('/').length)

const relativeTo = (folder: RepoPath, inside: readonly string[]): string[] => {
  const from = folder === '' ? [] : folder.split('/')
  let common = 0
  while (common < from.length && common < inside.length - 1 && from[common] === inside[common]) {
    common += 1
  }
  return [...from.slice(common).map(() => '..'), ...inside.slice(common)]
}

const splitTarget = (text: string): string[] =>
  text.split('/').filter(segment => segment !== '' && segment !== '.')

/**
 * The canonical target of the link at `path`, whose raw target is `target`; null when it leads out
 * of the tree. An absolute target must begin with one of `roots` and is made relative.
 */
export const canonicalTarget = (
  path: RepoPath,
  target: Uint8Array,
  roots: readonly string[],
): string | null => {
  const text = pathFromBytes(target)
  const folder = parentPath(path)
  let segments = splitTarget(text)
  if (text.startsWith('/')) {
    const root = roots
      .map(each => splitTarget(pathFromBytes(Buffer.from(each))))
      .find(each => each.every((segment, index) => segment === segments[index]))
    if (root === undefined) return null
    const inside = segments.slice(root.length)
    if (!staysInside(0, inside)) return null
    segments = relativeTo(folder, inside)
  }
  if (!staysInside(depthOf(folder), segments)) return null
  return segments.length === 0 ? '.' : segments.join('/')
}

/** True for text that `canonicalTarget` can have made: what remote manifests must hold. */
export const isCanonicalTarget = (path: RepoPath, target: string): boolean => {
  if (target === '.') return true
  const segments = target.split('/')
  return (
    segments.every(segment => segment !== '' && (segment === '..' || isCanonicalPath(segment))) &&
    staysInside(depthOf(parentPath(path)), segments)
  )
}
