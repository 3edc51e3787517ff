// Redirects as they happen, for operators.

import type { ShownRedirect } from '../logic/overview.ts'
import { countText, readablePath, sizeText } from '../logic/words.ts'
import { find, make, say } from './dom.ts'
import { showSignIn, startPage } from './shell.ts'
import { addTable } from './table.ts'

const keptRows = 100

interface Row extends ShownRedirect {
  readonly key: string
}

let rows: readonly Row[] = []
let seen = 0
let made = 0
let paused = false

const show = addTable<Row>(find('redirects'), {
  caption: 'Redirects, newest first',
  key: ({ key }) => key,
  columns: [
    {
      title: 'Path',
      cell: ({ path }) => make('span', { class: 'path' }, readablePath(path)),
    },
    { title: 'Time', cell: ({ atMs }) => new Date(atMs).toLocaleTimeString() },
    { title: 'Client', cell: ({ network }) => network ?? 'not known' },
    { title: 'Size', figure: true, cell: ({ sizeBytes }) => sizeText(sizeBytes) },
    { title: 'Sent to', cell: ({ volunteer }) => volunteer },
    { title: 'Why', cell: ({ why }) => why },
    {
      title: 'More',
      cell: ({ path, network }) =>
        make(
          'a',
          { href: `./explain?${new URLSearchParams({ path, from: network ?? '' })}` },
          'explain',
          make('span', { class: 'hidden' }, ` ${readablePath(path)}`),
        ),
    },
  ],
})

const showCount = (): void => {
  const skipped = seen - made
  const more = skipped > 0 ? `, ${countText(skipped)} of them not shown` : ''
  say(find('count'), `${countText(seen)} since this page was opened${more}`)
}

const pause = find<HTMLButtonElement>('pause')
pause.addEventListener('click', () => {
  paused = !paused
  pause.setAttribute('aria-pressed', String(paused))
  say(pause, paused ? 'Go on' : 'Pause')
  if (!paused) show(rows)
})
find('sign-in-here').addEventListener('click', () => showSignIn())

startPage({
  onPicture: ({ operator }) => {
    find('operators-only').hidden = operator
    find('controls').hidden = !operator
    find('none').hidden = !operator || rows.length > 0
  },
  onRedirect: redirect => {
    made++
    seen += 1 + redirect.skipped
    rows = [{ ...redirect, key: String(made) }, ...rows].slice(0, keptRows)
    find('none').hidden = true
    if (!paused) show(rows)
  },
})
// Not at each redirect: this is read out.
setInterval(showCount, 3_000)
