// Whether the files that an index names are there. An index that was uploaded before its files, or
// after only some of them, must not be published: clients would find files that do not match it.

import type { NamedFile } from '../formats/named-file.ts'

/** How a named file stands in the tree: with the named hash, with another one, or not at all. */
export type Presence = 'right' | 'other' | 'absent'

export interface IndexFile {
  /** What it names. */
  readonly named: readonly NamedFile[]
  /** What the same index named in the newest snapshot, or null if it was not there. */
  readonly before: readonly NamedFile[] | null
  /** How long the index has been there as it is, in milliseconds. */
  readonly ageMs: number
}

export interface Lookup {
  now(file: NamedFile): Presence
  /** Was anything at this path in the newest snapshot? */
  existedBefore(path: string): boolean
}

export interface Missing {
  readonly path: string
  readonly presence: 'other' | 'absent'
}

const compressed = /\.(?:gz|bz2|xz|lzma|zst|lz4|lz)$/
/** A Release that was written into the folder it describes may name itself, half written. */
const itself = /^(?:In)?Release(?:\.gpg)?$/

const stemOf = (path: string): string => path.replace(compressed, '')

const groupByStem = (files: readonly NamedFile[]): Map<string, NamedFile[]> => {
  const groups = new Map<string, NamedFile[]>()
  for (const file of files) {
    if (itself.test(file.path)) continue
    const stem = stemOf(file.path)
    const group = groups.get(stem)
    if (group === undefined) groups.set(stem, [file])
    else group.push(file)
  }
  return groups
}

/**
 * The first named file that keeps an index from being published, or null. A file that is there with
 * another hash always does. Of the compressed forms of one file, one is enough. A file of which no
 * form is there is awaited for `graceMs`; then, or if the newest snapshot lacked it in the same way,
 * it is one that this mirror leaves out.
 */
export const findMissing = (index: IndexFile, lookup: Lookup, graceMs: number): Missing | null => {
  const namedBefore = new Set(index.before?.map(file => stemOf(file.path)) ?? [])
  const absent: string[] = []
  for (const [stem, files] of groupByStem(index.named)) {
    const presences = files.map(file => lookup.now(file))
    const other = presences.indexOf('other')
    if (other >= 0) return { path: files[other]?.path ?? stem, presence: 'other' }
    if (presences.includes('right') || files.some(file => file.sizeBytes === 0)) continue
    const leftOutBefore =
      namedBefore.has(stem) && !files.some(file => lookup.existedBefore(file.path))
    if (!leftOutBefore) absent.push(files[0]?.path ?? stem)
  }
  const first = absent[0]
  return first === undefined || index.ageMs >= graceMs ? null : { path: first, presence: 'absent' }
}
