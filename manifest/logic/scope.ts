// Which paths of the repository a volunteer mirrors: the owner's globs on decoded paths, and never a
// name that this program uses itself. Pure.

import picomatch from 'picomatch'
import type { RepoPath } from '../../core/ids.ts'
import { pathToBytes } from '../../core/repo-path.ts'

/** Own temporary files begin so; a repository cannot have such names. */
export const temporaryPrefix = '.mirrorswarm-'
const reservedName = '.mirrorswarm'

export interface ScopePatterns {
  /** Empty: everything. */
  readonly include: readonly string[]
  readonly exclude: readonly string[]
  /** The data folder's place inside the mirror, if it is inside: never mirrored. */
  readonly dataFolder: RepoPath | null
}

export type Scope = (path: RepoPath) => boolean

type Matches = (path: string) => boolean

const options = { dot: true, nonegate: true }

/**
 * As people know it from rsync and git: "*.iso" means that name in any folder, "/pool" only at the
 * top, "pool/main" that file or everything below that folder.
 */
const compilePattern = (pattern: string): Matches => {
  const anchored = pattern.replace(/^\/+/, '').replace(/\/+$/, '')
  if (anchored === '') return () => true
  const free = !pattern.replace(/\/+$/, '').includes('/')
  const globs = free
    ? [anchored, `${anchored}/**`, `**/${anchored}`, `**/${anchored}/**`]
    : [anchored, `${anchored}/**`]
  return picomatch(globs, options)
}

/** Paths are bytes: those that are not UTF-8 are matched as Latin-1, so that "*" still matches. */
const decoded = (path: RepoPath): string => {
  if (!path.includes('%')) return path
  const bytes = pathToBytes(path)
  const text = bytes.toString('utf8')
  return text.includes('\ufffd') ? bytes.toString('latin1') : text
}

const isReserved = (path: string): boolean =>
  path.startsWith(reservedName) || path.includes(`/${reservedName}`)

/** The predicate of the owner's --include and --exclude; exclusion wins. */
export const compileScope = ({ include, exclude, dataFolder }: ScopePatterns): Scope => {
  const included = include.map(compilePattern)
  const excluded = exclude.map(compilePattern)
  return path => {
    if (path === '' || isReserved(path)) return false
    if (dataFolder !== null && (path === dataFolder || path.startsWith(`${dataFolder}/`))) {
      return false
    }
    const text = decoded(path)
    if (excluded.some(matches => matches(text))) return false
    return included.length === 0 || included.some(matches => matches(text))
  }
}
