// Clients and their credentials on the page where operators manage. A password is shown once, after it
// was made, and this page keeps it no longer than it is shown.

import { credentialText, linesIn, valuesIn } from '../logic/lines.ts'
import { find, make, say } from './dom.ts'
import { attempt, clearForm, isSure, onCopy, onSubmit, typed } from './orders.ts'
import { askJson, order } from './server.ts'
import { addTable } from './table.ts'

interface Client {
  readonly name: string
  readonly paths: readonly string[]
  readonly networks: readonly string[]
  readonly hasSecret: boolean
  readonly createdMs: number
}

/** Where clients reach the origin, for what is to be pasted. */
let originUrl = ''

const lines = (texts: readonly string[]): HTMLElement =>
  make('div', {}, ...texts.map(text => make('div', { class: 'path' }, text)))

const removeButton = (name: string): HTMLElement => {
  const words = make('span', { class: 'hidden' }, ` ${name}`)
  const button = make('button', { type: 'button', class: 'row-action' }, 'Remove …', words)
  button.dataset.name = name
  return make('div', {}, button)
}

const table = addTable<Client>(find('clients'), {
  caption: 'Clients that may read',
  key: ({ name }) => name,
  columns: [
    { title: 'Client', cell: ({ name }) => name },
    { title: 'May read', cell: ({ paths }) => (paths[0] === '/' ? 'everything' : lines(paths)) },
    {
      title: 'Known by',
      cell: ({ hasSecret, networks }) => (hasSecret ? 'a password' : lines(networks)),
    },
    { title: 'Since', cell: ({ createdMs }) => new Date(createdMs).toLocaleDateString() },
    { title: 'Actions', cell: ({ name }) => removeButton(name) },
  ],
})

const leads = {
  closed: 'Who may read. Nobody else gets anything from this origin.',
  open: 'This origin serves everybody now: what is set here counts once it is started with --require-clients.',
} as const

const reload = async (): Promise<void> => {
  const { clients, required } = await askJson<{ clients: Client[]; required: boolean }>(
    'v1/clients',
  )
  say(find('clients-lead'), required ? leads.closed : leads.open)
  table(clients)
  find('clients').hidden = clients.length === 0
}

const hideSecret = (): void => {
  find('secret').hidden = true
  say(find('secret-text'), '')
}

onSubmit('client-form', 'client-result', async () => {
  hideSecret()
  const asked = {
    name: typed('client-name'),
    paths: linesIn(typed('client-paths')),
    networks: valuesIn(typed('client-networks')),
  }
  const { name, secret } = await order<Client & { secret: string | null }>('v1/clients', asked)
  clearForm('client-form')
  await reload()
  if (secret === null) return `${name} may read, known by its address.`
  say(find('secret-text'), credentialText(name, secret, originUrl))
  say(find('copy-secret'), 'Copy')
  find('secret').hidden = false
  find('secret-text').focus()
  return `${name} may read, known by its password.`
})

onCopy('copy-secret', 'secret-text')
find('hide-secret').addEventListener('click', () => {
  hideSecret()
  find('client-name').focus()
})

find('clients').addEventListener('click', event => {
  const { target } = event
  const button = target instanceof Element ? target.closest('button') : null
  const { name = '' } = button?.dataset ?? {}
  if (button === null) return
  void attempt(button, find('client-action'), async () => {
    const text = 'Its password or networks are good for nothing from then on.'
    if (!(await isSure(`Remove ${name}?`, text))) return ''
    await order(`v1/clients/${encodeURIComponent(name)}`, { action: 'revoke' })
    await reload()
    return `${name} may read no more.`
  })
})

let shown = false

/** To be called with each picture: clients are asked for when the operator first sees the page. */
export const showClients = (operator: boolean, url: string): void => {
  originUrl = url
  if (!operator || shown) return
  shown = true
  reload().catch(() => {
    shown = false
  })
}
