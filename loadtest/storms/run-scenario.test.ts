import t from 'tap'
import { type K6Result, readSummary } from './k6-run.ts'
import { reportPage } from './report.ts'
import { problemsOf, type ScenarioRun } from './run-scenario.ts'
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
  const { crossed, counts, trends } = readSummary(JSON.stringify(summary))
  t.same(crossed, ['downloads_failed_twice: count==0'])
  t.equal(counts.downloads, 10)
  t.same(trends.download_duration, { med: 5, 'p(95)': 9, max: 12 })
  t.throws(() => readSummary('{}'), TypeError)
})

t.test('what is not as a scenario demands is told', async t => {
  const incidents = flashCrowd.incidents.length
  const kept = { crossed: [], counts: { bytes_from_volunteers: 96, bytes_from_origin: 4 } }
  t.same(problemsOf(flashCrowd, result(kept), incidents), [])
  t.match(problemsOf(flashCrowd, result(), incidents), [/failed_twice/, /90\.0 % from volunteers/])
  t.match(problemsOf(flashCrowd, result(kept), incidents - 1), [/before all incidents/])
  t.match(problemsOf(flashCrowd, result({ ...kept, status: 107 }), incidents), [/ended with 107/])
  t.match(problemsOf(flashCrowd, result({ ...kept, counts: {} }), incidents), [/0\.0 %/])
})

t.test('a report names what held and what did not, and asks nothing of the network', async t => {
  const run = (problems: string[]): ScenarioRun => ({
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
    problems,
  })
  const page = reportPage([run([]), run(['<it> was late'])], ['two & two'])
  t.match(page, 'All demands held')
  t.match(page, 'NOT held')
  t.match(page, '&#60;it&#62; was late')
  t.match(page, 'two &#38; two')
  t.notMatch(page, /NaN|undefined|(?:src|href)="https?:/)
})
