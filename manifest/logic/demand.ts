// What volunteers want, as keys: paths that the same set of scopes covers have the same key. Pure.

import type { RepoPath } from '../../core/ids.ts'
import { compileScope } from './scope.ts'

/** The owner's --include and --exclude, as volunteers announce them. */
export interface WantedPaths {
  readonly include: readonly string[]
  readonly exclude: readonly string[]
}

/**
 * A key for each path: which of the scopes cover it. Equal scopes count once, and their order means
 * nothing, so that the same volunteers give the same keys.
 */
export const demandBy = (scopes: readonly WantedPaths[]): ((path: RepoPath) => string) => {
  const texts = scopes.map(({ include, exclude }) => JSON.stringify([include, exclude]))
  const distinct = [...new Set(texts)].sort().map(text => {
    const [include, exclude] = JSON.parse(text) as [string[], string[]]
    return compileScope({ include, exclude, dataFolder: null })
  })
  if (distinct.length < 2) return () => ''
  return path => distinct.map(covers => (covers(path) ? '1' : '0')).join('')
}
