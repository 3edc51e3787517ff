import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { trafficSampleMs, trafficSamples, trafficSteps } from '../../core/dashboard-limits.ts'
import { testFolder } from '../../core/fixtures/test-folder.ts'
import type { VolunteerName } from '../../core/ids.ts'
import { silentLogger } from '../../core/log.ts'
import { noTotals } from '../../tracker/logic/totals.ts'
import { HistoryKeeper, historyText, readHistory } from './history-keeper.ts'
import { obtainedSums } from './obtained.ts'
import { type Obtained, Recorder } from './recorder.ts'

const none: Obtained = { fromPeersBytes: 0, fromOriginBytes: 0, reusedBytes: 0 }
const startMs = 1_700_000_000_000

/** One process: a recorder, and the file that it goes on from. */
const begin = async (file: string, nowMs: number) => {
  const now = { ms: nowMs, sent: 0, obtained: none, warnings: 0 }
  const recorder = new Recorder({
    clock: { nowMs: () => now.ms, monotonicMs: () => now.ms },
    snapshot: () => null,
    volunteers: () => [],
    revision: () => 0,
    sent: () => ({ clientBytes: now.sent, seedBytes: 0, servedHere: 1 }),
    obtained: () => now.obtained,
    onSample: () => undefined,
    onHappening: () => undefined,
  })
  const warn = (): void => {
    now.warnings++
  }
  const keeper = new HistoryKeeper({ file, recorder, logger: { ...silentLogger, warn } })
  await keeper.start()
  /** So many samples later. */
  const pass = (samples: number): void => {
    for (let index = 0; index < samples; index++) {
      now.ms += trafficSampleMs
      recorder.look()
    }
  }
  return { now, recorder, keeper, pass }
}

t.test('traffic, sums and happenings go on after a restart', async t => {
  const file = join(testFolder(t), 'dashboard.json')
  const first = await begin(file, startMs)
  first.now.sent = 5_000
  first.now.obtained = { fromPeersBytes: 1, fromOriginBytes: 2, reusedBytes: 30 }
  first.recorder.redirected(700)
  const removed = { type: 'removed', name: 'ada' as VolunteerName } as const
  first.recorder.happened([{ sequence: 1, event: removed }])
  first.pass(2)
  t.same(
    first.recorder.traffic.map(({ originRate, reusedRate }) => [originRate, reusedRate]),
    [
      [500, 3],
      [0, 0],
    ],
  )
  await first.keeper.stop()
  t.equal(statSync(file).mode & 0o777, 0o600)

  const second = await begin(file, first.now.ms + 3_600_000)
  t.same(second.recorder.happenings, first.recorder.happenings)
  t.equal(second.recorder.happenings.length, 1)
  second.now.sent = 20
  second.now.obtained = { ...none, reusedBytes: 4 }
  second.recorder.redirected(1)
  t.match(second.recorder.totals, {
    ...{ sinceMs: startMs, originBytes: 5_020, redirects: 2, redirectedBytes: 701, servedHere: 2 },
    ...{ reusedBytes: 34, fromPeersBytes: 1, fromOriginBytes: 2 },
  })
  second.pass(1)
  t.same(
    second.recorder.traffic.map(({ originRate }) => originRate),
    [500, 0, 2],
  )
  await second.keeper.stop()
  const third = await begin(file, second.now.ms)
  t.equal(third.recorder.totals.reusedBytes, 34, 'nothing is counted twice')
  await third.keeper.stop()
})

t.test('a file that is broken, or cannot be written, costs the history only', async t => {
  const folder = testFolder(t)
  const file = join(folder, 'dashboard.json')
  const texts = ['', '{"fine":[[1,2]]', '{}', historyText((await begin(file, 1)).recorder.kept)]
  const wrong = [
    ...texts.slice(0, 3),
    (texts[3] ?? '').replace('"originBytes":0', '"originBytes":-1'),
  ]
  for (const text of wrong) {
    writeFileSync(file, text)
    const { now, recorder, keeper } = await begin(file, startMs)
    t.equal(now.warnings, 1, text.slice(0, 20))
    t.equal(recorder.totals.sinceMs, startMs)
    await keeper.stop()
    t.equal(readHistory(readFileSync(file, 'utf8')).totals.sinceMs, startMs)
  }
  t.same(readdirSync(folder), ['dashboard.json'])
  const lost = await begin(join(folder, 'none', 'dashboard.json'), startMs)
  await lost.keeper.stop()
  t.equal(lost.now.warnings, 1)
  const silent = new HistoryKeeper({ file, recorder: lost.recorder, logger: silentLogger })
  await silent.stop()
  t.equal(readHistory(readFileSync(file, 'utf8')).totals.sinceMs, startMs, 'never begun')
})

t.test(
  'however long it runs the file stays small, and times of later are not believed',
  async t => {
    const file = join(testFolder(t), 'dashboard.json')
    const { recorder, keeper, pass } = await begin(file, startMs)
    pass(trafficSamples * 3)
    await keeper.stop()
    const text = readFileSync(file, 'utf8')
    t.ok(text.length < (trafficSamples + trafficSteps) * 120, `${text.length} bytes`)
    t.same(readHistory(text).totals, recorder.totals)
    const earlier = await begin(file, startMs - 1)
    t.same(earlier.recorder.traffic, [])
    t.equal(earlier.recorder.totals.sinceMs, startMs - 1)
    await earlier.keeper.stop()
  },
)

t.test('what volunteers got only grows, whoever starts anew or leaves', async t => {
  const ada = 'ada' as VolunteerName
  const bob = 'bob' as VolunteerName
  let told = new Map([
    [ada, { ...noTotals, reusedBytes: 5, fromPeersBytes: 1 }],
    [bob, { ...noTotals, reusedBytes: 10, fromOriginBytes: 2 }],
  ])
  const read = obtainedSums({
    candidates: () => [...told.keys(), 'mute' as VolunteerName].map(name => ({ name })),
    totals: name => told.get(name) ?? null,
  })
  t.same(read(), { fromPeersBytes: 1, fromOriginBytes: 2, reusedBytes: 15 })
  told = new Map([[ada, { ...noTotals, reusedBytes: 7, fromPeersBytes: 1 }]])
  t.same(read(), { fromPeersBytes: 1, fromOriginBytes: 2, reusedBytes: 17 }, 'bob left')
  t.same(read(), { fromPeersBytes: 1, fromOriginBytes: 2, reusedBytes: 17 })
})
