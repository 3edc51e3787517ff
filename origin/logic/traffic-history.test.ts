import t from 'tap'
import { trafficSamples, trafficStep, trafficSteps } from '../../core/dashboard-limits.ts'
import { addReading, beginHistory, resumeHistory, samplesOf } from './traffic-history.ts'

const reading = (seconds: number, change = {}) => ({
  atMs: seconds * 1_000,
  originBytes: seconds * 10,
  seedBytes: seconds * 20,
  redirects: seconds * 2,
  volunteerRate: 500,
  swarmRate: 7,
  reusedBytes: seconds * 5,
  ...change,
})

t.test('a sample is what was sent since the last, a second', async t => {
  const history = addReading(beginHistory(reading(0)), reading(10))
  t.same(samplesOf(history), [
    {
      ...{ atMs: 10_000, originRate: 10, volunteerRate: 500, seedRate: 20 },
      ...{ swarmRate: 7, redirectsPerSecond: 2, reusedRate: 5 },
    },
  ])
  const back = addReading(history, reading(5))
  t.same(samplesOf(back), samplesOf(history), 'a clock that goes back adds nothing')
  const lower = addReading(history, reading(20, { originBytes: 0 }))
  t.equal(samplesOf(lower).at(-1)?.originRate, 0, 'nor does a counter')
})

t.test('an hour finely, two days coarsely, and no more', async t => {
  let history = beginHistory(reading(0))
  const many = (trafficSteps + 20) * trafficStep
  for (let index = 1; index <= many; index++) history = addReading(history, reading(index * 10))
  t.equal(history.fine.length, trafficSamples)
  t.equal(history.coarse.length, trafficSteps)
  const all = samplesOf(history)
  t.ok(
    all.every(({ atMs }, index) => index === 0 || atMs > (all[index - 1]?.atMs ?? 0)),
    'in order, each time once',
  )
  t.ok(all.every(({ originRate }) => Math.abs(originRate - 10) < 1e-6))
})

t.test('what was kept goes on, without what cannot be', async t => {
  let history = beginHistory(reading(0))
  for (let index = 1; index <= trafficStep + 5; index++) {
    history = addReading(history, reading(index * 10))
  }
  const lastMs = samplesOf(history).at(-1)?.atMs ?? 0
  const later = resumeHistory(history, { ...reading(0), atMs: lastMs + 60_000 })
  t.same(later.fine, history.fine)
  t.equal(later.coarse.length, 2, 'fine samples that were in no coarse one are now')
  t.equal(later.coarse[1]?.atMs, lastMs)
  const next = addReading(later, { ...reading(10), atMs: lastMs + 70_000 })
  t.equal(samplesOf(next).at(-1)?.originRate, 10, 'counters began anew')
  const back = resumeHistory(history, { ...reading(0), atMs: 100_000 })
  t.ok(
    samplesOf(back).every(({ atMs }) => atMs <= 100_000),
    'nothing of the future',
  )
  const years = resumeHistory(history, { ...reading(0), atMs: lastMs + 1e11 })
  t.same(samplesOf(years), [])
})
