// The packed form of an anchor index: one row of sorted entries for each value of an anchor's first
// two bytes. 10 bytes an entry keep the index of millions of files small. It knows no database.

import { anchorBytes } from '../../core/kernel/anchors.ts'
import { highestLevel, positionSteps, sketchEntryBytes } from './anchor-sketch.ts'

/** Anchors are spread over so many rows. */
export const bucketCount = 65_536
/** Rest of the anchor (3), level and position (3), first bytes of the content's SHA-256 (4). */
export const bucketEntryBytes = 10
/** Bytes of a SHA-256 that name a content here: of a million contents a hundred pairs share them. */
export const prefixBytes = 4
/** An anchor that more contents have says nothing of any of them: zeros, licences, file headers. */
export const popularAnchorContents = 64

const read24 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)

const read32 = (bytes: Uint8Array, at: number): number =>
  read24(bytes, at) * 256 + (bytes[at + 3] ?? 0)

/** The row of the anchor at `at`. */
export const bucketAt = (anchors: Uint8Array, at: number): number =>
  ((anchors[at] ?? 0) << 8) | (anchors[at + 1] ?? 0)

/** What tells the anchors of a row apart. */
export const restAt = (anchors: Uint8Array, at: number): number => read24(anchors, at + 2)

/** The first bytes of a SHA-256 as a number below 2^32. */
export const prefixOf = (sha256: string): number =>
  Number.parseInt(sha256.slice(0, 2 * prefixBytes), 16)

export interface BucketEntry {
  readonly rest: number
  readonly level: number
  /** In steps of the content's size (`positionSteps`). */
  readonly position: number
  readonly prefix: number
}

export const entryAt = (entries: Uint8Array, index: number): BucketEntry => {
  const at = index * bucketEntryBytes
  const place = read24(entries, at + 3)
  return {
    rest: read24(entries, at),
    level: Math.floor(place / positionSteps),
    position: place % positionSteps,
    prefix: read32(entries, at + 6),
  }
}

export const entryCount = (entries: Uint8Array): number => entries.length / bucketEntryBytes

const prefixBytesOf = (prefix: number): number[] => [
  prefix >>> 24,
  (prefix >>> 16) & 0xff,
  (prefix >>> 8) & 0xff,
  prefix & 0xff,
]

/** The entries of a sketch with the rows they belong to, as far as their level is high enough. */
export const packSketch = (
  sketch: Uint8Array,
  prefix: number,
  leastLevel: number,
): { readonly bucket: number; readonly entry: Uint8Array }[] => {
  const name = prefixBytesOf(prefix)
  const packed: { bucket: number; entry: Uint8Array }[] = []
  for (let at = 0; at + sketchEntryBytes <= sketch.length; at += sketchEntryBytes) {
    const level = Math.floor(read24(sketch, at + anchorBytes) / positionSteps)
    if (level < leastLevel) continue
    const entry = new Uint8Array(bucketEntryBytes)
    entry.set(sketch.subarray(at + 2, at + sketchEntryBytes))
    entry.set(name, 6)
    packed.push({ bucket: bucketAt(sketch, at), entry })
  }
  return packed
}

const compareEntries = (
  left: Uint8Array,
  leftAt: number,
  right: Uint8Array,
  rightAt: number,
): number =>
  read24(left, leftAt) - read24(right, rightAt) ||
  read32(left, leftAt + 6) - read32(right, rightAt + 6)

/** Any entries in the order that a row keeps: by anchor, then by content. */
export const sortEntries = (entries: Uint8Array): Uint8Array => {
  const places = Array.from({ length: entryCount(entries) }, (_, index) => index * bucketEntryBytes)
  places.sort((left, right) => compareEntries(entries, left, entries, right))
  const sorted = new Uint8Array(entries.length)
  for (const [index, at] of places.entries()) {
    sorted.set(entries.subarray(at, at + bucketEntryBytes), index * bucketEntryBytes)
  }
  return sorted
}

/** Two sorted rows as one: without what is not to be kept, doubles, and more than popular anchors. */
export const mergeRows = (
  left: Uint8Array,
  right: Uint8Array,
  keep: (entry: BucketEntry) => boolean,
): Uint8Array => {
  const merged = new Uint8Array(left.length + right.length)
  let length = 0
  let same = 0
  let i = 0
  let j = 0
  while (i < left.length || j < right.length) {
    const fromLeft =
      j >= right.length || (i < left.length && compareEntries(left, i, right, j) <= 0)
    const [source, at] = fromLeft ? [left, i] : [right, j]
    if (fromLeft) i += bucketEntryBytes
    else j += bucketEntryBytes
    const last = length - bucketEntryBytes
    const isSameAnchor = length > 0 && read24(merged, last) === read24(source, at)
    if (isSameAnchor && read32(merged, last + 6) === read32(source, at + 6)) continue
    if (!keep(entryAt(source, at / bucketEntryBytes))) continue
    same = isSameAnchor ? same + 1 : 1
    if (same > popularAnchorContents) continue
    merged.set(source.subarray(at, at + bucketEntryBytes), length)
    length += bucketEntryBytes
  }
  return merged.slice(0, length)
}

/** The entries of a sorted row that have this anchor. */
export const findAnchor = (entries: Uint8Array, rest: number): BucketEntry[] => {
  let low = 0
  let high = entryCount(entries)
  while (low < high) {
    const middle = (low + high) >>> 1
    if (read24(entries, middle * bucketEntryBytes) < rest) low = middle + 1
    else high = middle
  }
  const found: BucketEntry[] = []
  for (let index = low; index < entryCount(entries); index++) {
    const entry = entryAt(entries, index)
    if (entry.rest !== rest) break
    found.push(entry)
  }
  return found
}

/** Whether these bytes can be a row at all. */
export const isRow = (bytes: unknown): bytes is Uint8Array =>
  bytes instanceof Uint8Array && bytes.length % bucketEntryBytes === 0

/** Halvings after which nothing is left. */
export const mostHalvings = highestLevel + 1
