import t from 'tap'
import { demandsOf } from './demands.ts'
import { type K6Result, readSummary } from './k6-run.ts'
import { conditionsOf, reportPage, summaryOf } from './report.ts'
import { brokenRun, type ScenarioRun } from './run-scenario.ts'
import { type Scenario, scenarios } from './scenarios.ts'

const summary = {
  metrics: {
    downloads: { count: 10, rate: 1, thresholds: { 'count>0': false } },
    downloads_failed_twice: { count: 2, rate: 0.2, thresholds: { 'count==0': true } },
    download_duration: { med: 5, 'p(95)': 9, max: 12, avg: 6, min: 1, 'p(90)': 8 },
    bytes_from_volunteers: { count: 90, rate: 9 },
    bytes_from_origin: { count: 10, rate: 1 },
  },
}

const result = (more: Partial<K6Result> = {}): K6Result => ({
  ...readSummary(JSON.stringify(summary)),
  samples: [],
  status: 0,
  output: '',
  usersSinceMs: 1_000,
  ...more,
})

const flashCrowd = scenarios.find(({ name }) => name === 'flash-crowd') as Scenario

t.test('the summary tells which thresholds were crossed', async t => {
  const { thresholds, counts, trends } = readSummary(JSON.stringify(summary))
  t.same(thresholds, [
    { text: 'downloads: count>0', held: true },
    { text: 'downloads_failed_twice: count==0', held: false },
  ])
  t.equal(counts.downloads, 10)
  t.same(trends.download_duration, { med: 5, 'p(95)': 9, max: 12 })
  t.throws(() => readSummary('{}'), TypeError)
})

t.test('what is not as a scenario demands is told', async t => {
  const incidents = flashCrowd.incidents.length
  const broken = (k6: K6Result, happened = incidents): string[] =>
    demandsOf(flashCrowd, k6, happened).flatMap(({ text, held }) => (held ? [] : [text]))
  const counts = { bytes_from_volunteers: 96, bytes_from_origin: 4 }
  const kept = { thresholds: [{ text: 'downloads: count>0', held: true }], counts }
  t.same(broken(result(kept)), [])
  t.match(broken(result({ status: 99 })), [
    /^no download that fails .*\(2\)$/,
    /^at least 95\.0 % .*\(90\.0 %\)$/,
  ])
  t.match(broken(result(kept), incidents - 1), [/users are there for kill -9/])
  t.match(broken(result({ ...kept, status: 107 })), [/comes to its end \(107/])
  t.match(broken(result({ ...kept, status: null })), [/comes to its end \(killed/])
  t.match(broken(result({ ...kept, counts: {} })), [/\(0\.0 %\)/])
  t.match(broken(result({ ...kept, thresholds: [] })), ['k6 tells what it counted'])
})

const ran = (problems: string[]): ScenarioRun => ({
  scenario: flashCrowd,
  k6: result(),
  network: [1, 2, 3].map(second => ({
    atMs: second * 1_000,
    originBytes: second,
    volunteerBytes: second > 2 ? {} : { a: second * 10 },
    redirects: second,
    originResidentBytes: 1e8,
  })),
  marks: [{ atMs: 2_000, text: 'kill -9 of a volunteer' }],
  volunteerShare: 0.9,
  demands: demandsOf(flashCrowd, result(), 2),
  problems,
})

t.test('a report names what held and what did not, and asks nothing of the network', async t => {
  const runs = [ran([]), ran(['<it> was late'])]
  const page = reportPage(runs, scenarios, ['two & two'])
  t.match(page, 'All demands held')
  t.match(page, 'NOT held')
  t.match(page, '&#60;it&#62; was late')
  t.match(page, 'two &#38; two')
  t.notMatch(page, /NaN|undefined|Infinity|(?:src|href)="https?:/)
})

t.test('a report says what was run, how, and what was not', async t => {
  const one = scenarios.filter(({ name }) => name === 'flash-crowd')
  t.same(summaryOf([ran([])], one), [
    '1 of 6 tests were run, and all demands held.',
    'Not asked for: steady, slow-clients, resume-storm, one-address, auth-storm.',
  ])
  const broken = brokenRun(flashCrowd, 'the network did not start')
  t.match(summaryOf([broken], scenarios)[0], /1 did NOT hold: flash-crowd/)
  t.match(summaryOf([broken], scenarios)[1], /Not yet run .*steady/)
  const page = reportPage([broken], one, [])
  t.match(page, 'the network did not start')
  t.match(page, 'nothing to plot')
  t.notMatch(page, /NaN|undefined|Infinity|All demands held/)
  t.equal(
    conditionsOf({ ...flashCrowd, users: 20 }),
    '20 users for 60 s, from many addresses, a publish after 15 s, kill -9 of a volunteer after 30 s, smaller than usual (2,000 for 60 s).',
  )
})
