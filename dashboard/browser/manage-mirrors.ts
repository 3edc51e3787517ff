// Mirrors without our daemon on the page where operators manage: added by their URL, looked at, removed.

import type { VolunteerRow } from '../logic/overview.ts'
import { countText, sizeText } from '../logic/words.ts'
import { find, make } from './dom.ts'
import { clearForm, onSubmit, typed } from './orders.ts'
import { stateBadge } from './parts.ts'
import { order } from './server.ts'
import { addTable } from './table.ts'
import { actionCell, addActions } from './volunteer-actions.ts'

addActions(
  'mirrors',
  'mirror-action',
  'Clients are sent there no more, and what was found out about its files is forgotten. The mirror itself notices nothing.',
)

onSubmit('mirror-form', 'mirror-result', async () => {
  const megabytes = typed('mirror-capacity')
  const { name } = await order<{ name: string }>('v1/volunteers', {
    name: typed('mirror-name'),
    mirror: typed('mirror-url'),
    capacityBytesPerSecond: megabytes === '' ? null : Math.round(Number(megabytes) * 1e6),
    allowOpen: find<HTMLInputElement>('mirror-open').checked,
  })
  clearForm('mirror-form')
  return `${name} is added. The origin looks at it from now on; files that it has proved appear above.`
})

const table = addTable<VolunteerRow>(find('mirrors'), {
  caption: 'Mirrors without our daemon',
  key: ({ name }) => name,
  columns: [
    {
      title: 'Mirror',
      cell: ({ name, url }) =>
        make('div', { class: 'stack' }, name, make('span', { class: 'note path' }, url)),
    },
    { title: 'State', cell: stateBadge },
    {
      title: 'Proved',
      cell: ({ heldFiles, heldBytes, wantedFiles }) =>
        `${countText(heldFiles)} of ${countText(wantedFiles)} files, ${sizeText(heldBytes)}`,
    },
    { title: 'Because', cell: ({ reasons }) => reasons.join('; '), optional: true },
    { title: 'Actions', cell: actionCell },
  ],
})

export const showMirrors = (rows: readonly VolunteerRow[]): void => {
  const mirrors = rows.filter(({ mirror }) => mirror)
  table(mirrors)
  find('mirrors').hidden = mirrors.length === 0
}
