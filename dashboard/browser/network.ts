// The first page: the network at a glance, its volunteers by site, and what happened of late.

import type { Overview, VolunteerRow } from '../logic/overview.ts'
import {
  agoText,
  countedText,
  countText,
  durationText,
  partText,
  rateText,
  sizeText,
} from '../logic/words.ts'
import { become, find, make, say, showTiles } from './dom.ts'
import { heldCell, lagText, loadCell, loadOf, stateBadge } from './parts.ts'
import { serverNowMs, startPage } from './shell.ts'
import { addTable, type Column } from './table.ts'

let picture: Overview | null = null

const columns: readonly Column<VolunteerRow>[] = [
  {
    title: 'Volunteer',
    cell: row => [
      make('a', { href: `${row.url}/-/ui/`, rel: 'noreferrer' }, row.name),
      row.mirror ? make('span', { class: 'note' }, ' mirror without daemon') : null,
    ],
  },
  { title: 'State', cell: stateBadge },
  { title: 'Snapshot', cell: row => lagText(row, picture?.snapshot?.number ?? null) },
  { title: 'Holds', cell: heldCell },
  { title: 'Clients + sync of capacity', cell: loadCell },
  { title: 'Share', figure: true, cell: row => partText(row.share) },
  { title: 'Clients', figure: true, cell: clientsText },
  { title: 'Why not more', optional: true, cell: row => row.reasons.join('; ') },
]

function clientsText({ activeClients, maxClients }: VolunteerRow): string {
  return maxClients === null ? countText(activeClients) : `${activeClients} of ${maxClients}`
}

const stateOrder = ['quarantined', 'unreachable', 'offline', 'draining', 'syncing', 'synced']

const orders: Readonly<Record<string, (a: VolunteerRow, b: VolunteerRow) => number>> = {
  name: () => 0,
  load: (a, b) => loadOf(b) - loadOf(a),
  lag: (a, b) => b.behindSeconds - a.behindSeconds,
  state: (a, b) => stateOrder.indexOf(a.state) - stateOrder.indexOf(b.state),
}

const siteOf = ({ site }: VolunteerRow): string => site ?? ''

const groups = new Map<
  string,
  { readonly section: HTMLElement; readonly show: ReturnType<typeof addTable<VolunteerRow>> }
>()

/** What a site gives together. */
const siteText = (rows: readonly VolunteerRow[]): string => {
  const rate = rows.reduce((sum, row) => sum + row.clientRate, 0)
  const share = rows.reduce((sum, row) => sum + row.share, 0)
  const synced = rows.filter(({ state }) => state === 'synced').length
  return `${countedText(rows.length, 'volunteer')}, ${synced} synced, ${rateText(rate)} to clients, ${partText(share)} of redirects`
}

const groupOf = (site: string) => {
  const known = groups.get(site)
  if (known !== undefined) return known
  const title = site === '' ? 'No site' : site
  const section = make('section', { class: 'site', 'aria-label': `Site: ${title}` })
  section.append(make('h3', {}, make('span', {}, title), make('span', { class: 'note' })))
  const show = addTable<VolunteerRow>(section, {
    caption: `Volunteers of ${site === '' ? 'no site' : site}`,
    columns,
    key: ({ name }) => name,
  })
  const group = { section, show }
  groups.set(site, group)
  return group
}

const showVolunteers = (rows: readonly VolunteerRow[]): void => {
  const place = find('volunteers')
  const wanted = new URLSearchParams(location.search).get('site') ?? ''
  const order = orders[find<HTMLSelectElement>('order').value] ?? (() => 0)
  const sites = [...new Set(rows.map(siteOf))].sort((a, b) =>
    (a === '') === (b === '') ? (a < b ? -1 : 1) : a === '' ? 1 : -1,
  )
  const select = find<HTMLSelectElement>('site')
  const options = sites.filter(site => site !== '')
  become(select, [
    make('option', { value: '' }, 'all'),
    ...options.map(site => make('option', { value: site }, site)),
  ])
  select.value = options.includes(wanted) ? wanted : ''
  const shown = sites.filter(site => select.value === '' || site === select.value)
  for (const [site, { section }] of groups) {
    if (shown.includes(site)) continue
    section.remove()
    groups.delete(site)
  }
  for (const [index, site] of shown.entries()) {
    const own = rows.filter(row => siteOf(row) === site)
    const group = groupOf(site)
    const heading = group.section.querySelector('h3')
    if (heading !== null) {
      // Where nobody has a site, a heading would say nothing.
      heading.hidden = options.length === 0
      say(heading.lastElementChild ?? heading, siteText(own))
    }
    group.show([...own].sort(order))
    const there = place.children[index] ?? null
    if (there !== group.section) place.insertBefore(group.section, there)
  }
  find('no-volunteers').hidden = rows.length > 0
}

const showGlance = ({ snapshot, volunteers, totals, traffic }: Overview): void => {
  const nowMs = serverNowMs()
  const synced = volunteers.filter(({ state }) => state === 'synced').length
  const away = volunteers.filter(({ state }) => state === 'offline' || state === 'unreachable')
  const rate = volunteers
    .filter(({ state }) => state !== 'offline')
    .reduce((sum, row) => sum + row.clientRate, 0)
  const origin = traffic.at(-1)?.originRate ?? 0
  const given = totals.redirectedBytes + totals.originBytes
  showTiles(find('tiles'), [
    {
      term: 'Snapshot',
      value: snapshot === null ? 'none yet' : String(snapshot.number),
      note:
        snapshot === null
          ? 'the first is being made'
          : `${agoText(snapshot.createdMs, nowMs)}, ${countedText(snapshot.files, 'file')}, ${sizeText(snapshot.bytes)}`,
    },
    {
      term: 'Volunteers synced',
      value: `${synced} of ${volunteers.length}`,
      note: away.length === 0 ? 'all can be reached' : `${away.length} away`,
    },
    {
      term: 'To clients now',
      value: rateText(rate + origin),
      note: `${rateText(rate)} by volunteers, ${rateText(origin)} by the origin`,
    },
    {
      term: 'Spared the origin',
      value: sizeText(totals.redirectedBytes),
      note:
        given === 0
          ? 'no client yet'
          : `${partText(totals.redirectedBytes / given)} of what clients got in ${durationText(nowMs - totals.sinceMs)}`,
    },
  ])
}

const showHappenings = ({ happenings }: Overview): void => {
  const nowMs = serverNowMs()
  const items = [...happenings]
    .reverse()
    .slice(0, 12)
    .map(({ atMs, text }) =>
      make(
        'li',
        {},
        make('time', { datetime: new Date(atMs).toISOString() }, agoText(atMs, nowMs)),
        make('span', {}, text),
      ),
    )
  become(
    find('happenings'),
    items.length > 0 ? items : [make('li', {}, 'Nothing since the start.')],
  )
}

const showProblem = ({ publish }: Overview): void => {
  const box = find('problem')
  box.hidden = publish.problem === null
  say(box, publish.problem === null ? '' : `The newest publish failed: ${publish.problem}`)
}

const show = (news: Overview): void => {
  picture = news
  showProblem(news)
  showGlance(news)
  showVolunteers(news.volunteers)
  showHappenings(news)
}

find('site').addEventListener('change', () => {
  const { value } = find<HTMLSelectElement>('site')
  history.replaceState(null, '', value === '' ? './' : `./?site=${encodeURIComponent(value)}`)
  if (picture !== null) showVolunteers(picture.volunteers)
})
find('order').addEventListener('change', () => {
  if (picture !== null) showVolunteers(picture.volunteers)
})

startPage({ onPicture: show })
