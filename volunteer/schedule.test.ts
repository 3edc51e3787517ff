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

t.test('other hours are taken at once, and none are always open', async t => {
  let nowMs = noon
  const clock = { nowMs: () => nowMs }
  const atNight = parseHours('20:00-07:00 UTC')
  const schedule = new Schedule({ clock, logger: silentLogger }, null)
  const changes: boolean[] = []
  schedule.change(atNight)
  t.equal(schedule.isOpen, false, 'also before it is started')
  schedule.change(null)
  schedule.start(async open => {
    changes.push(open)
  }, 5)
  t.teardown(() => schedule.stop())
  schedule.change(atNight)
  t.equal(schedule.isOpen, false)
  nowMs = night
  await until('they begin', () => changes.length === 2)
  nowMs = noon
  await until('they end', () => changes.length === 3)
  schedule.change(null)
  t.equal(schedule.isOpen, true)
  await until('it is always open', () => changes.length === 4)
  t.strictSame(changes, [false, true, false, true])
})
