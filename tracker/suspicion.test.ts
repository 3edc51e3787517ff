import t from 'tap'
import type { VolunteerName } from '../core/ids.ts'
import type { NetworkEvent, Suspicion } from './events.ts'
import { pictureBytes } from './fixtures/picture-bytes.ts'
import { position, sampleRecord } from './fixtures/samples.ts'
import { Holdings } from './holdings.ts'
import { stateOf } from './logic/liveness.ts'
import { applyEvent, emptyNetwork, type NetworkState } from './logic/network-state.ts'
import { decodePicture } from './picture.ts'

const ada = 'ada' as VolunteerName
const { repositoryId, epoch } = position

const suspicion: Suspicion = {
  ...{ quarantined: true, reason: 'it sent wrong bytes', by: 'origin', weight: 2 },
  ...{ strikes: 1, passes: 0, failures: 0, sinceMs: 5, nextAuditMs: 10 },
}

const network = (): NetworkState => {
  const state = emptyNetwork()
  const holdings = new Holdings()
  for (const number of [1, 2, 3]) holdings.add(number)
  const events: NetworkEvent[] = [
    { type: 'enrolled', volunteer: sampleRecord('ada') },
    { type: 'snapshot', repositoryId, epoch, number: 1 },
    {
      ...{
        type: 'holdings',
        name: ada,
        repositoryId,
        epoch,
        session: 's',
        version: 1,
        after: null,
      },
      containers: holdings.encode(),
    },
    { type: 'suspicion', name: ada, suspicion },
  ]
  for (const event of events) applyEvent(state, event)
  return state
}

const stateIn = (state: NetworkState): string => {
  const volunteer = state.volunteers.get(ada)
  if (volunteer === undefined) throw new Error('nobody')
  return stateOf(volunteer, { draining: false, idle: true }, false, state.snapshot)
}

t.test('a quarantine survives a restart and enrolling again, and ends', async t => {
  const state = decodePicture([pictureBytes(network())])
  t.strictSame(state.volunteers.get(ada)?.suspicion, suspicion)
  t.equal(stateIn(state), 'quarantined')
  applyEvent(state, { type: 'enrolled', volunteer: sampleRecord('ada', { reachable: false }) })
  t.equal(stateIn(state), 'quarantined')
  applyEvent(state, { type: 'suspicion', name: ada, suspicion: null })
  t.equal(stateIn(state), 'unreachable')
  t.notOk('suspicion' in (state.volunteers.get(ada) ?? {}))
})

t.test('a content that is withdrawn is gone until it is announced anew', async t => {
  const state = network()
  const held = () => state.volunteers.get(ada)?.holdings
  const withdrawn = { type: 'withdrawn', name: ada, repositoryId, epoch, content: 2 } as const
  applyEvent(state, { ...withdrawn, epoch: epoch + 1 })
  t.ok(held()?.contents.has(2), 'numbers of another epoch mean other contents')
  applyEvent(state, withdrawn)
  applyEvent(state, { ...withdrawn, content: 77 })
  t.notOk(held()?.contents.has(2))
  t.equal(held()?.losses, 2, 'one of them took something away')
  applyEvent(state, {
    ...{ type: 'holdings', name: ada, repositoryId, epoch, session: 's', version: 2 },
    after: { session: 's', version: 1 },
    containers: [{ index: 0, kind: 'change', add: [[2, 1]], remove: [] }],
  })
  t.ok(held()?.contents.has(2))
})
