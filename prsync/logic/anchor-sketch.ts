// The few anchors of a content that stand for it in an index: those of the lowest rank (a bottom-k
// sketch, Broder 1997), so that two contents that share bytes choose the same ones. Pure arithmetic;
// what an anchor is and where sketches are kept is told elsewhere.

import { anchorBytes } from '../../core/kernel/anchors.ts'

/** Contents below this have no sketch: of two or three anchors none is safe from the edges. */
export const sketchFloorBytes = 8 * 1024
/** Any content has two, so that one may be lost at its edges. */
const fewestAnchors = 2
/** One more anchor for each of these. */
const bytesPerAnchor = 512 * 1024
/** Anchors of the largest content that is sampled at the full rate: 32 GiB. */
const sketchAnchorsMost = 65_536

/** An anchor and its place: 5 bytes, then 4 bits of level and 20 bits of position (big endian). */
export const sketchEntryBytes = anchorBytes + 3
/** Positions are parts of the content: a millionth each. */
export const positionSteps = 2 ** 20
/** The highest level; an entry of level L survives L halvings of the sampling. */
export const highestLevel = 15

/** How many anchors stand for a content of this size before any halving. */
export const sketchCount = (sizeBytes: number): number => {
  if (sizeBytes < sketchFloorBytes) return 0
  return Math.min(sketchAnchorsMost, fewestAnchors + Math.floor(sizeBytes / bytesPerAnchor))
}

/** How many are left of them after so many halvings: one at least, until the content is given up. */
export const sampledCount = (sizeBytes: number, halvings: number): number => {
  const count = sketchCount(sizeBytes)
  if (count === 0) return 0
  return Math.max(1, Math.ceil(count / 2 ** halvings))
}

/** Level of the last anchor that a content keeps: large contents keep it longest. */
const lastLevel = (sizeBytes: number): number =>
  Math.min(highestLevel, 8 + Math.floor(Math.log2(Math.max(1, sizeBytes / sketchFloorBytes))))

/** Level of the anchor at a place in the order of ranks. */
const levelAt = (index: number, count: number, sizeBytes: number): number => {
  if (index === 0) return lastLevel(sizeBytes)
  let level = 0
  while (level < 7 && index < Math.ceil(count / 2 ** (level + 1))) level++
  return level
}

/** The order by which anchors are chosen: as good as random, the same everywhere. */
const rankAt = (anchors: Uint8Array, at: number): number => {
  const first =
    ((anchors[at] ?? 0) |
      ((anchors[at + 1] ?? 0) << 8) |
      ((anchors[at + 2] ?? 0) << 16) |
      ((anchors[at + 3] ?? 0) << 24)) ^
    Math.imul((anchors[at + 4] ?? 0) + 1, 0x9e3779b1)
  let mixed = Math.imul(first ^ (first >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

interface Chosen {
  readonly rank: number
  readonly anchor: Uint8Array
  readonly offset: number
}

const compareBytes = (left: Uint8Array, right: Uint8Array): number => {
  for (let index = 0; index < anchorBytes; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

export interface SketchStream {
  /** The next anchors of the file: of chunks that end in the `length` bytes at `offset`. */
  add(anchors: Uint8Array, offset: number, length: number): void
  /** The sketch: entries of `sketchEntryBytes`, the lowest rank first. */
  end(): Uint8Array<ArrayBuffer>
}

const writeSketch = (chosen: readonly Chosen[], sizeBytes: number): Uint8Array<ArrayBuffer> => {
  const sketch = new Uint8Array(chosen.length * sketchEntryBytes)
  for (const [index, { anchor, offset }] of chosen.entries()) {
    const at = index * sketchEntryBytes
    sketch.set(anchor, at)
    const step = Math.floor((offset / Math.max(1, sizeBytes)) * positionSteps)
    const position = Math.min(positionSteps - 1, Math.max(0, step))
    const place = levelAt(index, chosen.length, sizeBytes) * positionSteps + position
    sketch[at + anchorBytes] = place >>> 16
    sketch[at + anchorBytes + 1] = (place >>> 8) & 0xff
    sketch[at + anchorBytes + 2] = place & 0xff
  }
  return sketch
}

/**
 * Begin a sketch of a content of this size. The first and the last anchor hang on where the file
 * begins and ends, and are left out if there are others. Keeps about twice its anchors in memory.
 */
export const beginSketch = (sizeBytes: number): SketchStream => {
  const count = sketchCount(sizeBytes)
  let chosen: Chosen[] = []
  let bound = 2 ** 32
  const edges: Chosen[] = []
  let seen = 0
  const tidy = (): void => {
    chosen.sort((left, right) => left.rank - right.rank || compareBytes(left.anchor, right.anchor))
    chosen = chosen.filter((one, index) => {
      const before = chosen[index - 1]
      return before === undefined || compareBytes(before.anchor, one.anchor) !== 0
    })
    chosen.length = Math.min(chosen.length, count)
    if (chosen.length === count) bound = chosen.at(-1)?.rank ?? bound
  }
  const offer = (one: Chosen): void => {
    if (one.rank >= bound) return
    chosen.push(one)
    if (chosen.length >= 2 * count + 64) tidy()
  }
  return {
    add: (anchors, offset, length) => {
      const found = Math.floor(anchors.length / anchorBytes)
      for (let index = 0; index < found; index++) {
        const at = index * anchorBytes
        const rank = rankAt(anchors, at)
        const isFirst = seen++ === 0
        if (!isFirst && index < found - 1 && rank >= bound) continue
        const anchor = anchors.slice(at, at + anchorBytes)
        const one = { rank, anchor, offset: offset + (length * (index + 0.5)) / found }
        if (index < found - 1 && !isFirst) offer(one)
        else {
          // The last one known is the last one of all only if no other comes.
          const before = edges.length > 1 ? edges.pop() : undefined
          if (before !== undefined) offer(before)
          edges.push(one)
        }
      }
    },
    end: () => {
      if (seen < 3) for (const one of edges) offer(one)
      tidy()
      return writeSketch(chosen, sizeBytes)
    },
  }
}
