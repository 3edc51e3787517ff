// Byte ranges (RFC 9110, 14): what a Range header asks of a file of known size.

import { rangeSpecsPerHeader, rangesPerAnswer } from '../../core/limits.ts'

/** `length` is at least 1 and the range lies inside the file. */
export interface ByteRange {
  readonly offset: number
  readonly length: number
}

export type RangeRequest =
  /** No range, a malformed one, another unit, or more than a server need put up with. */
  | { readonly kind: 'whole' }
  | { readonly kind: 'parts'; readonly ranges: readonly ByteRange[] }
  | { readonly kind: 'unsatisfiable' }

const whole: RangeRequest = { kind: 'whole' }
const specPattern = /^(?<first>\d+)-(?<last>\d*)$|^-(?<suffix>\d+)$/

/** A range of the file, 'outside' of it, or null when the text is malformed. */
const parseSpec = (spec: string, sizeBytes: number): ByteRange | 'outside' | null => {
  const fields = specPattern.exec(spec)?.groups
  if (fields === undefined) return null
  if (fields.suffix !== undefined) {
    const length = Math.min(Number(fields.suffix), sizeBytes)
    return length === 0 ? 'outside' : { offset: sizeBytes - length, length }
  }
  const first = Number(fields.first)
  const last = fields.last === '' ? Number.POSITIVE_INFINITY : Number(fields.last)
  if (last < first) return null
  if (first >= sizeBytes) return 'outside'
  return { offset: first, length: Math.min(last, sizeBytes - 1) - first + 1 }
}

/** Overlapping and adjoining ranges become one, in the place of the first that was asked for. */
const coalesce = (ranges: readonly ByteRange[]): ByteRange[] => {
  const sorted = ranges
    .map((range, order) => ({ start: range.offset, end: range.offset + range.length, order }))
    .sort((one, other) => one.start - other.start)
  const merged: { start: number; end: number; order: number }[] = []
  for (const range of sorted) {
    const last = merged.at(-1)
    if (last === undefined || range.start > last.end) merged.push(range)
    else {
      last.end = Math.max(last.end, range.end)
      last.order = Math.min(last.order, range.order)
    }
  }
  return merged
    .sort((one, other) => one.order - other.order)
    .map(({ start, end }) => ({ offset: start, length: end - start }))
}

/**
 * Judge the value of a Range header. Ranges beyond the end are cut or dropped; the order asked for
 * is kept. One malformed range spoils the header, as the RFC says. So do too many ranges, or ones
 * that together ask for more than the file has (the attack of CVE-2011-3192). An empty file has no
 * ranges: it is always sent whole.
 */
export const parseRange = (header: string, sizeBytes: number): RangeRequest => {
  const equals = header.indexOf('=')
  if (equals < 0 || header.slice(0, equals).trim().toLowerCase() !== 'bytes') return whole
  if (sizeBytes === 0) return whole
  const specs = header
    .slice(equals + 1)
    .split(',', rangeSpecsPerHeader + 1)
    .map(spec => spec.replace(/^[ \t]+|[ \t]+$/g, ''))
  if (specs.length > rangeSpecsPerHeader) return whole
  const ranges: ByteRange[] = []
  let outside = 0
  let askedBytes = 0
  for (const spec of specs) {
    if (spec === '') continue
    const range = parseSpec(spec, sizeBytes)
    if (range === null) return whole
    if (range === 'outside') outside++
    else {
      ranges.push(range)
      askedBytes += range.length
    }
  }
  if (ranges.length === 0) return outside > 0 ? { kind: 'unsatisfiable' } : whole
  if (askedBytes > sizeBytes) return whole
  const merged = coalesce(ranges)
  return merged.length > rangesPerAnswer ? whole : { kind: 'parts', ranges: merged }
}
