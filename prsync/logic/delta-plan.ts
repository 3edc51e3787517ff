// What of a wanted content lies where: matches of chunks become spans to copy from local files, and
// the rest becomes the runs to fetch. Knows offsets only; whoever copies looks after the files.

import { zerosBasis } from '../../core/kernel/chunk-scanner.ts'
import { mergeRuns, type Run } from './runs.ts'

/** Bytes [offset, offset + length) of the target are those of a basis from `basisOffset` on. */
export interface Span {
  readonly offset: number
  readonly length: number
  /** Position in the list of bases, or `zerosBasis`. */
  readonly basis: number
  readonly basisOffset: number
}

/** Matched chunks, as the matcher answers: chunk chunks[i] lies in bases[i] at offsets[i]. */
export interface ChunkMatches {
  readonly chunks: Uint32Array
  readonly bases: Uint32Array
  readonly offsets: Float64Array
}

/** A look at a basis: do chunks [first, first + count) continue there as the neighbour does? */
export interface Probe {
  readonly first: number
  readonly count: number
  readonly basis: number
  readonly basisOffset: number
}

const continues = (before: Span, after: Span): boolean =>
  before.offset + before.length === after.offset &&
  before.basis === after.basis &&
  (before.basis === zerosBasis || before.basisOffset + before.length === after.basisOffset)

const spansOfMatches = (matches: ChunkMatches, chunkBytes: number, sizeBytes: number): Span[] => {
  const spans: Span[] = []
  for (let i = 0; i < matches.chunks.length; i += 1) {
    const chunk = matches.chunks[i]
    const basis = matches.bases[i]
    const basisOffset = matches.offsets[i]
    if (chunk === undefined || basis === undefined || basisOffset === undefined) break
    const offset = chunk * chunkBytes
    if (offset + chunkBytes > sizeBytes) continue
    spans.push({ offset, length: chunkBytes, basis, basisOffset })
  }
  return spans.sort((a, b) => a.offset - b.offset)
}

/**
 * Spans in order, what continues joined; where two overlap the earlier list's stays and the later
 * one's gives way as a whole (chunks are only ever looked for where something is missing).
 */
const mergeSpans = (first: readonly Span[], second: readonly Span[]): Span[] => {
  const merged: Span[] = []
  let i = 0
  let j = 0
  for (;;) {
    const a = first[i]
    const b = second[j]
    const next = b === undefined || (a !== undefined && a.offset <= b.offset) ? a : b
    if (next === undefined) return merged
    if (next === a) i += 1
    else j += 1
    const last = merged.at(-1)
    const end = last === undefined ? 0 : last.offset + last.length
    const blocked = next === b && a !== undefined && b.offset + b.length > a.offset
    if (next.offset < end || blocked) continue
    if (last !== undefined && continues(last, next)) {
      merged[merged.length - 1] = { ...last, length: last.length + next.length }
    } else merged.push(next)
  }
}

/** The spans with newly matched chunks among them. */
export const addMatches = (
  spans: readonly Span[],
  matches: ChunkMatches,
  chunkBytes: number,
  sizeBytes: number,
): Span[] => mergeSpans(spans, spansOfMatches(matches, chunkBytes, sizeBytes))

/** The spans without those of certain bases: those that changed underneath. */
export const withoutBases = (spans: readonly Span[], bases: ReadonlySet<number>): Span[] =>
  spans.filter(span => !bases.has(span.basis))

export const coveredRuns = (spans: readonly Span[]): Run[] => mergeRuns(spans)

/** The span that ends at or before `offset` last, by binary search; -1: none. */
const spanBefore = (spans: readonly Span[], offset: number): number => {
  let low = 0
  let high = spans.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const span = spans[middle]
    if (span !== undefined && span.offset + span.length <= offset) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** Where the run would lie if the span went on past its ends; null if outside the basis. */
const continued = (
  span: Span | undefined,
  run: { readonly first: number; readonly count: number },
  chunkBytes: number,
  basisSizes: readonly number[],
): Probe | null => {
  if (span === undefined || span.basis === zerosBasis) return null
  const size = basisSizes[span.basis] ?? 0
  const shift = span.basisOffset - span.offset
  const first = Math.max(run.first, Math.ceil(-shift / chunkBytes))
  const last = Math.min(run.first + run.count, Math.floor((size - shift) / chunkBytes))
  if (last <= first) return null
  const basisOffset = first * chunkBytes + shift
  return { first, count: last - first, basis: span.basis, basisOffset }
}

/**
 * Where missing chunks are to be looked for without searching: at the places where the spans before
 * and after them would continue. `chunkRuns` are runs of chunk indices inside what is missing.
 */
export const probesFor = (
  spans: readonly Span[],
  chunkRuns: readonly Run[],
  chunkBytes: number,
  basisSizes: readonly number[],
): Probe[] => {
  const probes: Probe[] = []
  for (const { offset, length } of chunkRuns) {
    const run = { first: offset, count: length }
    const before = spanBefore(spans, offset * chunkBytes)
    const left = continued(spans[before], run, chunkBytes, basisSizes)
    const right = continued(spans[before + 1], run, chunkBytes, basisSizes)
    if (left !== null) probes.push(left)
    const same =
      left !== null &&
      right !== null &&
      left.basis === right.basis &&
      left.basisOffset - left.first * chunkBytes === right.basisOffset - right.first * chunkBytes
    if (right !== null && !same) probes.push(right)
  }
  return probes
}

/** Up to so many missing bytes between two spans are copied along: they are overwritten later. */
const copiedGapBytes = 4096

const goesOn = (copy: Span, span: Span, offset: number): boolean => {
  const gap = offset - copy.offset - copy.length
  if (copy.basis !== span.basis || gap > copiedGapBytes) return false
  if (copy.basis === zerosBasis) return gap === 0
  return span.basisOffset - span.offset === copy.basisOffset - copy.offset
}

/**
 * All spans of a plan as copies of at most `mostBytes`, few rather than exact: a short gap between two
 * spans of the same stretch of a basis is copied along, although it is not covered.
 */
export function* copiesOf(spans: Iterable<Span>, mostBytes: number): Generator<Span> {
  let copy: Span | null = null
  for (const span of spans) {
    for (let done = 0; done < span.length; ) {
      const offset = span.offset + done
      if (copy === null || !goesOn(copy, span, offset) || offset - copy.offset >= mostBytes) {
        if (copy !== null) yield copy
        copy = { ...span, offset, length: 0, basisOffset: span.basisOffset + done }
      }
      const length: number = Math.min(span.length - done, copy.offset + mostBytes - offset)
      copy = { ...copy, length: offset + length - copy.offset }
      done += length
    }
  }
  if (copy !== null) yield copy
}
