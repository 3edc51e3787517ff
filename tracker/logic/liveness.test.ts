import t from 'tap'
import { brokenPollGraceMs } from '../../core/limits.ts'
import { position, repositoryId, sampleRecord } from '../fixtures/samples.ts'
import { advanceLiveness, isOffline, stateOf } from './liveness.ts'

const intervalMs = 30_000

t.test('three missed intervals or a broken poll without a successor mean offline', async t => {
  t.ok(isOffline(null, 0, intervalMs), 'never heard of')
  t.notOk(isOffline({ announcedMs: 0, brokenMs: null }, 90_000, intervalMs))
  t.ok(isOffline({ announcedMs: 0, brokenMs: null }, 90_001, intervalMs))
  t.notOk(isOffline({ announcedMs: 0, brokenMs: 100 }, 99 + brokenPollGraceMs, intervalMs))
  t.ok(isOffline({ announcedMs: 0, brokenMs: 100 }, 100 + brokenPollGraceMs, intervalMs))
})

t.test('the clock of liveness goes with time, but not with jumps or a stopped process', async t => {
  let clock = { nowMs: 0, monotonicMs: 1000 }
  for (let now = 1250; now <= 3000; now += 250) clock = advanceLiveness(clock, now)
  t.equal(clock.nowMs, 2000)
  t.equal(advanceLiveness(clock, 3_600_000).nowMs, 3000)
  t.equal(advanceLiveness(clock, 0).nowMs, 2000, 'nor does it go back')
})

t.test('the worst that is true of a volunteer is its state', async t => {
  const newest = { repositoryId, epoch: 1, number: 1 }
  const volunteer = (change: Parameters<typeof sampleRecord>[1] = {}, snapshot = 1) => ({
    record: sampleRecord('v', change),
    holdings: null,
    position: { ...position, snapshot },
    retiredSessions: [],
  })
  const idle = { draining: false, idle: true }
  const busy = { draining: false, idle: false }
  const tired = { draining: true, idle: true }
  t.equal(stateOf(volunteer(), idle, false, newest), 'synced')
  t.equal(stateOf(volunteer(), idle, false, null), 'syncing', 'nothing is published')
  t.equal(stateOf(volunteer(), busy, false, newest), 'syncing')
  t.equal(stateOf(volunteer(), idle, false, { ...newest, number: 2 }), 'syncing')
  t.equal(stateOf(volunteer(), idle, false, { ...newest, epoch: 2 }), 'syncing')
  t.equal(stateOf({ ...volunteer(), position: null }, idle, false, newest), 'syncing')
  t.equal(stateOf(volunteer(), tired, false, newest), 'draining')
  t.equal(stateOf(volunteer({ draining: true }), idle, false, newest), 'draining')
  t.equal(stateOf(volunteer({ reachable: false }), tired, false, newest), 'unreachable')
  t.equal(stateOf(volunteer({ reachable: false }), idle, true, newest), 'offline')
  t.equal(stateOf(volunteer(), null, false, newest), 'offline')
  t.equal(stateOf(volunteer({ disabled: true }), idle, true, newest), 'quarantined')
})
