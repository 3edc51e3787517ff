// Patterns for names that an operator writes, compiled for paths in canonical encoding.

import { Buffer } from 'node:buffer'
import type { RepoPath } from '../../core/ids.ts'
import { pathFromBytes } from '../../core/repo-path.ts'

const expressionOf = (pattern: string): string =>
  pattern
    .split(/([*?])/)
    .map(part => {
      if (part === '*') return '[^/]*'
      if (part === '?') return '(?:%[0-9A-F]{2}|[^/%])'
      return pathFromBytes(Buffer.from(part)).replaceAll('.', '\\.')
    })
    .join('')

/**
 * True for paths that fit any of the patterns. One without "/" is compared with the name, one with
 * "/" with the end of the path; "*" is any part of a name, "?" one byte of it.
 */
export const matchPaths = (patterns: readonly string[]): ((path: RepoPath) => boolean) => {
  if (patterns.length === 0) return () => false
  const expression = new RegExp(`(?:^|/)(?:${patterns.map(expressionOf).join('|')})$`)
  return path => expression.test(path)
}
