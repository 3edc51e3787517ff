// How the newest snapshot spreads among the volunteers, and how the former ones did.

import type { Overview, Release, ReleaseMember } from '../logic/overview.ts'
import { agoText, countedText, durationText, partText, sizeText } from '../logic/words.ts'
import { addChart } from './charts.ts'
import { find, make, showTiles } from './dom.ts'
import { meter } from './parts.ts'
import { serverNowMs, startPage } from './shell.ts'
import { addTable } from './table.ts'

let release: Release | null = null

const partOf = ({ done, lackedBytes, missingBytes }: ReleaseMember): number => {
  if (done) return 1
  if (lackedBytes === null || lackedBytes === 0) return 0
  return 1 - missingBytes / lackedBytes
}

const progressCell = (member: ReleaseMember): HTMLElement => {
  const { lackedBytes, missingBytes, done } = member
  const text = done
    ? lackedBytes === null || lackedBytes === 0
      ? 'all of it'
      : `all of ${sizeText(lackedBytes)}`
    : lackedBytes === null
      ? 'does not know of it yet'
      : `${partText(partOf(member))} of ${sizeText(lackedBytes)}, ${sizeText(missingBytes)} to go`
  return make(
    'div',
    { class: 'stack' },
    meter(text, [{ part: partOf(member), kind: 'held' }]),
    make('span', { class: 'note', 'aria-hidden': 'true' }, text),
  )
}

const afterText = (atMs: number | null, { publishedMs, watched }: Release): string => {
  if (atMs !== null) return durationText(atMs - publishedMs)
  return watched ? 'not yet' : 'not seen'
}

const showMembers = addTable<ReleaseMember>(find('members'), {
  caption: 'Volunteers and how much they have of what was new in this snapshot',
  key: ({ name }) => name,
  columns: [
    { title: 'Volunteer', cell: ({ name }) => name },
    { title: 'Has of what it lacked', cell: progressCell },
    {
      title: 'Had all after',
      cell: ({ done, doneMs }) =>
        !done || release === null ? '' : doneMs === null ? '' : afterText(doneMs, release),
      figure: true,
    },
  ],
})

const showFormer = addTable<Release>(find('former'), {
  caption: 'Former snapshots and how fast they spread',
  key: ({ number }) => String(number),
  columns: [
    { title: 'Snapshot', cell: ({ number }) => String(number) },
    { title: 'Published', cell: ({ publishedMs }) => agoText(publishedMs, serverNowMs()) },
    {
      title: 'Volunteers with all',
      figure: true,
      cell: ({ members }) => `${members.filter(({ done }) => done).length} of ${members.length}`,
    },
    { title: 'Half after', figure: true, cell: each => afterText(each.halfMs, each) },
    { title: 'All after', figure: true, cell: each => afterText(each.allMs, each) },
  ],
})

const showChart = addChart('chart', {
  series: [{ label: 'Volunteers with all', colour: '--held' }],
  format: value => `${Math.round(value)} %`,
  time: 'duration',
  formatTime: seconds => durationText(seconds * 1000),
  most: 100,
  stepped: true,
})

const drawCurve = ({ curve, publishedMs, members, allMs }: Release): void => {
  const done = members.filter(member => member.done).length
  const last = curve.at(-1)
  const untilMs = allMs === null ? serverNowMs() - publishedMs : (last?.[0] ?? 0) * 1.15
  const points = [...curve, [Math.max(untilMs, (last?.[0] ?? 0) + 1), last?.[1] ?? 0] as const]
  showChart(
    [points.map(([afterMs]) => afterMs / 1000), points.map(([, part]) => part * 100)],
    `${done} of ${countedText(members.length, 'volunteer')} have all they want of it`,
  )
}

const show = ({ releases, snapshot }: Overview): void => {
  const [newest = null, ...former] = releases
  release = newest
  if (newest === null || snapshot === null) {
    showTiles(find('tiles'), [
      { term: 'Snapshot', value: 'none yet', note: 'the first is being made' },
    ])
    return
  }
  const { members } = newest
  const done = members.filter(member => member.done).length
  const missing = members.reduce((sum, member) => sum + member.missingBytes, 0)
  showTiles(find('tiles'), [
    {
      term: 'Snapshot',
      value: String(newest.number),
      note: `${agoText(newest.publishedMs, serverNowMs())}, ${countedText(snapshot.files, 'file')}, ${sizeText(snapshot.bytes)}`,
    },
    {
      term: 'Volunteers with all',
      value: `${done} of ${members.length}`,
      note: missing === 0 ? 'nothing to go' : `${sizeText(missing)} to go`,
    },
    {
      term: 'Half had it after',
      value: afterText(newest.halfMs, newest),
      note: 'of all that are there',
    },
    { term: 'All had it after', value: afterText(newest.allMs, newest), note: 'that are there' },
  ])
  showMembers([...members].sort((a, b) => partOf(a) - partOf(b)))
  showFormer(former)
  find('former').hidden = former.length === 0
  find('former-title').hidden = former.length === 0
  drawCurve(newest)
}

startPage({ onPicture: show })
