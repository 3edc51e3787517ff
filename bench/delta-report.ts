// How the delta bench shows its figures: the table of pairs, where our bytes went, and the aims.

import { formatSize } from '../core/units.ts'
import { type Aim, bytesOf, isKept, type Row } from './delta-aims.ts'
import type { OursResult } from './delta-ours.ts'
import type { RivalResult } from './delta-rivals.ts'
import { print, printTable } from './figures.ts'

const percent = (part: number, whole: number): string => {
  const value = (100 * part) / whole
  return `${value.toFixed(value < 1 ? 3 : 1)} %`
}

const rivalCell = (result: RivalResult | null, whole: number): string => {
  if (result === null) return '–'
  return result.isTarget ? percent(result.bytes, whole) : 'not the file'
}

const oursCell = (result: OursResult | null, whole: number): string =>
  result === null ? '–' : percent(result.bytes, whole)

const ratioCell = (ours: OursResult | null, ...rivals: readonly (number | null)[]): string => {
  const known = rivals.filter(bytes => bytes !== null)
  if (ours === null || known.length === 0) return '–'
  return (ours.bytes / Math.min(...known)).toFixed(3)
}

/** One line about a pair, while the bench runs. */
export const describeRow = (row: Row): string => {
  const cpu = (result: { readonly cpuSeconds: number } | null): string =>
    result === null ? '–' : `${result.cpuSeconds.toFixed(1)} s`
  return `${row.name}: rsync ${rivalCell(row.rsync, row.newBytes)}, rsync -z ${rivalCell(row.rsyncZ, row.newBytes)}, zsync ${rivalCell(row.zsync, row.newBytes)}, mirrorswarm ${oursCell(row.plain, row.newBytes)}, zstd ${oursCell(row.zstd, row.newBytes)}; processor time ${[row.rsync, row.rsyncZ, row.zsync, row.plain, row.zstd].map(cpu).join(', ')}`
}

/** Bytes on the wire for each pair, as a share of the content. */
export const printRows = (rows: readonly Row[]): void => {
  print('\nBytes on the wire, both directions, as a share of the content:')
  printTable(
    ['pair', 'size', 'rsync', 'zsync', 'ours', '÷ better', 'rsync -z', 'ours zstd', '÷ rsync -z'],
    rows.map(row => [
      row.name,
      formatSize(row.newBytes),
      rivalCell(row.rsync, row.newBytes),
      rivalCell(row.zsync, row.newBytes),
      oursCell(row.plain, row.newBytes),
      ratioCell(row.plain, bytesOf(row.rsync), bytesOf(row.zsync)),
      rivalCell(row.rsyncZ, row.newBytes),
      oursCell(row.zstd, row.newBytes),
      ratioCell(row.zstd, bytesOf(row.rsyncZ)),
    ]),
  )
}

const sumCpu = (results: readonly ({ readonly cpuSeconds: number } | null)[]): string => {
  const known = results.filter(result => result !== null)
  if (known.length === 0) return '–'
  return `${known.reduce((sum, each) => sum + each.cpuSeconds, 0).toFixed(1)} s`
}

/** Processor time of all pairs, client and server together (ours verify and store as well). */
export const printCpu = (rows: readonly Row[]): void => {
  print('\nProcessor time, both sides, all pairs:')
  printTable(
    ['', 'rsync', 'rsync -z', 'zsync', 'mirrorswarm', 'with zstd'],
    [
      [
        'sum',
        sumCpu(rows.map(({ rsync }) => rsync)),
        sumCpu(rows.map(({ rsyncZ }) => rsyncZ)),
        sumCpu(rows.map(({ zsync }) => zsync)),
        sumCpu(rows.map(({ plain }) => plain)),
        sumCpu(rows.map(({ zstd }) => zstd)),
      ],
    ],
  )
}

const addAll = (records: readonly Readonly<Record<string, number>>[]): Map<string, number> => {
  const sums = new Map<string, number>()
  for (const record of records) {
    for (const [key, value] of Object.entries(record)) sums.set(key, (sums.get(key) ?? 0) + value)
  }
  return sums
}

/** Where our bytes went: by request, and by what the volunteer itself counts. */
export const printPurposes = (rows: readonly Row[]): void => {
  print('\nWhere our bytes went, all pairs:')
  for (const [name, results] of [
    ['uncompressed', rows.map(({ plain }) => plain)],
    ['zstd', rows.map(({ zstd }) => zstd)],
  ] as const) {
    const known = results.filter(result => result !== null)
    if (known.length === 0) continue
    const purposes = addAll(known.map(result => ({ ...result.purposes })))
    const list = (sums: ReadonlyMap<string, number>): string =>
      [...sums].map(([key, value]) => `${key} ${formatSize(value)}`).join(', ')
    print(`  ${name}: ${list(purposes)}`)
    const delta = addAll(known.map(result => result.delta))
    if (delta.size > 0) print(`    counted by the volunteer: ${list(delta)}`)
  }
}

/** Each aim with what was reached. */
export const printAims = (aims: readonly Aim[]): void => {
  print('\nAims:')
  printTable(
    ['', 'at most', 'reached', '', 'worst'],
    aims.map(aim => [
      `${aim.what}${aim.pairs > 1 ? ` (${aim.pairs} pairs)` : ''}`,
      aim.atMost.toString(),
      aim.pairs === 0 ? '–' : aim.value.toFixed(4),
      aim.pairs === 0 ? 'not measured' : isKept(aim) ? 'pass' : 'FAIL',
      aim.worst ?? '',
    ]),
  )
}
