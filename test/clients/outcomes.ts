// What can happen in a cell of the matrix, in words and in order, and the table of docs/CLIENTS.md
// made of them and read back. Pure.

export const columns = [
  'healthy',
  'interrupted',
  'dead',
  '404',
  'wrong bytes',
  'stall',
  'cut',
] as const

export type Column = (typeof columns)[number]

/** From the worst to the best. */
export const outcomes = [
  'failed',
  'check, next try',
  'next try',
  'starts over',
  'resumes',
  'itself',
  'served',
] as const

export type Outcome = (typeof outcomes)[number]

export interface Cell {
  readonly row: string
  readonly column: Column
  readonly outcome: Outcome
  readonly seconds: number
  /** What the programs said, when it did not heal by itself. */
  readonly details: string
}

/** Whether one is at least as good as the other. */
export const isAtLeast = (outcome: Outcome, promised: Outcome): boolean =>
  outcomes.indexOf(outcome) >= outcomes.indexOf(promised)

export const beginMark = '<!-- matrix -->'
export const endMark = '<!-- end of the matrix -->'

/** The table, rows in the order of `rows`; what was not run keeps what `before` said. */
export const renderTable = (
  rows: readonly string[],
  cells: readonly Cell[],
  before: ReadonlyMap<string, string>,
): string => {
  const textOf = (row: string, column: Column): string =>
    cells.find(cell => cell.row === row && cell.column === column)?.outcome ??
    before.get(`${row}\n${column}`) ??
    'not run'
  const lines = [
    ['', ...columns],
    ['---', ...columns.map(() => '---')],
    ...rows.map(row => [row, ...columns.map(column => textOf(row, column))]),
  ]
  return lines.map(line => `| ${line.join(' | ')} |`).join('\n')
}

/** The cells of a document's table by "row\ncolumn". */
export const readTable = (document: string): Map<string, string> => {
  const table = document.slice(document.indexOf(beginMark), document.indexOf(endMark))
  const cells = new Map<string, string>()
  for (const line of table.split('\n').filter(each => each.startsWith('| '))) {
    const [row = '', ...texts] = line.slice(2, -2).split(' | ')
    columns.forEach((column, index) => {
      cells.set(`${row}\n${column}`, texts[index] ?? '')
    })
  }
  return cells
}

/** The document with a new table between its marks. */
export const withTable = (document: string, table: string): string => {
  const [begin, end] = [document.indexOf(beginMark), document.indexOf(endMark)]
  if (begin < 0 || end < begin) throw new Error('the document has no place for the table')
  return `${document.slice(0, begin)}${beginMark}\n\n${table}\n\n${document.slice(end)}`
}
