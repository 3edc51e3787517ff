// Looks a whole list of anchors up in the rows of an anchor index, row after row, and counts what
// each content has of it. Pure: whoever calls it reads the rows.

import { anchorBytes } from '../../core/kernel/anchors.ts'
import {
  type BucketEntry,
  bucketAt,
  findAnchor,
  popularAnchorContents,
  restAt,
} from './anchor-bucket.ts'

/** A content that has anchors of the target. */
export interface Nomination {
  /** The first bytes of its SHA-256 as a number (see `prefixOf`). */
  readonly prefix: number
  /** Places in the target's list, ascending. */
  readonly anchors: readonly number[]
  /** Where in the content these lie, in the same order, in steps of its size. */
  readonly positions: readonly number[]
}

/** Place in the target's list → position in the content. */
type Found = Map<number, number>

export interface LookupSlice {
  /** The buckets of the slice lie in [first, end). */
  readonly first: number
  readonly end: number
  readonly buckets: readonly number[]
}

export class AnchorLookup {
  readonly #anchors: Uint8Array
  /** Bucket → rest of the anchor → its first place in the list. */
  readonly #wanted = new Map<number, Map<number, number>>()
  readonly #found = new Map<number, Found>()

  /** `anchors`: 5 bytes each, in the order of the target. */
  constructor(anchors: Uint8Array) {
    this.#anchors = anchors
    for (let at = 0; at + anchorBytes <= this.#anchors.length; at += anchorBytes) {
      const bucket = bucketAt(anchors, at)
      const rest = restAt(anchors, at)
      const wanted = this.#wanted.get(bucket)
      if (wanted === undefined) this.#wanted.set(bucket, new Map([[rest, at / anchorBytes]]))
      else if (!wanted.has(rest)) wanted.set(rest, at / anchorBytes)
    }
  }

  /** The buckets to be read, ascending, cut where they are `width` apart. */
  *slices(width: number): Generator<LookupSlice> {
    let buckets: number[] = []
    for (const bucket of [...this.#wanted.keys()].sort((left, right) => left - right)) {
      const first = buckets[0]
      if (first !== undefined && bucket >= first + width) {
        yield { first, end: first + width, buckets }
        buckets = []
      }
      buckets.push(bucket)
    }
    const first = buckets[0]
    if (first !== undefined) yield { first, end: first + width, buckets }
  }

  /** Take what a sorted row has of this bucket's anchors. */
  match(bucket: number, row: Uint8Array): void {
    if (row.length === 0) return
    for (const [rest, place] of this.#wanted.get(bucket) ?? []) {
      const entries = findAnchor(row, rest)
      if (entries.length < popularAnchorContents)
        for (const entry of entries) this.#take(entry, place)
    }
  }

  #take({ prefix, position }: BucketEntry, place: number): void {
    const found = this.#found.get(prefix)
    if (found === undefined) this.#found.set(prefix, new Map([[place, position]]))
    else if (!found.has(place)) found.set(place, position)
  }

  /** What was found of each content. */
  nominations(): Nomination[] {
    return [...this.#found].map(([prefix, found]) => {
      const hits = [...found].sort(([left], [right]) => left - right)
      return {
        prefix,
        anchors: hits.map(([place]) => place),
        positions: hits.map(([, position]) => position),
      }
    })
  }
}
