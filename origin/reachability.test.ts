import t, { type Test } from 'tap'
import type { VolunteerName } from '../core/ids.ts'
import { silentLogger } from '../core/log.ts'
import type { VolunteerRecord } from '../tracker/events.ts'
import type { Candidate } from '../tracker/logic/views.ts'
import { eventually } from './fixtures/test-network.ts'
import type { ProbeResult } from './prober.ts'
import { Reachability } from './reachability.ts'

const ada = 'ada' as VolunteerName

const make = (t: Test, answers: ProbeResult[]) => {
  const state = { url: 'http://ada.example', reachable: true }
  const record = (): VolunteerRecord => ({
    ...{ name: ada, ...state, publicKey: 'k'.repeat(43), linkKey: '', trust: 'full' },
    ...{ enrolledMs: 0, weight: 1, disabled: false, draining: false },
  })
  const probed: string[] = []
  const reachability = new Reachability(
    {
      tracker: {
        volunteer: name => (name === ada ? record() : null),
        candidates: () =>
          state.reachable ? [] : [{ state: 'unreachable', record: record() } as Candidate],
        setReachable: async (_name, reachable) => {
          state.reachable = reachable
        },
      },
      prober: {
        probe: async target => {
          probed.push(target.url)
          return answers.shift() ?? { reachable: true }
        },
      },
      logger: silentLogger,
    },
    { intervalMs: 10 },
  )
  t.teardown(() => reachability.stop())
  return { reachability, state, probed }
}

const no = { reachable: false, reason: 'no answer' } as const

t.test('a volunteer that does not answer gets no clients until it does', async t => {
  const { reachability, state, probed } = make(t, [no, no, no])
  reachability.suspect(ada)
  reachability.suspect(ada)
  await eventually('the verdict', async () => !state.reachable)
  t.equal(probed.length, 2, 'one check, two probes')
  reachability.start()
  await eventually('its return', async () => state.reachable)
  t.equal(probed.length, 4)
})

t.test('an unreachable volunteer that announces is probed at once, but not each time', async t => {
  const { reachability, state, probed } = make(t, [no])
  reachability.heard(ada)
  t.equal(probed.length, 0, 'a reachable one is left alone')
  state.reachable = false
  reachability.heard(ada)
  reachability.heard(ada)
  await eventually('the probe', async () => probed.length === 1)
  await reachability.stop()
  t.notOk(state.reachable)
  const second = make(t, [])
  second.state.reachable = false
  second.reachability.heard(ada)
  await eventually('its return', async () => second.state.reachable)
})

t.test('one lost probe is no verdict, and nobody is probed all the time', async t => {
  const { reachability, state, probed } = make(t, [no])
  reachability.suspect(ada)
  reachability.suspect('zoe' as VolunteerName)
  await eventually('both probes', async () => probed.length === 2)
  await reachability.stop()
  t.ok(state.reachable)
  reachability.suspect(ada)
  t.equal(probed.length, 2)
})

t.test('a verdict about an old URL is dropped', async t => {
  const { reachability, state, probed } = make(t, [no, no])
  reachability.suspect(ada)
  state.url = 'http://ada.example:81'
  await eventually('both probes', async () => probed.length === 2)
  await reachability.stop()
  t.ok(state.reachable)
})
