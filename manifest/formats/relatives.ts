// Which of several files is likely to share bytes with another, by their names alone: releases of
// the same thing first, then variants, then other architectures. It opens nothing.

import { maskNumbers, type NameFacts } from './package-name.ts'
import { compareVersions } from './version-order.ts'

export interface NamedCandidate {
  readonly path: string
  readonly facts: NameFacts
  readonly sizeBytes: number
}

/**
 * How near two files of one key are: another release of the same name and architecture, of the same
 * name but for its numbers, a variant, another architecture.
 */
export type Relation = 'release' | 'series' | 'variant' | 'architecture'

const relationOrder: Readonly<Record<Relation, number>> = {
  release: 0,
  series: 1,
  variant: 2,
  architecture: 3,
}

const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))
const baseOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** The relation of two files, or null if they are none of the other's. */
export const relationOf = (target: NamedCandidate, other: NamedCandidate): Relation | null => {
  const [one, two] = [target.facts, other.facts]
  if (one.key !== two.key || one.form !== two.form) return null
  if (one.kind === 'by-hash') return 'series'
  if (one.architecture !== two.architecture) return 'architecture'
  if (one.kind === 'index') {
    return folderOf(target.path) === folderOf(other.path) ? 'release' : 'variant'
  }
  if (one.name === two.name) return 'release'
  return maskNumbers(one.name) === maskNumbers(two.name) ? 'series' : 'variant'
}

/** Compressed bytes resemble those of a near relative at most. */
const isPlausible = (target: NamedCandidate, relation: Relation): boolean =>
  !target.facts.compressed || relation === 'release' || relation === 'series'

/** How many folders two paths have in common, from either end. */
const commonFolders = (left: string, right: string): number => {
  const one = folderOf(left).split('/')
  const other = folderOf(right).split('/')
  const most = Math.min(one.length, other.length)
  let start = 0
  while (start < most && one[start] === other[start]) start++
  let end = 0
  while (end < most - start && one.at(-1 - end) === other.at(-1 - end)) end++
  return start + end
}

const commonPrefix = (left: string, right: string): number => {
  let length = 0
  while (length < left.length && left[length] === right[length]) length++
  return length
}

/** One and two have a ratio of sizes of 1; the further apart, the larger. */
const sizeRatio = (one: number, other: number): number =>
  (Math.max(one, other) + 1) / (Math.min(one, other) + 1)

/** Positions of versions in their order, so that the nearest release can be told. */
const versionRanks = (versions: Iterable<string>): Map<string, number> =>
  new Map([...new Set(versions)].sort(compareVersions).map((version, rank) => [version, rank]))

export interface Relative<T extends NamedCandidate> {
  readonly candidate: T
  readonly relation: Relation
  /** The very same base name in another folder. */
  readonly sameName: boolean
}

/** The plausible relatives of a file, the most promising first; ties are settled by the path. */
export const rankRelatives = <T extends NamedCandidate>(
  target: NamedCandidate,
  candidates: Iterable<T>,
): Relative<T>[] => {
  const found: Relative<T>[] = []
  for (const candidate of candidates) {
    const relation = relationOf(target, candidate)
    if (relation === null || !isPlausible(target, relation)) continue
    found.push({ candidate, relation, sameName: baseOf(candidate.path) === baseOf(target.path) })
  }
  const ranks = versionRanks([
    target.facts.version,
    ...found.map(({ candidate }) => candidate.facts.version),
  ])
  const own = ranks.get(target.facts.version) ?? 0
  const keyed = found.map(relative => {
    const { candidate, relation } = relative
    const { version } = candidate.facts
    return {
      relative,
      order: [
        relationOrder[relation],
        Math.abs((ranks.get(version) ?? 0) - own),
        -commonPrefix(version, target.facts.version),
        -commonFolders(candidate.path, target.path),
        sizeRatio(candidate.sizeBytes, target.sizeBytes),
      ],
    }
  })
  keyed.sort((left, right) => {
    for (const [index, value] of left.order.entries()) {
      const difference = value - (right.order[index] ?? 0)
      if (difference !== 0) return difference
    }
    return left.relative.candidate.path < right.relative.candidate.path ? -1 : 1
  })
  return keyed.map(({ relative }) => relative)
}
