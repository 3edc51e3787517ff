// What the operator may do here: enrol a volunteer, publish, drain. Each by the same requests as the
// command line, with the operator's token.

import type { Overview, VolunteerRow } from '../logic/overview.ts'
import { agoText, countedText, countText, partText } from '../logic/words.ts'
import { find, make, say } from './dom.ts'
import { stateBadge } from './parts.ts'
import { order, Refusal } from './server.ts'
import { serverNowMs, showSignIn, startPage } from './shell.ts'
import { addTable } from './table.ts'

let picture: Overview | null = null
/** Names that were known when the token was made. */
let before: ReadonlySet<string> | null = null

/** Do something once, and say how it went. */
const attempt = async (
  button: HTMLButtonElement,
  status: HTMLElement,
  work: () => Promise<string>,
): Promise<void> => {
  button.disabled = true
  try {
    say(status, await work())
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    say(status, `That did not work: ${error.message}`)
  } finally {
    button.disabled = false
  }
}

const submitOf = (form: string): HTMLButtonElement => {
  const button = find(form).querySelector('button')
  if (button === null) throw new Error(`#${form} has no button`)
  return button
}

const commandOf = (url: string, token: string): string =>
  `npx mirrorswarm volunteer ./mirror \\\n  --origin ${url} --token=${token}`

const dayMs = 24 * 3_600_000

find('token-form').addEventListener('submit', event => {
  event.preventDefault()
  void attempt(submitOf('token-form'), find('waiting'), async () => {
    const days = Number(find<HTMLInputElement>('valid-days').value)
    const { token } = await order<{ token: string }>('v1/tokens', {
      uses: Number(find<HTMLInputElement>('uses').value),
      expiresMs: Math.round(serverNowMs() + days * dayMs),
      trust: find<HTMLSelectElement>('trust').value,
    })
    before = new Set(picture?.volunteers.map(({ name }) => name))
    find('command').textContent = commandOf(picture?.url ?? '', token)
    find('made').hidden = false
    return 'Waiting for the volunteer to appear …'
  })
})

find('copy').addEventListener('click', () => {
  const text = find('command').textContent ?? ''
  navigator.clipboard?.writeText(text).then(
    () => say(find('copy'), 'Copied'),
    () => getSelection()?.selectAllChildren(find('command')),
  )
  // Without https there is no clipboard: what is selected can be copied by hand.
  if (navigator.clipboard === undefined) getSelection()?.selectAllChildren(find('command'))
})

interface Published {
  readonly snapshot: { readonly number: number }
  readonly files: number
  readonly added: number
  readonly changed: number
  readonly removed: number
  readonly unchanged: boolean
}

find('publish-form').addEventListener('submit', event => {
  event.preventDefault()
  void attempt(submitOf('publish-form'), find('publish-result'), async () => {
    say(find('publish-result'), 'Publishing …')
    const allowShrink = find<HTMLInputElement>('shrink').checked
    const result = await order<Published>('v1/publish', { allowShrink })
    const { added, changed, removed, files, unchanged } = result
    const { number } = result.snapshot
    return unchanged
      ? `Nothing changed: snapshot ${number} stays.`
      : `Snapshot ${number}: ${countedText(files, 'file')}, ${countText(added)} added, ${countText(changed)} changed, ${countText(removed)} removed.`
  })
})

const act = (row: VolunteerRow, action: string, done: string, label: string): HTMLElement => {
  const button = make('button', { type: 'button', class: 'row-action', 'data-action': action })
  button.dataset.name = row.name
  button.append(label, make('span', { class: 'hidden' }, ` ${row.name}`))
  button.dataset.done = done
  return button
}

// One listener for all rows: buttons are made anew when their row changes.
find('volunteers').addEventListener('click', event => {
  const { target } = event
  const button = target instanceof Element ? target.closest('button') : null
  if (button === null) return
  const { name = '', action = '', done = '' } = button.dataset
  void attempt(button, find('action-result'), async () => {
    await order(`v1/volunteers/${encodeURIComponent(name)}`, { action })
    return `${name} ${done}.`
  })
})

const showVolunteers = addTable<VolunteerRow>(find('volunteers'), {
  caption: 'Volunteers and what can be done with them',
  key: ({ name }) => name,
  columns: [
    { title: 'Volunteer', cell: ({ name }) => name },
    { title: 'State', cell: stateBadge },
    { title: 'Site', cell: ({ site }) => site ?? '', optional: true },
    { title: 'Trust', cell: ({ trust }) => trust },
    {
      title: 'Actions',
      cell: row => [
        row.drained
          ? act(row, 'undrain', 'gets clients again', 'Undrain')
          : act(row, 'drain', 'gets no new clients', 'Drain'),
        row.disabled
          ? act(row, 'enable', 'takes part again', 'Enable')
          : act(row, 'disable', 'is disabled', 'Disable'),
      ],
    },
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
    showVolunteers(news.volunteers)
    showNewcomers(news.volunteers)
    find('volunteers').hidden = news.volunteers.length === 0
  },
})
