// Tables whose rows are kept while their figures change, so that focus and reading position stay. On
// narrow screens each row becomes a card; the roles keep it a table for screen readers.

import { become, type Child, make } from './dom.ts'

export interface Column<Row> {
  readonly title: string
  /** Figures are aligned to the right. */
  readonly figure?: boolean
  /** Shown on narrow screens only where it says something. */
  readonly optional?: boolean
  readonly cell: (row: Row) => Child | readonly Child[]
}

export interface TableOptions<Row> {
  /** Read out as the table's name. */
  readonly caption: string
  readonly columns: readonly Column<Row>[]
  /** Rows with the same key are the same row. */
  readonly key: (row: Row) => string
  readonly rowClass?: (row: Row) => string
}

const cellOf = <Row>(column: Column<Row>, row: Row, first: boolean): HTMLElement => {
  const content = [column.cell(row)].flat() as readonly Child[]
  const attributes = {
    role: first ? 'rowheader' : 'cell',
    'data-label': column.title,
    ...(column.figure === true ? { class: 'figure' } : {}),
    ...(first ? { scope: 'row' } : {}),
  }
  const cell = make(first ? 'th' : 'td', attributes, ...content)
  if (column.optional === true && cell.textContent === '') cell.classList.add('nothing')
  return cell
}

/** A table inside `place`; returns how to show other rows in it. */
export const addTable = <Row>(
  place: Element,
  options: TableOptions<Row>,
): ((rows: readonly Row[]) => void) => {
  const { caption, columns, key, rowClass } = options
  const heads = columns.map(({ title, figure }) =>
    make(
      'th',
      { role: 'columnheader', scope: 'col', ...(figure === true ? { class: 'figure' } : {}) },
      title,
    ),
  )
  const head = make('tr', { role: 'row' }, ...heads)
  const body = make('tbody', { role: 'rowgroup' })
  place.append(
    make(
      'table',
      { role: 'table' },
      make('caption', { class: 'hidden' }, caption),
      make('thead', { role: 'rowgroup' }, head),
      body,
    ),
  )
  const known = new Map<string, HTMLTableRowElement>()
  return rows => {
    const keys = new Set(rows.map(key))
    for (const [name, element] of known) {
      if (keys.has(name)) continue
      element.remove()
      known.delete(name)
    }
    rows.forEach((row, index) => {
      const name = key(row)
      const element = known.get(name) ?? make('tr', { role: 'row' })
      known.set(name, element)
      const style = rowClass?.(row) ?? ''
      if (element.className !== style) element.className = style
      become(
        element,
        columns.map((column, place) => cellOf(column, row, place === 0)),
      )
      if (body.children[index] !== element) body.insertBefore(element, body.children[index] ?? null)
    })
  }
}
