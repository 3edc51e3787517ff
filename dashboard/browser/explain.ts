// "Why did this client get that volunteer?": asks the origin, and shows its answer in tables.

import { closenessTexts } from '../logic/closeness-texts.ts'
import { countText, partText, rateText, readablePath, sizeText, typedPath } from '../logic/words.ts'
import { find, make, say } from './dom.ts'
import { askJson, Refusal } from './server.ts'
import { startPage } from './shell.ts'
import { addTable } from './table.ts'

interface Accepted {
  readonly name: string
  readonly closeness: string
  readonly prefixBits: number | null
  readonly load: number | null
  readonly capacityBytesPerSecond: number
  readonly activeClients: number
  readonly state: string
}

interface Refused {
  readonly name: string
  readonly explanation: string
}

interface Answer {
  readonly path: string
  readonly sizeBytes: number
  readonly sha256: string
  readonly snapshot: number
  readonly from: string | null
  readonly chosen: string | null
  readonly explanation: string
  readonly accepted: readonly Accepted[]
  readonly refused: readonly Refused[]
}

const closenessText = ({ closeness, prefixBits }: Accepted): string => {
  const text = (closenessTexts as Readonly<Record<string, string>>)[closeness] ?? closeness
  return prefixBits === null ? text : `${text} (/${prefixBits})`
}

let chosen: string | null = null

const showAccepted = addTable<Accepted>(find('accepted'), {
  caption: 'Volunteers that could serve it, nearest first',
  key: ({ name }) => name,
  columns: [
    {
      title: 'Could serve',
      cell: ({ name }) => [
        `${name} `,
        name === chosen ? make('span', { class: 'badge synced' }, 'chosen') : null,
      ],
    },
    {
      title: 'Closeness',
      cell: closenessText,
    },
    {
      title: 'Load',
      figure: true,
      cell: ({ load }) => (load === null ? 'no capacity' : partText(load)),
    },
    {
      title: 'Capacity',
      figure: true,
      cell: ({ capacityBytesPerSecond }) => rateText(capacityBytesPerSecond),
    },
    { title: 'Clients', figure: true, cell: ({ activeClients }) => countText(activeClients) },
    { title: 'State', cell: ({ state }) => state },
  ],
})

const showRefused = addTable<Refused>(find('refused'), {
  caption: 'Volunteers that could not serve it',
  key: ({ name }) => name,
  columns: [
    { title: 'Could not', cell: ({ name }) => name },
    { title: 'Because', cell: ({ explanation }) => explanation },
  ],
})

const show = (answer: Answer): void => {
  chosen = answer.chosen
  const { path, sizeBytes, snapshot, from, explanation, accepted, refused } = answer
  find('answer').hidden = false
  say(
    find('verdict'),
    explanation.replace(/^./, letter => letter.toUpperCase()),
  )
  const asker = from === null ? '' : `, asked by ${from}`
  say(find('about'), `${readablePath(path)}, ${sizeText(sizeBytes)}, snapshot ${snapshot}${asker}`)
  find('accepted').hidden = accepted.length === 0
  find('refused').hidden = refused.length === 0
  showAccepted(accepted)
  showRefused(refused)
}

const path = find<HTMLInputElement>('path')
const from = find<HTMLInputElement>('from')

const ask = async (): Promise<void> => {
  const query = [`path=${typedPath(path.value)}`]
  if (from.value.trim() !== '') query.push(`from=${encodeURIComponent(from.value.trim())}`)
  say(find('ask-problem'), '')
  try {
    show(await askJson<Answer>(`v1/explain?${query.join('&')}`))
    find('verdict').focus()
  } catch (error) {
    find('answer').hidden = true
    if (!(error instanceof Refusal)) throw error
    say(find('ask-problem'), error.message)
  }
}

find('ask').addEventListener('submit', event => {
  event.preventDefault()
  history.replaceState(null, '', `?${new URLSearchParams({ path: path.value, from: from.value })}`)
  void ask()
})

const given = new URLSearchParams(location.search)
path.value = given.get('path') ?? ''
from.value = given.get('from') ?? ''
let asked = path.value === ''
startPage({
  onPicture: () => {
    if (asked) return
    asked = true
    void ask()
  },
})
