import t from 'tap'
import { decideServing, originNowMs, type ServingFacts } from './serving.ts'

const facts: ServingFacts = {
  ownNetwork: false,
  link: 'genuine',
  held: true,
  withinHours: true,
  draining: false,
  activeClients: 0,
  maxClients: null,
}

t.test('a genuine link to a held content is served within the limits', async t => {
  t.strictSame(decideServing(facts), { kind: 'serve', limited: true })
})

t.test(
  'forged and missing signatures are refused before anything is said about contents',
  async t => {
    for (const link of ['forged', 'unsigned'] as const) {
      for (const held of [true, false]) {
        t.strictSame(decideServing({ ...facts, link, held, draining: true }), {
          kind: 'refuse',
          reason: link,
        })
      }
    }
  },
)

t.test('a genuine link that cannot be honoured goes back to the origin', async t => {
  const cases: [Partial<ServingFacts>, string][] = [
    [{ link: 'expired' }, 'expired'],
    [{ held: false }, 'not held'],
    [{ withinHours: false }, 'outside hours'],
    [{ draining: true }, 'draining'],
    [{ activeClients: 3, maxClients: 3 }, 'full'],
    [{ maxClients: 0 }, 'full'],
  ]
  for (const [change, reason] of cases) {
    t.strictSame(decideServing({ ...facts, ...change }), { kind: 'bounce', reason })
  }
  t.equal(decideServing({ ...facts, activeClients: 2, maxClients: 3 }).kind, 'serve')
})

t.test('the own network needs no link and knows no hours and limits', async t => {
  const own: ServingFacts = {
    ...facts,
    ownNetwork: true,
    link: 'unsigned',
    withinHours: false,
    draining: true,
    activeClients: 9,
    maxClients: 1,
  }
  t.strictSame(decideServing(own), { kind: 'serve', limited: false })
  t.strictSame(decideServing({ ...own, held: false }), { kind: 'bounce', reason: 'not held' })
})

t.test('the origin’s clock goes on monotonically, whatever the own clock does', async t => {
  const clock = { originMs: 1_000_000, learnedAtMs: 500 }
  t.equal(originNowMs(clock, 800, 42), 1_000_300)
  t.equal(originNowMs(null, 800, 42), 42)
})
