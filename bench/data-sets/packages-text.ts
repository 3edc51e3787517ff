// A Packages index as a list of entries, and the two ways in which the synthetic newer ones come
// about: a few entries replaced (a day), or everything of another index merged in (a point release).

import type { Random } from '../../core/clock.ts'
import { compareVersions } from '../../manifest/formats/version-order.ts'

export interface PackageEntry {
  readonly name: string
  readonly version: string
  /** Its lines, without the empty one that ends it. */
  readonly text: string
}

const fieldOf = (text: string, field: string): string => {
  const from = text.startsWith(`${field}: `) ? 0 : text.indexOf(`\n${field}: `) + 1
  if (from === 0 && !text.startsWith(`${field}: `)) return ''
  const begin = from + field.length + 2
  const end = text.indexOf('\n', begin)
  return text.slice(begin, end < 0 ? undefined : end)
}

export const readField = (entry: PackageEntry, field: string): string => fieldOf(entry.text, field)

export const parsePackages = (text: string): PackageEntry[] =>
  text
    .split('\n\n')
    .map(part => part.replace(/^\n+|\n+$/g, ''))
    .filter(part => part !== '')
    .map(part => ({
      name: fieldOf(part, 'Package'),
      version: fieldOf(part, 'Version'),
      text: part,
    }))

export const formatPackages = (entries: readonly PackageEntry[]): string =>
  entries.map(({ text }) => `${text}\n\n`).join('')

/** The newest entry of each name. */
export const newestByName = (entries: readonly PackageEntry[]): Map<string, PackageEntry> => {
  const newest = new Map<string, PackageEntry>()
  for (const entry of entries) {
    const other = newest.get(entry.name)
    if (other === undefined || compareVersions(other.version, entry.version) < 0) {
      newest.set(entry.name, entry)
    }
  }
  return newest
}

/** `entries` with `count` randomly drawn ones replaced by what `others` has of that name. */
export const replaceSome = (
  entries: readonly PackageEntry[],
  others: ReadonlyMap<string, PackageEntry>,
  count: number,
  random: Random,
): PackageEntry[] => {
  const result = [...entries]
  const differing = result.flatMap(({ name, version }, index) => {
    const other = others.get(name)
    return other !== undefined && other.version !== version ? [index] : []
  })
  for (let left = count; left > 0 && differing.length > 0; left--) {
    const [index = 0] = differing.splice(Math.floor(random() * differing.length), 1)
    const entry = result[index]
    const other = entry === undefined ? undefined : others.get(entry.name)
    if (other !== undefined) result[index] = other
  }
  return result
}

/** `entries` with all differing ones replaced, and the new ones put where their names belong. */
export const mergePackages = (
  entries: readonly PackageEntry[],
  others: ReadonlyMap<string, PackageEntry>,
): PackageEntry[] => {
  const known = new Set(entries.map(({ name }) => name))
  const added = [...others.values()]
    .filter(({ name }) => !known.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const result: PackageEntry[] = []
  let next = 0
  for (const entry of entries) {
    for (; next < added.length; next++) {
      const addition = added[next]
      if (addition === undefined || addition.name > entry.name) break
      result.push(addition)
    }
    result.push(others.get(entry.name) ?? entry)
  }
  return [...result, ...added.slice(next)]
}
