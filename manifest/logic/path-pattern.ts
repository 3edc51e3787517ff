// Patterns for names that an operator writes, compiled for paths in canonical encoding. Each redirect
// to a file that was not asked for lately goes through dozens of them, so the usual forms are compared
// without expressions.

import { Buffer } from 'node:buffer'
import type { RepoPath } from '../../core/ids.ts'
import { baseName, pathFromBytes } from '../../core/repo-path.ts'

type Matches = (path: RepoPath) => boolean

const encoded = (text: string): string => pathFromBytes(Buffer.from(text))

const expressionOf = (pattern: string): string =>
  pattern
    .split(/([*?])/)
    .map(part => {
      if (part === '*') return '[^/]*'
      if (part === '?') return '(?:%[0-9A-F]{2}|[^/%])'
      return encoded(part).replaceAll('.', '\\.')
    })
    .join('')

/** As much of the path's end as has this many slashes. */
const tailOf = (path: string, slashes: number): string => {
  let start = path.length
  for (let left = slashes; left >= 0 && start >= 0; left--) {
    // A position below 0 would count as 0.
    start = start === 0 ? -1 : path.lastIndexOf('/', start - 1)
  }
  return path.slice(start + 1)
}

const byExpression = (patterns: readonly string[]): Matches[] =>
  [...Map.groupBy(patterns, pattern => pattern.split('/').length - 1)].map(([slashes, some]) => {
    const expression = new RegExp(`^(?:${some.map(expressionOf).join('|')})$`)
    return path => expression.test(tailOf(path, slashes))
  })

/** Of texts by the character in which all of them differ most: their last, or first, one. */
const byCharacter = (texts: readonly string[], place: 0 | -1): Map<string, string[]> =>
  Map.groupBy(texts, text => text.at(place) ?? '')

const byName = (patterns: readonly string[]): Matches => {
  const names = new Set(patterns.filter(each => !each.includes('*')).map(encoded))
  const starts = patterns.filter(each => each.endsWith('*')).map(each => encoded(each.slice(0, -1)))
  const ends = patterns.filter(each => each.startsWith('*')).map(each => encoded(each.slice(1)))
  const startsBy = byCharacter(starts, 0)
  const endsBy = byCharacter(ends, -1)
  return path => {
    const name = baseName(path)
    return (
      names.has(name) ||
      (startsBy.get(name.at(0) ?? '')?.some(start => name.startsWith(start)) ?? false) ||
      (endsBy.get(name.at(-1) ?? '')?.some(end => name.endsWith(end)) ?? false)
    )
  }
}

/** A name, or the beginning or the end of one. */
const isSimple = (pattern: string): boolean => /^(?:\*?[^*?/]+|[^*?/]+\*)$/.test(pattern)

/**
 * True for paths that fit any of the patterns. One without "/" is compared with the name, one with
 * "/" with the end of the path; "*" is any part of a name, "?" one byte of it.
 */
export const matchPaths = (patterns: readonly string[]): Matches => {
  const named = byName(patterns.filter(isSimple))
  const others = byExpression(patterns.filter(each => !isSimple(each)))
  return path => named(path) || others.some(matches => matches(path))
}
