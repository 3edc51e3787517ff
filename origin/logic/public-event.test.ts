import t from 'tap'
import type { VolunteerName } from '../../core/ids.ts'
import type { NetworkEvent, VolunteerRecord } from '../../tracker/events.ts'
import { happeningText, publicEvent } from './public-event.ts'
import { nothingShown, stepShown } from './shown-redirects.ts'

const name = 'ada' as VolunteerName
const record = {
  ...{ name, url: 'http://ada.example.org', publicKey: 'P'.repeat(43), linkKey: 'SECRET' },
  ...{ trust: 'full', reachable: true, enrolledMs: 5, weight: 1, disabled: false, draining: false },
  networks: ['10.1.0.0/16'],
} as const satisfies VolunteerRecord
const suspicion = {
  ...{ quarantined: true, reason: 'wrong bytes of /secret/file', by: 'origin', weight: 3 },
  ...{ strikes: 1, passes: 0, failures: 1, sinceMs: 9, nextAuditMs: 10 },
} as const
const base = { name, repositoryId: 'a'.repeat(64), epoch: 1 } as const

const events: readonly NetworkEvent[] = [
  { type: 'enrolled', volunteer: record },
  { type: 'owner', name, settings: { draining: true, networks: ['10.9.0.0/16'] } },
  { type: 'removed', name },
  { type: 'reachable', name, reachable: false },
  { type: 'suspicion', name, suspicion },
  { type: 'suspicion', name, suspicion: null },
  { type: 'withdrawn', ...base, content: 77_001 },
  { type: 'snapshot', repositoryId: base.repositoryId, epoch: 1, number: 4 },
  { type: 'manifest', name, position: { repositoryId: base.repositoryId, epoch: 1, snapshot: 4 } },
  {
    ...{ type: 'holdings', ...base, session: 'SESSION', version: 1, after: null },
    containers: [{ kind: 'full', index: 0 }],
  },
] as unknown as readonly NetworkEvent[]

t.test('no event tells keys, sessions, networks or contents', async t => {
  for (const full of [true, false]) {
    const text = JSON.stringify(events.map(event => publicEvent(event, full)))
    t.notMatch(text, /SECRET|SESSION|PPPP|10\.\d|77001|containers|linkKey/)
    t.equal(/secret\/file/.test(text), full, 'reasons may name files')
    t.same(
      events.map(event => publicEvent(event, full).type),
      events.map(({ type }) => type),
    )
  }
})

t.test('what people care about is a sentence', async t => {
  t.same(events.map(happeningText), [
    'ada enrolled',
    'ada: drained, networks changed by the operator',
    'ada was removed',
    'ada cannot be reached from outside',
    'ada is quarantined',
    'ada is trusted again',
    null,
    'snapshot 4 was published',
    null,
    null,
  ])
})

t.test('a few redirects a second are shown, the others counted', async t => {
  let state = nothingShown
  let shown = 0
  let skipped = 0
  for (let redirect = 0; redirect < 1_000; redirect++) {
    const step = stepShown(state, 5_000)
    state = step.state
    if (step.show) shown++
    if (step.show) skipped += step.skipped
  }
  t.equal(shown, 10)
  t.equal(skipped, 0)
  t.same(stepShown(state, 6_000), {
    state: { tokens: 4, atMs: 6_000, skipped: 0 },
    show: true,
    skipped: 990,
  })
  t.equal(stepShown(state, 1_000).show, false, 'a clock that goes back gives nothing')
})
