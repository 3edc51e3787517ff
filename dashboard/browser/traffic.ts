// Traffic over time: who sends it, and what the origin is spared.

import { withGaps } from '../logic/gaps.ts'
import type {
  AnnouncedBytes,
  Overview,
  Totals,
  TrafficSample,
  VolunteerRow,
} from '../logic/overview.ts'
import { countText, durationText, partText, rateText, sizeText } from '../logic/words.ts'
import { addChart, type ChartData } from './charts.ts'
import { find, showTiles } from './dom.ts'
import { serverNowMs, startPage } from './shell.ts'
import { addTable } from './table.ts'

let picture: Overview | null = null

const showClients = addChart('clients', {
  series: [
    { label: 'Volunteers', colour: '--clients' },
    { label: 'Origin', colour: '--origin' },
  ],
  format: rateText,
  time: 'clock',
})

const showSync = addChart('sync', {
  series: [
    { label: 'Among volunteers', colour: '--sync' },
    { label: 'From the origin', colour: '--origin' },
    { label: 'Reused', colour: '--held' },
  ],
  format: rateText,
  time: 'clock',
})

const showTable = addTable<TrafficSample>(find('table'), {
  caption: 'Traffic over time',
  key: ({ atMs }) => String(atMs),
  columns: [
    { title: 'Time', cell: ({ atMs }) => new Date(atMs).toLocaleTimeString() },
    { title: 'Volunteers to clients', figure: true, cell: each => rateText(each.volunteerRate) },
    { title: 'Origin to clients', figure: true, cell: each => rateText(each.originRate) },
    { title: 'Among volunteers', figure: true, cell: each => rateText(each.swarmRate) },
    { title: 'Origin to volunteers', figure: true, cell: each => rateText(each.seedRate) },
    { title: 'Reused by volunteers', figure: true, cell: each => rateText(each.reusedRate) },
    {
      title: 'Redirects a second',
      figure: true,
      cell: each => each.redirectsPerSecond.toFixed(1),
    },
  ],
})

const bytesColumn = (title: string, key: keyof AnnouncedBytes) => ({
  title,
  figure: true,
  cell: ({ announced }: VolunteerRow) => (announced === null ? '' : sizeText(announced[key])),
})

const showVolunteers = addTable<VolunteerRow>(find('by-volunteer'), {
  caption: 'What each volunteer gave and got',
  key: ({ name }) => name,
  columns: [
    { title: 'Volunteer', cell: ({ name }) => name },
    bytesColumn('To clients', 'toClients'),
    bytesColumn('To volunteers', 'toPeers'),
    bytesColumn('From volunteers', 'fromPeers'),
    bytesColumn('From the origin', 'fromOrigin'),
    bytesColumn('Reused', 'reused'),
  ],
})

const tableRows = 60

const columnsOf = (
  samples: readonly TrafficSample[],
  ...keys: readonly (keyof TrafficSample)[]
): ChartData => {
  const times = withGaps(samples)
  return [
    times.map(({ atMs }) => atMs / 1000),
    ...keys.map(key => times.map(({ sample }) => sample?.[key] ?? null)),
  ]
}

const average = (samples: readonly TrafficSample[], key: keyof TrafficSample): string =>
  rateText(samples.reduce((sum, sample) => sum + sample[key], 0) / Math.max(1, samples.length))

/** What neither the origin nor another volunteer had to send. */
const reusedTile = ({ reusedBytes, fromPeersBytes, fromOriginBytes }: Totals) => {
  const obtained = reusedBytes + fromPeersBytes + fromOriginBytes
  return {
    term: 'Reused by volunteers',
    value: sizeText(reusedBytes),
    note:
      obtained === 0
        ? 'nothing was synchronised yet'
        : `${partText(reusedBytes / obtained)} of what they got lay on their own disks`,
  }
}

const show = (news: Overview): void => {
  picture = news
  const { totals } = news
  const given = totals.redirectedBytes + totals.originBytes
  const span = durationText(serverNowMs() - totals.sinceMs)
  showTiles(find('tiles'), [
    {
      term: 'Spared the origin',
      value: sizeText(totals.redirectedBytes),
      note:
        given === 0
          ? 'no client yet'
          : `${partText(totals.redirectedBytes / given)} of what clients got in ${span}`,
    },
    {
      term: 'Sent by the origin',
      value: sizeText(totals.originBytes),
      note: `to clients, in ${countText(totals.servedHere)} answers`,
    },
    { term: 'Redirects', value: countText(totals.redirects), note: `in ${span}` },
    {
      term: 'Origin to volunteers',
      value: sizeText(totals.seedBytes),
      note: 'and to BitTorrent clients',
    },
    reusedTile(totals),
  ])
  const shownMs = Number(find<HTMLSelectElement>('span').value)
  const samples = news.traffic.filter(({ atMs }) => atMs >= serverNowMs() - shownMs)
  const shown = samples.length > 0 ? samples : news.traffic.slice(-1)
  showClients(
    columnsOf(shown, 'volunteerRate', 'originRate'),
    `On average volunteers sent ${average(shown, 'volunteerRate')} and the origin ${average(shown, 'originRate')} to clients`,
  )
  showSync(
    columnsOf(shown, 'swarmRate', 'seedRate', 'reusedRate'),
    `On average volunteers exchanged ${average(shown, 'swarmRate')}, the origin sent them ${average(shown, 'seedRate')}, and they reused ${average(shown, 'reusedRate')} of what they had`,
  )
  const told = news.volunteers.filter(({ announced }) => announced !== null)
  showVolunteers(told)
  find('by-volunteer').hidden = told.length === 0
  find('no-volunteers').hidden = told.length > 0
  if (find('table').closest('details')?.open === true) {
    showTable([...shown].reverse().slice(0, tableRows))
  }
}

const again = (): void => {
  if (picture !== null) show(picture)
}
find('span').addEventListener('change', again)
find('table').closest('details')?.addEventListener('toggle', again)

startPage({ onPicture: show })
