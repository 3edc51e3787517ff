// The aims of the delta bench, from its figures alone: which sums and ratios count, and which of them
// are kept. Starts nothing and reads nothing.

import type { PairKind } from './data-sets/pair.ts'
import type { OursResult } from './delta-ours.ts'
import type { RivalResult, RivalResults } from './delta-rivals.ts'

export interface Row extends RivalResults {
  readonly kind: PairKind
  readonly name: string
  readonly newBytes: number
  readonly plain: OursResult | null
  readonly zstd: OursResult | null
}

export interface Aim {
  readonly what: string
  readonly atMost: number
  readonly value: number
  /** The pair that is worst, where each counts. */
  readonly worst: string | null
  /** How many pairs it was computed from; 0: not measured, so neither kept nor missed. */
  readonly pairs: number
}

export const isKept = ({ value, atMost, pairs }: Aim): boolean => pairs === 0 || value <= atMost

/** What a rival needed, null when it was not measured or did not build the target. */
export const bytesOf = (result: RivalResult | null): number | null =>
  result?.isTarget === true ? result.bytes : null

const summed: readonly PairKind[] = ['tar', 'npmtar', 'index']
const nearlySame = 0.01
const largeBytes = 1_000_000

interface Compared {
  readonly name: string
  readonly ours: number
  readonly theirs: number
}

type Figure = (row: Row) => number | null | undefined

const compare = (rows: readonly Row[], ours: Figure, theirs: Figure): Compared[] =>
  rows.flatMap(row => {
    const one = ours(row)
    const other = theirs(row)
    return one == null || other == null ? [] : [{ name: row.name, ours: one, theirs: other }]
  })

const ofSums = (what: string, atMost: number, compared: readonly Compared[]): Aim => {
  const ours = compared.reduce((sum, each) => sum + each.ours, 0)
  const theirs = compared.reduce((sum, each) => sum + each.theirs, 0)
  return { what, atMost, value: ours / theirs, worst: null, pairs: compared.length }
}

const ofEach = (what: string, atMost: number, compared: readonly Compared[]): Aim => {
  let value = Number.NaN
  let worst: string | null = null
  for (const { name, ours, theirs } of compared) {
    if (value >= ours / theirs) continue
    value = ours / theirs
    worst = name
  }
  return { what, atMost, value, worst, pairs: compared.length }
}

const lesser = (one: number | null, other: number | null): number | null => {
  if (one === null || other === null) return one ?? other
  return Math.min(one, other)
}

/** All aims that compare versions of files. */
export const aimsOfPairs = (rows: readonly Row[]): Aim[] => {
  const inSum = rows.filter(({ kind }) => summed.includes(kind))
  const near = rows.filter(
    row => (bytesOf(row.rsync) ?? Number.POSITIVE_INFINITY) < nearlySame * row.newBytes,
  )
  const large = rows.filter(({ newBytes }) => newBytes > largeBytes)
  const plain: Figure = row => row.plain?.bytes
  const rsync: Figure = row => bytesOf(row.rsync)
  const zsync: Figure = row => bytesOf(row.zsync)
  const better: Figure = row => lesser(bytesOf(row.rsync), bytesOf(row.zsync))
  return [
    ofSums('tars and indexes in one sum ÷ rsync', 0.75, compare(inSum, plain, rsync)),
    ofSums('tars and indexes in one sum ÷ zsync', 0.85, compare(inSum, plain, zsync)),
    ofSums(
      'tars and indexes in one sum, compressed ÷ rsync -z',
      1,
      compare(
        inSum,
        row => row.zstd?.bytes,
        row => bytesOf(row.rsyncZ),
      ),
    ),
    ofEach('each near-identical pair ÷ the better rival', 0.3, compare(near, plain, better)),
    ofEach('each pair over 1 MB ÷ the better rival', 1.02, compare(large, plain, better)),
  ]
}
