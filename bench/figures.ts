// How benches print what they measured.

import { type Column, textTable } from '../cli/text-table.ts'

export const print = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

/** A table whose first column is text and whose others are figures. */
export const printTable = (
  header: readonly string[],
  rows: readonly (readonly string[])[],
): void => {
  const columns = header.map(
    (title, index): Column => ({ title, align: index === 0 ? 'left' : 'right' }),
  )
  print(textTable(columns, rows, 120))
}

export const formatSeconds = (milliseconds: number): string =>
  milliseconds < 1_000
    ? `${Math.round(milliseconds)} ms`
    : `${(milliseconds / 1_000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`

export const formatRatio = (value: number): string =>
  Number.isFinite(value) ? `${value.toFixed(2)} ×` : '–'
