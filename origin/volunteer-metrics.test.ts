import { Registry } from 'prom-client'
import t from 'tap'
import { gentleScrape } from '../core/gentle-scrape.ts'
import type { VolunteerName } from '../core/ids.ts'
import { parseMetrics, sumOf } from '../loadtest/metrics.ts'
import { noTotals } from '../tracker/logic/totals.ts'
import type { VolunteerView } from '../tracker/logic/views.ts'
import { addVolunteerMetrics, behindSeconds } from './volunteer-metrics.ts'

const view = (index: number, more: Partial<VolunteerView> = {}): VolunteerView => ({
  name: `v-${index}` as VolunteerName,
  url: 'http://127.0.0.1:1',
  state: 'synced',
  snapshot: 3,
  ...{ heldFiles: 1, heldBytes: 10, wantedFiles: 1, wantedBytes: 10 },
  ...{ clientBytesPerSecond: index, syncBytesPerSecond: 0, capacityBytesPerSecond: null },
  ...{ activeClients: 0, lastAnnounceMs: 5_000, weight: 1, trust: 'full', site: null },
  ...{ networks: [], askedNetworks: [], reasons: [] },
  ...more,
})

const sources = (views: readonly VolunteerView[]) => ({
  volunteers: () => views,
  suspicion: () => null,
  snapshotNumber: () => 3,
  snapshotMs: (number: number) => (number === 1 ? null : number * 1000),
  nowMs: () => 10_000,
  skewMs: (name: string) => (name === 'v-2' ? -90_000 : 1_000),
  redirected: () =>
    views.map(({ name }, index) => ({ name, redirects: index, redirectedBytes: 100 * index })),
  totals: (name: string) =>
    name === 'v-3' ? null : { ...noTotals, clientBytes: 7, reusedBytes: 5, syncMs: 2_000 },
})

t.test('any number of volunteers has a bounded number of series, and sums stay right', async t => {
  const registry = new Registry()
  const views = Array.from({ length: 50 }, (_, index) => view(index))
  addVolunteerMetrics(registry, sources(views), 10)()
  const series = parseMetrics(await gentleScrape(registry))
  t.same(series, parseMetrics(await registry.metrics()), 'gently or not')
  const names = new Set(series.map(({ labels }) => labels.volunteer))
  t.equal(names.size, 11)
  t.ok(names.has('v-49'), 'the busiest has a name')
  t.ok(names.has('_other'), 'no volunteer can be called so')
  t.equal(sumOf(series, 'mirrorswarm_volunteer_held_bytes'), 500)
  t.equal(sumOf(series, 'mirrorswarm_volunteer_state', { state: 'synced' }), 50)
  t.equal(sumOf(series, 'mirrorswarm_volunteer_state', { state: 'offline' }), 0)
  t.equal(sumOf(series, 'mirrorswarm_volunteer_redirects_total'), (49 * 50) / 2)
  t.equal(sumOf(series, 'mirrorswarm_volunteer_sent_bytes_total', { to: 'clients' }), 49 * 7)
  t.equal(sumOf(series, 'mirrorswarm_volunteer_obtained_bytes_total', { from: 'basis' }), 49 * 5)
  t.equal(sumOf(series, 'mirrorswarm_volunteer_sync_seconds_total'), 98)
  const skews = series.filter(({ name }) => name === 'mirrorswarm_volunteer_clock_skew_seconds')
  t.equal(skews.find(({ labels }) => labels.volunteer === '_other')?.value, -90, 'the farthest')
  t.equal(sumOf(series, 'mirrorswarm_volunteer_last_announce_timestamp_seconds') / 11, 5)
})

t.test('one that is removed has no series any more', async t => {
  const registry = new Registry()
  const views = [view(1), view(2)]
  const look = addVolunteerMetrics(registry, sources(views))
  look()
  await registry.metrics()
  views.pop()
  look()
  const names = parseMetrics(await registry.metrics()).map(({ labels }) => labels.volunteer)
  t.same([...new Set(names)], ['v-1'])
})

t.test('behind is counted from the first snapshot that is missing', async t => {
  const at = (snapshot: number | null) => behindSeconds(snapshot, sources([]))
  t.equal(at(3), 0)
  t.equal(at(2), 7, 'since snapshot 3 was made')
  t.equal(at(1), 8)
  t.equal(at(null), 7, 'the first is not known any more: since the newest')
  t.equal(behindSeconds(null, { ...sources([]), snapshotNumber: () => 0 }), 0)
})
