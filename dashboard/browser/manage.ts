// What the operator may do here: enrol a volunteer, publish, settle volunteers, mirrors and clients.
// Each by the same requests as the command line, with the operator's token.

import { enrolmentLines } from '../logic/enrolment-lines.ts'
import type { Overview, VolunteerRow } from '../logic/overview.ts'
import { agoText, countedText, countText, partText } from '../logic/words.ts'
import { find, say } from './dom.ts'
import { showClients } from './manage-clients.ts'
import { showMirrors } from './manage-mirrors.ts'
import { onCopy, onSubmit } from './orders.ts'
import { stateBadge } from './parts.ts'
import { order } from './server.ts'
import { serverNowMs, showSignIn, startPage } from './shell.ts'
import { addTable } from './table.ts'
import { actionCell, addActions } from './volunteer-actions.ts'

let picture: Overview | null = null
/** Names that were known when the token was made. */
let before: ReadonlySet<string> | null = null

const linesOf = (token: string): readonly string[] => {
  const { url = '', offersPackage: offered = false } = picture ?? {}
  return enrolmentLines({ url, token, offered, mirror: '/srv/mirror' })
}

const dayMs = 24 * 3_600_000

onSubmit('token-form', 'waiting', async () => {
  const days = Number(find<HTMLInputElement>('valid-days').value)
  const { token } = await order<{ token: string }>('v1/tokens', {
    uses: Number(find<HTMLInputElement>('uses').value),
    expiresMs: Math.round(serverNowMs() + days * dayMs),
    trust: find<HTMLSelectElement>('trust').value,
  })
  before = new Set(picture?.volunteers.map(({ name }) => name))
  const lines = linesOf(token)
  find('command').textContent = lines.join('\n')
  find('install').hidden = lines.length > 1
  find('made').hidden = false
  return 'Waiting for the volunteer to appear …'
})

onCopy('copy', 'command')

interface Published {
  readonly snapshot: { readonly number: number }
  readonly files: number
  readonly added: number
  readonly changed: number
  readonly removed: number
  readonly unchanged: boolean
}

onSubmit('publish-form', 'publish-result', async () => {
  say(find('publish-result'), 'Publishing …')
  const allowShrink = find<HTMLInputElement>('shrink').checked
  const result = await order<Published>('v1/publish', { allowShrink })
  const { added, changed, removed, files, unchanged } = result
  const { number } = result.snapshot
  return unchanged
    ? `Nothing changed: snapshot ${number} stays.`
    : `Snapshot ${number}: ${countedText(files, 'file')}, ${countText(added)} added, ${countText(changed)} changed, ${countText(removed)} removed.`
})

addActions(
  'volunteers',
  'action-result',
  'It gets no more clients and nothing new; its files stay where they are. To come back it needs a new token.',
)

const showVolunteers = addTable<VolunteerRow>(find('volunteers'), {
  caption: 'Volunteers and what can be done with them',
  key: ({ name }) => name,
  columns: [
    { title: 'Volunteer', cell: ({ name }) => name },
    { title: 'State', cell: stateBadge },
    { title: 'Site', cell: ({ site }) => site ?? '', optional: true },
    { title: 'Weight', cell: ({ weight }) => String(weight) },
    { title: 'Trust', cell: ({ trust }) => trust },
    { title: 'Actions', cell: actionCell },
  ],
})

const showPublish = ({ publish, snapshot }: Overview): void => {
  const newest =
    snapshot === null
      ? 'There is no snapshot yet.'
      : `Snapshot ${snapshot.number} was made ${agoText(snapshot.createdMs, serverNowMs())}, with ${countedText(snapshot.files, 'file')}.`
  const part = publish.part === null ? '' : ` (${partText(publish.part)} hashed)`
  const now = publish.publishing ? ` A publish is under way${part}.` : ''
  const problem = publish.problem === null ? '' : ` The newest publish failed: ${publish.problem}`
  say(find('published'), `${newest}${now}${problem}`)
}

/** Who appeared since the token was made. */
const showNewcomers = (rows: readonly VolunteerRow[]): void => {
  if (before === null) return
  const known = before
  const [row] = rows.filter(({ name }) => !known.has(name))
  if (row !== undefined) say(find('waiting'), `${row.name} enrolled and is ${row.state}.`)
}

find('sign-in-here').addEventListener('click', () => showSignIn())

startPage({
  onPicture: news => {
    picture = news
    find('operators-only').hidden = news.operator
    find('actions').hidden = !news.operator
    showPublish(news)
    const ours = news.volunteers.filter(({ mirror }) => !mirror)
    showVolunteers(ours)
    showNewcomers(ours)
    find('volunteers').hidden = ours.length === 0
    find('no-volunteers').hidden = ours.length > 0
    showMirrors(news.volunteers)
    showClients(news.operator, news.url)
  },
})
