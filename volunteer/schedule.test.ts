import t from 'tap'
import { parseHours } from '../core/hours.ts'
import { silentLogger } from '../core/log.ts'
import { Schedule } from './schedule.ts'
import { until } from './test-mirror.ts'

const noon = Date.UTC(2026, 0, 5, 12)
const night = Date.UTC(2026, 0, 5, 23)

t.test('the beginning and the end of the hours are carried out once each', async t => {
  let nowMs = noon
  const clock = { nowMs: () => nowMs }
  const schedule = new Schedule({ clock, logger: silentLogger }, parseHours('20:00-07:00 UTC'))
  t.equal(schedule.isOpen, false)
  const changes: boolean[] = []
  schedule.start(async open => {
    changes.push(open)
  }, 5)
  t.teardown(() => schedule.stop())
  nowMs = night
  await until('they begin', () => changes.length === 1)
  t.equal(schedule.isOpen, true)
  nowMs = noon
  await until('they end', () => changes.length === 2)
  t.strictSame(changes, [true, false])
})

t.test('a change that fails is tried again', async t => {
  let nowMs = noon
  const clock = { nowMs: () => nowMs }
  const schedule = new Schedule({ clock, logger: silentLogger }, parseHours('20:00-07:00 UTC'))
  t.teardown(() => schedule.stop())
  let attempts = 0
  schedule.start(async () => {
    attempts++
    if (attempts < 3) throw new Error('the port is taken')
  }, 5)
  nowMs = night
  await until('it succeeds', () => attempts === 3 && schedule.isOpen)
})

t.test('without hours it is always open', async t => {
  const schedule = new Schedule({ clock: { nowMs: () => noon }, logger: silentLogger }, null)
  schedule.start(async () => {
    t.fail('nothing changes')
  })
  t.equal(schedule.isOpen, true)
  await schedule.stop()
})
