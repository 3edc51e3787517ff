import t from 'tap'
import { seededRandom } from '../../core/clock.ts'
import type { VolunteerName } from '../../core/ids.ts'
import {
  expectedLoad,
  type RefusalReason,
  type SelectionCandidate,
  type SelectionRequest,
  select,
} from './select.ts'

const named = (name: string): VolunteerName => name as VolunteerName

const candidate = (change: Partial<SelectionCandidate> = {}): SelectionCandidate => ({
  name: named('ada'),
  url: 'http://ada.example',
  state: 'synced',
  disabled: false,
  holds: true,
  trust: 'full',
  clientBytesPerSecond: 0,
  syncBytesPerSecond: 0,
  uploadBytesPerSecond: null,
  weight: 1,
  activeClients: 0,
  maxClients: null,
  pendingBytesPerSecond: 0,
  ...change,
})

const request = (change: Partial<SelectionRequest> = {}): SelectionRequest => ({
  https: false,
  tried: new Set(),
  sticky: null,
  verifiedByClients: false,
  ...change,
})

t.test('each refusal has its own reason', async t => {
  const cases: [Partial<SelectionCandidate>, Partial<SelectionRequest>, RefusalReason][] = [
    [{ disabled: true }, {}, 'disabled'],
    [{ state: 'quarantined' }, {}, 'quarantined'],
    [{ state: 'offline' }, {}, 'offline'],
    [{ state: 'unreachable' }, {}, 'unreachable'],
    [{ state: 'draining' }, {}, 'draining'],
    [{ holds: false }, {}, 'not-held'],
    [{}, { https: true }, 'scheme'],
    [{ trust: 'signed-only' }, {}, 'trust'],
    [{}, { tried: new Set([named('ada')]) }, 'tried'],
    [{ maxClients: 3, activeClients: 3 }, {}, 'full-clients'],
    [
      { uploadBytesPerSecond: 100, clientBytesPerSecond: 60, pendingBytesPerSecond: 40 },
      {},
      'full-rate',
    ],
    [{ uploadBytesPerSecond: 0 }, {}, 'full-rate'],
  ]
  for (const [one, asked, reason] of cases) {
    const selection = select([candidate(one)], request(asked), () => 0)
    t.equal(selection.chosen, null)
    t.equal(selection.by, 'none')
    t.strictSame(
      selection.refused.map(refused => refused.reason),
      [reason],
    )
  }
})

t.test('a syncing volunteer serves what it already holds', async t => {
  t.ok(select([candidate({ state: 'syncing' })], request(), () => 0).chosen)
})

t.test('less trusted volunteers serve what clients verify', async t => {
  const one = candidate({ trust: 'signed-only' })
  t.ok(select([one], request({ verifiedByClients: true }), () => 0).chosen)
})

t.test('an https client is sent to an https volunteer only', async t => {
  const both = [candidate(), candidate({ name: named('bob'), url: 'https://bob.example' })]
  for (let round = 0; round < 20; round++) {
    const chosen = select(both, request({ https: true }), seededRandom(round)).chosen
    t.equal(chosen?.candidate.name, 'bob')
  }
})

t.test('synchronisation weighs but does not shut a volunteer', async t => {
  const one = candidate({ uploadBytesPerSecond: 100, syncBytesPerSecond: 100 })
  t.equal(expectedLoad(one), 1)
  t.ok(select([one], request(), () => 0).chosen)
})

t.test('the client stays with its volunteer until that one is loaded', async t => {
  const ada = candidate({ uploadBytesPerSecond: 1000 })
  const bob = candidate({ name: named('bob'), uploadBytesPerSecond: 1000 })
  for (let round = 0; round < 20; round++) {
    const selection = select([ada, bob], request({ sticky: named('bob') }), seededRandom(round))
    t.equal(selection.chosen?.candidate.name, 'bob')
    t.equal(selection.by, 'sticky')
  }
  const busy = { ...bob, clientBytesPerSecond: 800 }
  t.equal(select([ada, busy], request({ sticky: named('bob') }), () => 0.4).by, 'load')
})

t.test('of two random choices the less loaded one wins', async t => {
  const crowd = Array.from({ length: 10 }, (_, index) =>
    candidate({
      name: named(`v${index}`),
      uploadBytesPerSecond: 1000,
      syncBytesPerSecond: index * 100,
    }),
  )
  const random = seededRandom(7)
  const counts = new Map<string, number>()
  for (let round = 0; round < 10_000; round++) {
    const name = select(crowd, request(), random).chosen?.candidate.name ?? 'none'
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  t.equal(counts.get('v9'), undefined, 'the most loaded is never the better of two')
  t.ok((counts.get('v0') ?? 0) > 1700 && (counts.get('v0') ?? 0) < 2300)
  t.ok((counts.get('v0') ?? 0) > (counts.get('v5') ?? 0))
})

t.test('the operator may weigh a volunteer down', async t => {
  const ada = candidate({ uploadBytesPerSecond: 1000, clientBytesPerSecond: 100 })
  t.equal(expectedLoad(ada), 0.1)
  t.equal(expectedLoad({ ...ada, weight: 0.5 }), 0.2)
  t.equal(expectedLoad({ ...ada, weight: 0 }), Number.POSITIVE_INFINITY)
})

t.test('equal loads are spread evenly', async t => {
  const crowd = ['a', 'b', 'c', 'd'].map(name => candidate({ name: named(name) }))
  const random = seededRandom(3)
  const counts = new Map<string, number>()
  for (let round = 0; round < 8000; round++) {
    const name = select(crowd, request(), random).chosen?.candidate.name ?? 'none'
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  for (const count of counts.values()) t.ok(count > 1800 && count < 2200, `${count}`)
})

t.test('those that could serve are listed least loaded first', async t => {
  const selection = select(
    [
      candidate({ name: named('b'), syncBytesPerSecond: 5 }),
      candidate({ name: named('a'), syncBytesPerSecond: 5 }),
      candidate({ name: named('c') }),
    ],
    request(),
    () => 0,
  )
  t.strictSame(
    selection.accepted.map(each => each.candidate.name),
    ['c', 'a', 'b'],
  )
})
