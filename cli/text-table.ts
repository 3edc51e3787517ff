// Lines up rows for a terminal. The widest text columns give way until the table fits.

export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
}

const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`

const gap = 2
const narrowest = 6

/** Shrink the widest columns until all fit. */
const fittingWidths = (wanted: readonly number[], columns: number): number[] => {
  const widths = [...wanted]
  const total = (): number => widths.reduce((sum, width) => sum + width + gap, -gap)
  while (total() > columns) {
    const widest = widths.indexOf(Math.max(...widths))
    if ((widths[widest] ?? 0) <= narrowest) break
    widths[widest] = (widths[widest] ?? 0) - 1
  }
  return widths
}

/** A table with a line of titles; cells that do not fit end with "…". */
export const textTable = (
  titles: readonly Column[],
  rows: readonly (readonly string[])[],
  columns = 80,
): string => {
  const wanted = titles.map(({ title }, index) =>
    Math.max(title.length, ...rows.map(row => row[index]?.length ?? 0)),
  )
  const widths = fittingWidths(wanted, columns)
  const line = (cells: readonly string[]): string =>
    titles
      .map(({ align }, index) => {
        const width = widths[index] ?? 0
        const cell = cut(cells[index] ?? '', width)
        return align === 'right' ? cell.padStart(width) : cell.padEnd(width)
      })
      .join(' '.repeat(gap))
      .trimEnd()
  return [line(titles.map(({ title }) => title)), ...rows.map(line)].join('\n')
}
