import t from 'tap'
import {
  courtesyFloorBytesPerSecond,
  courtesyMostBytesPerSecond,
  courtesyRelaxMs,
} from '../../core/volunteer-limits.ts'
import { type CourtesyFacts, calmCourtesy, stepCourtesy } from './courtesy.ts'

const MiB = 1024 * 1024
const busy: CourtesyFacts = {
  nowMs: 0,
  clientsServed: true,
  utilization: 0.99,
  swarmBytesPerSecond: 64 * MiB,
}

/** The rates of a number of steps, each `everyMs` after the one before. */
const rates = (facts: readonly Partial<CourtesyFacts>[], start = calmCourtesy) => {
  let state = start
  return facts.map((each, index) => {
    state = stepCourtesy(state, { ...busy, nowMs: index * 100, ...each })
    return state.bytesPerSecond
  })
}

t.test('without clients, or with time to spare, the swarm is held to nothing', t => {
  t.strictSame(rates([{ clientsServed: false }, { clientsServed: false }]), [null, null])
  t.strictSame(rates([{ utilization: 0.3 }, { utilization: 0.5 }]), [null, null])
  t.end()
})

t.test('a busy thread with clients halves what the swarm takes, down to the floor', t => {
  t.strictSame(rates([{}, {}, { swarmBytesPerSecond: 8 * MiB }]), [32 * MiB, 16 * MiB, 4 * MiB])
  t.equal(rates(Array.from({ length: 20 }, () => ({}))).at(-1), courtesyFloorBytesPerSecond)
  t.equal(rates([{ swarmBytesPerSecond: 0 }])[0], courtesyFloorBytesPerSecond)
  t.end()
})

t.test('with time to spare it goes faster again, until nothing holds it', t => {
  const spare = Array.from({ length: 100 }, () => ({ utilization: 0.5 }))
  const later = rates([{}, ...spare])
  t.ok((later[2] ?? 0) > (later[1] ?? 0))
  t.ok(later.every(rate => rate === null || rate <= courtesyMostBytesPerSecond))
  t.equal(later.at(-1), null)
  t.end()
})

t.test('it is let go a while after the last client', t => {
  const gone = { clientsServed: false, utilization: 0.99 }
  const steps = rates(Array.from({ length: courtesyRelaxMs / 100 + 1 }, (_, k) => (k ? gone : {})))
  t.ok(
    steps.slice(0, -1).every(rate => rate !== null),
    'clients come and go',
  )
  t.equal(steps.at(-1), null)
  t.end()
})
