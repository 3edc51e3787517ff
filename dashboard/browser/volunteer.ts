// A volunteer's own page: what it holds, what it gave, how long it synchronised each day, and what its
// owner allows. Asks the volunteer every few seconds.

import type { Day, VolunteerStatus } from '../logic/overview.ts'
import {
  countedText,
  countText,
  durationText,
  partText,
  rateText,
  sizeText,
} from '../logic/words.ts'
import { addChart } from './charts.ts'
import { become, find, make, say, showTiles } from './dom.ts'
import { meter } from './parts.ts'
import { askJson, Refusal } from './server.ts'
import { addTable } from './table.ts'

const everyMs = 3_000

const givenBytes = (day: Day): number => day.clientBytes + day.networkBytes + day.peersBytes

const showGiven = addChart('given', {
  series: [
    { label: 'Clients', colour: '--clients' },
    { label: 'Own network', colour: '--origin' },
    { label: 'Volunteers', colour: '--sync' },
  ],
  format: sizeText,
  time: 'days',
})

const showDays = addTable<Day>(find('days'), {
  caption: 'What it gave and got on each day',
  key: ({ date }) => date,
  columns: [
    { title: 'Day', cell: ({ date }) => date },
    { title: 'Synchronising', figure: true, cell: ({ syncMs }) => durationText(syncMs) },
    { title: 'To clients', figure: true, cell: ({ clientBytes }) => sizeText(clientBytes) },
    { title: 'To own network', figure: true, cell: ({ networkBytes }) => sizeText(networkBytes) },
    { title: 'To volunteers', figure: true, cell: ({ peersBytes }) => sizeText(peersBytes) },
    {
      title: 'From volunteers',
      figure: true,
      cell: ({ fromPeersBytes }) => sizeText(fromPeersBytes),
    },
    {
      title: 'From the origin',
      figure: true,
      cell: ({ fromOriginBytes }) => sizeText(fromOriginBytes),
    },
    { title: 'Reused', figure: true, cell: ({ reusedBytes }) => sizeText(reusedBytes) },
  ],
})

interface Limit {
  readonly name: string
  readonly value: string
}

const showLimits = addTable<Limit>(find('limits'), {
  caption: 'Limits that its owner set',
  key: ({ name }) => name,
  columns: [
    { title: 'Limit', cell: ({ name }) => name },
    { title: 'Value', cell: ({ value }) => value },
  ],
})

const orNone = <T>(value: T | null | undefined, text: (value: T) => string): string =>
  value === null || value === undefined ? 'none' : text(value)

const limitsOf = ({ owner, limits }: VolunteerStatus): readonly Limit[] => [
  { name: 'Upload', value: orNone(limits?.uploadBytesPerSecond, rateText) },
  { name: 'Download', value: orNone(owner?.downloadBytesPerSecond, rateText) },
  { name: 'Clients at once', value: orNone(limits?.maxClients, countText) },
  { name: 'Quota', value: orNone(owner?.quotaBytes, sizeText) },
  { name: 'Disk left free', value: orNone(owner?.minFreeBytes, sizeText) },
  { name: 'Hours', value: owner?.hours ?? 'always' },
  { name: 'Own networks', value: owner?.networks === 0 ? 'none' : countText(owner?.networks ?? 0) },
  { name: 'Only paths like', value: owner?.include.join(', ') || 'all' },
  { name: 'Not paths like', value: owner?.exclude.join(', ') || 'none' },
]

const stateTexts: Readonly<Record<string, string>> = {
  idle: 'has all it wants',
  syncing: 'synchronising',
  adopting: 'looking at what is there',
  paused: 'paused',
  enrolling: 'enrolling',
}

const showNow = (status: VolunteerStatus): void => {
  const { load, limits, snapshot, origin, days = [] } = status
  const today = days.at(-1)
  const most = limits?.maxClients ?? null
  const whole = days.slice(0, -1)
  const averageMs = whole.reduce((sum, day) => sum + day.syncMs, 0) / Math.max(1, whole.length)
  showTiles(find('tiles'), [
    {
      term: 'State',
      value: stateTexts[status.state] ?? status.state,
      note:
        origin === undefined ? '' : `the origin ${origin.answers ? 'answers' : 'does not answer'}`,
    },
    {
      term: 'Snapshot in place',
      value: orNone(snapshot?.placed, countText),
      note: `newest known: ${orNone(snapshot?.applied, countText)}`,
    },
    {
      term: 'To clients now',
      value: rateText(load?.clientBytesPerSecond ?? 0),
      note: `${countedText(load?.activeClients ?? 0, 'client')}${most === null ? '' : ` of ${most}`}, synchronisation ${rateText(load?.syncBytesPerSecond ?? 0)}`,
    },
    {
      term: 'Given today',
      value: sizeText(today === undefined ? 0 : givenBytes(today)),
      note: `${sizeText(today?.clientBytes ?? 0)} of it to clients`,
    },
    {
      term: 'Synchronising today',
      value: durationText(today?.syncMs ?? 0),
      note:
        whole.length === 0
          ? 'no earlier day to compare with'
          : `${durationText(averageMs)} a day over ${countedText(whole.length, 'day')}`,
    },
  ])
}

const showHeld = ({
  heldBytes = 0,
  wantedBytes = 0,
  heldFiles = 0,
  wantedFiles = 0,
}: VolunteerStatus) => {
  const part = wantedBytes > 0 ? heldBytes / wantedBytes : 0
  const text = `${sizeText(heldBytes)} of ${sizeText(wantedBytes)} (${partText(part)}), ${countText(heldFiles)} of ${countedText(wantedFiles, 'file')}`
  become(find('holds'), [meter(text, [{ part, kind: 'held' }]), make('p', {}, text)])
}

const noonOf = ({ date }: Day): number => new Date(`${date}T12:00`).getTime() / 1000

const show = (status: VolunteerStatus): void => {
  document.title = `${status.name} · mirrorswarm volunteer`
  const heading = document.querySelector('h1')
  if (heading !== null) say(heading, status.name)
  say(find('reasons'), (status.reasons ?? []).join('; '))
  showNow(status)
  showHeld(status)
  showLimits(limitsOf(status))
  const { days = [] } = status
  showDays([...days].reverse())
  const shown = days.slice(-30)
  const column = (read: (day: Day) => number): number[] => shown.map(read)
  showGiven(
    [
      column(noonOf),
      column(day => day.clientBytes),
      column(day => day.networkBytes),
      column(day => day.peersBytes),
    ],
    `It gave ${sizeText(shown.reduce((sum, day) => sum + givenBytes(day), 0))} in ${countedText(shown.length, 'day')}`,
  )
}

const look = async (): Promise<void> => {
  try {
    show(await askJson<VolunteerStatus>('status'))
    find('link').dataset.state = 'live'
    say(find('link-text'), 'live')
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    find('link').dataset.state = 'lost'
    say(find('link-text'), 'no connection, trying again')
  } finally {
    setTimeout(() => void look(), everyMs)
  }
}

void look()
