// What can be done with one volunteer or mirror: buttons in its row, and a dialog for what the operator
// settles. Rows are made anew when they change, so one listener for each table does.

import { valuesIn } from '../logic/lines.ts'
import type { VolunteerRow } from '../logic/overview.ts'
import { find, make, say } from './dom.ts'
import { attempt, isSure, onSubmit, typed } from './orders.ts'
import { askJson, order } from './server.ts'

/** As `GET /-/v1/volunteers/NAME` tells the operator. */
interface Settings {
  readonly weight: number
  readonly trust: string
  readonly site: string | null
  readonly networks: readonly string[]
  readonly askedNetworks: readonly string[]
}

const pathOf = (name: string): string => `v1/volunteers/${encodeURIComponent(name)}`

const button = (row: VolunteerRow, action: string, label: string): HTMLElement => {
  const attributes = { type: 'button', class: 'row-action', 'data-action': action }
  const made = make('button', attributes, label, make('span', { class: 'hidden' }, ` ${row.name}`))
  made.dataset.name = row.name
  return made
}

/** The buttons of a row. */
export const actionCell = (row: VolunteerRow): HTMLElement =>
  make(
    'div',
    {},
    row.drained ? button(row, 'undrain', 'Undrain') : button(row, 'drain', 'Drain'),
    row.disabled ? button(row, 'enable', 'Enable') : button(row, 'disable', 'Disable'),
    button(row, 'settings', 'Settings …'),
    button(row, 'remove', 'Remove …'),
  )

const done: Readonly<Record<string, string>> = {
  drain: 'gets no new clients',
  undrain: 'gets clients again',
  disable: 'is disabled',
  enable: 'takes part again',
}

/** Whose settings are open. */
let open = ''
/** The table they were opened from, and where it says what happened. */
let from: { readonly table: string; readonly status: string } | null = null
let asked: readonly string[] = []

const field = (id: string): HTMLInputElement => find<HTMLInputElement>(id)

const openSettings = async (name: string): Promise<string> => {
  const now = await askJson<Settings>(pathOf(name))
  open = name
  asked = now.askedNetworks.filter(network => !now.networks.includes(network))
  say(find('settings-title'), `Settings of ${name}`)
  say(find('settings-problem'), '')
  field('set-site').value = now.site ?? ''
  field('set-weight').value = String(now.weight)
  field('set-trust').value = now.trust
  field('set-networks').value = now.networks.join('\n')
  find('asked').hidden = asked.length === 0
  say(find('asked-text'), `Its owner asks for ${asked.join(', ')}.`)
  find<HTMLDialogElement>('settings').showModal()
  return ''
}

find('take-asked').addEventListener('click', () => {
  const networks = field('set-networks')
  networks.value = [...valuesIn(networks.value), ...asked].join('\n')
  find('asked').hidden = true
  networks.focus()
})

find('settings-cancel').addEventListener('click', () => {
  find<HTMLDialogElement>('settings').close()
})

/** A row that was made anew lost the focus that the dialog gives back. */
const focusRow = (): void => {
  const selector = `button[data-action=settings][data-name="${open}"]`
  if (from !== null) find(from.table).querySelector<HTMLElement>(selector)?.focus()
}
find('settings').addEventListener('close', () => setTimeout(focusRow))

onSubmit('settings-form', 'settings-problem', async () => {
  await order(pathOf(open), {
    site: typed('set-site') === '' ? null : typed('set-site'),
    weight: Number(typed('set-weight')),
    trust: field('set-trust').value,
    networks: valuesIn(typed('set-networks')),
  })
  if (from !== null) say(find(from.status), `The settings of ${open} are kept.`)
  find<HTMLDialogElement>('settings').close()
  return ''
})

const removeOne = async (name: string, farewell: string): Promise<string> => {
  if (!(await isSure(`Remove ${name}?`, farewell))) return ''
  await order(pathOf(name), { action: 'remove' })
  return `${name} is removed.`
}

/** Let the buttons of a table do what they say; `farewell`: what removing means here. */
export const addActions = (table: string, status: string, farewell: string): void =>
  find(table).addEventListener('click', event => {
    const { target } = event
    const pressed = target instanceof Element ? target.closest('button') : null
    if (pressed === null) return
    const { name = '', action = '' } = pressed.dataset
    from = { table, status }
    void attempt(pressed, find(status), async () => {
      if (action === 'settings') return openSettings(name)
      if (action === 'remove') return removeOne(name, farewell)
      await order(pathOf(name), { action })
      return `${name} ${done[action] ?? 'is changed'}.`
    })
  })
