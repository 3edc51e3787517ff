import fc from 'fast-check'
import t from 'tap'
import { seededRandom } from '../../core/clock.ts'
import type { VolunteerName } from '../../core/ids.ts'
import { emptyAccount, noteRedirect } from './account.ts'
import { byExpectedLoad, choose, type Field, fewOthers } from './choose.ts'
import type { Ranking, Tier } from './closeness.ts'
import { nearestRefusal } from './nearest-refusal.ts'
import {
  type Accepted,
  expectedLoad,
  isAtEase,
  judgeAll,
  type Moment,
  type RefusalReason,
  refusal,
  type SelectionCandidate,
  type SelectionRequest,
} from './select.ts'

const named = (name: string): VolunteerName => name as VolunteerName

const candidate = (change: Partial<SelectionCandidate> = {}): SelectionCandidate => ({
  name: named('ada'),
  url: 'http://ada.example',
  https: false,
  state: 'synced',
  disabled: false,
  trust: 'full',
  reach: 'any',
  clientBytesPerSecond: 0,
  syncBytesPerSecond: 0,
  uploadBytesPerSecond: null,
  capacityBytesPerSecond: 1000,
  capacitySource: 'assumed',
  weight: 1,
  activeClients: 0,
  maxClients: null,
  account: emptyAccount,
  has: () => true,
  ...change,
})

const request = (change: Partial<SelectionRequest> = {}): SelectionRequest => ({
  content: 7,
  https: false,
  family: 4,
  tried: [],
  sticky: -1,
  signed: false,
  ...change,
})

const moment: Moment = {
  nowMs: 1000,
  maxShare: 1,
  total: emptyAccount,
}

/** Tiers by the number that `tierOf` gives to each index. */
const rankingOf = (count: number, tierOf: (index: number) => number = () => 0): Ranking => {
  const kinds = ['rule', 'network', 'site', 'as', 'country', 'rest'] as const
  const levels = Array.from({ length: count }, (_, index) => tierOf(index))
  const used = [...new Set(levels)].toSorted((a, b) => a - b)
  const tiers: Tier[] = used.map(level => ({
    kind: kinds[level] ?? 'rest',
    prefixBits: null,
    members: levels.flatMap((each, index) => (each === level ? [index] : [])),
  }))
  return { family: 4, tiers, tierOf: Uint16Array.from(levels, level => used.indexOf(level)) }
}

const fieldOf = (
  candidates: readonly SelectionCandidate[],
  change: Partial<Field> = {},
): Field => ({
  candidates,
  ranking: rankingOf(candidates.length),
  request: request(),
  moment,
  policy: byExpectedLoad,
  random: seededRandom(1),
  ...change,
})

const crowdOf = (
  count: number,
  make: (index: number) => Partial<SelectionCandidate> = () => ({}),
) =>
  Array.from({ length: count }, (_, index) =>
    candidate({ name: named(`v${index}`), ...make(index) }),
  )

/** How often each is chosen. */
const tally = (field: Field, rounds: number): number[] => {
  const counts = field.candidates.map(() => 0)
  for (let round = 0; round < rounds; round++) {
    const { index } = choose(field)
    if (index >= 0) counts[index] = (counts[index] ?? 0) + 1
  }
  return counts
}

/**
 * Those among whom the choice falls: all of the nearest tier that are at ease; when nobody is, all
 * that could serve, since then load matters more than distance.
 */
const contenders = (accepted: readonly Accepted[]): readonly Accepted[] => {
  const first = accepted.find(({ load }) => isAtEase(load))
  if (first === undefined) return accepted
  return accepted.filter(({ tier, load }) => tier === first.tier && isAtEase(load))
}

t.test('each refusal has its own reason', async t => {
  const busy = noteRedirect(emptyAccount, 3_000_000, 0, 1000)
  const cases: [Partial<SelectionCandidate>, Partial<SelectionRequest>, RefusalReason][] = [
    [{ disabled: true }, {}, 'disabled'],
    [{ state: 'quarantined' }, {}, 'quarantined'],
    [{ state: 'offline' }, {}, 'offline'],
    [{ state: 'unreachable' }, {}, 'unreachable'],
    [{ state: 'draining' }, {}, 'draining'],
    [{ has: number => number !== 7 }, {}, 'not-held'],
    [{ has: number => number !== 7, mirror: { allowOpen: true } }, {}, 'not-proved'],
    [{}, { https: true }, 'scheme'],
    [{ reach: 'v6' }, {}, 'family'],
    [{ trust: 'signed-only' }, {}, 'trust'],
    [{}, { tried: [named('ada')] }, 'tried'],
    [{ maxClients: 3, activeClients: 3 }, {}, 'full-clients'],
    [{ uploadBytesPerSecond: 100, clientBytesPerSecond: 100 }, {}, 'full-rate'],
    [{ uploadBytesPerSecond: 100_000, account: busy }, {}, 'full-rate'],
    [{ uploadBytesPerSecond: 0 }, {}, 'full-rate'],
  ]
  for (const [one, asked, reason] of cases) {
    const field = fieldOf([candidate(one)], { request: request(asked) })
    t.equal(choose(field).by, 'none')
    const { accepted, refused } = judgeAll(field.candidates, field.ranking, field.request, moment)
    t.strictSame([accepted.length, refused[0]?.reason], [0, reason])
  }
})

t.test('a syncing volunteer serves what it already holds', async t => {
  const field = fieldOf([candidate({ state: 'syncing', syncBytesPerSecond: 500 })])
  t.equal(choose(field).index, 0)
})

t.test('what is known too little of refuses nobody', async t => {
  const cases: [Partial<SelectionCandidate>, Partial<SelectionRequest>][] = [
    [{ state: 'syncing' }, {}],
    [{ trust: 'signed-only' }, { signed: true }],
    [{ https: true }, { https: true }],
    [{ reach: 'v6' }, { family: 6 }],
    [{ reach: 'v6' }, { family: null }],
    [{ reach: 'v4' }, { family: 6 }],
    [{ uploadBytesPerSecond: 100, syncBytesPerSecond: 100 }, {}],
  ]
  for (const [one, asked] of cases) {
    t.equal(refusal(candidate(one), request(asked), moment), null)
  }
})

t.test('nobody gets more than its share, once there is something to share', async t => {
  let own = emptyAccount
  let total = emptyAccount
  const limited = () => ({ ...moment, maxShare: 0.5, total })
  for (let count = 0; count < 40; count++) {
    const bytes = 1000
    if (count % 4 !== 0) own = noteRedirect(own, bytes, 1e9, 1000)
    total = noteRedirect(total, bytes, 1e9, 1000)
    const reason = refusal(candidate({ account: own }), request(), limited())
    t.equal(reason, count < 19 ? null : 'share', `${count}`)
  }
  t.equal(refusal(candidate({ account: own }), request(), { ...limited(), maxShare: 0.8 }), null)
  t.equal(refusal(candidate({ account: own }), request(), { ...limited(), nowMs: 600_000 }), null)
})

t.test('the client stays with its volunteer until that one is loaded', async t => {
  const crowd = crowdOf(8)
  for (let round = 0; round < 20; round++) {
    const field = fieldOf(crowd, { request: request({ sticky: 3 }), random: seededRandom(round) })
    t.match(choose(field), { index: 3, by: 'sticky' })
  }
  const busy = crowdOf(8, index => (index === 3 ? { clientBytesPerSecond: 800 } : {}))
  t.equal(choose(fieldOf(busy, { request: request({ sticky: 3 }) })).by, 'load')
  const far = rankingOf(8, index => (index === 3 ? 5 : 1))
  t.not(choose(fieldOf(crowd, { ranking: far, request: request({ sticky: 3 }) })).index, 3)
})

t.test('of two random choices the less loaded one wins', async t => {
  const crowd = crowdOf(10, index => ({ syncBytesPerSecond: index * 50 }))
  const counts = tally(fieldOf(crowd), 10_000)
  t.equal(counts[9], 0, 'the most loaded is never the better of two')
  t.ok((counts[0] ?? 0) > 1700 && (counts[0] ?? 0) < 2300, String(counts))
  t.ok((counts[0] ?? 0) > (counts[5] ?? 0))
})

t.test('the operator may weigh a volunteer down', async t => {
  const ada = candidate({ clientBytesPerSecond: 100 })
  t.equal(expectedLoad(ada, 0), 0.1)
  t.equal(expectedLoad({ ...ada, weight: 0.5 }, 0), 0.2)
  t.equal(expectedLoad({ ...ada, weight: 0 }, 0), Number.POSITIVE_INFINITY)
  t.equal(choose(fieldOf([{ ...ada, weight: 0 }])).index, 0, 'better than nobody')
})

t.test('those that will do are equally likely, however few they are', async t => {
  for (const [count, willing] of [
    [4, 4],
    [40, 40],
    [40, 10],
    [300, 4],
    [300, 2],
  ] as const) {
    const step = count / willing
    const crowd = crowdOf(count, index => ({ has: () => index % step === 0 }))
    const rounds = 2000 * willing
    const counts = tally(fieldOf(crowd, { random: seededRandom(count + willing) }), rounds)
    for (const [index, chosen] of counts.entries()) {
      if (index % step !== 0) t.equal(chosen, 0)
      else t.ok(chosen > 1750 && chosen < 2250, `${chosen} of ${rounds} in ${willing}/${count}`)
    }
  }
})

const someCandidate = fc
  .record({
    state: fc.constantFrom('synced', 'syncing', 'draining', 'offline'),
    holds: fc.boolean(),
    https: fc.boolean(),
    trust: fc.constantFrom('full', 'signed-only'),
    reach: fc.constantFrom('any', 'v4', 'v6'),
    clientBytesPerSecond: fc.integer({ min: 0, max: 2000 }),
    syncBytesPerSecond: fc.integer({ min: 0, max: 500 }),
    uploadBytesPerSecond: fc.option(fc.integer({ min: 0, max: 3000 })),
    tier: fc.integer({ min: 0, max: 5 }),
  })
  .map(({ holds, tier, ...rest }) => ({
    tier,
    one: (name: string) =>
      candidate({ ...(rest as Partial<SelectionCandidate>), name: named(name), has: () => holds }),
  }))

t.test('the quick choice is one that the full account allows, in the nearest tier', async () => {
  fc.assert(
    fc.property(
      fc.array(someCandidate, { maxLength: 60 }),
      fc.record({
        https: fc.boolean(),
        signed: fc.boolean(),
        family: fc.constantFrom(4 as const, 6 as const, null),
        sticky: fc.integer({ min: -1, max: 59 }),
      }),
      fc.integer(),
      (some, asked, seed) => {
        const candidates = some.map(({ one }, index) => one(`v${index}`))
        const sticky = asked.sticky < some.length ? asked.sticky : -1
        const field = fieldOf(candidates, {
          ranking: rankingOf(some.length, index => some[index]?.tier ?? 0),
          request: request({ ...asked, sticky }),
          random: seededRandom(seed),
        })
        const { accepted } = judgeAll(candidates, field.ranking, field.request, moment)
        const allowed = contenders(accepted).map(each => each.candidate.name)
        const choice = choose(field)
        if (allowed.length === 0) return choice.index === -1 && choice.by === 'none'
        const chosen = candidates[choice.index]
        const others = fewOthers(field, choice, 3).map(index => candidates[index]?.name)
        const could = new Set(accepted.map(each => each.candidate.name))
        return (
          chosen !== undefined &&
          allowed.includes(chosen.name) &&
          choice.load === expectedLoad(chosen, moment.nowMs) &&
          !others.includes(chosen.name) &&
          others.every(name => name !== undefined && could.has(name)) &&
          new Set(others).size === others.length
        )
      },
    ),
    { numRuns: 500 },
  )
})

t.test('those that could serve are listed nearest first, then least loaded', async t => {
  const crowd = [
    candidate({ name: named('b'), syncBytesPerSecond: 5 }),
    candidate({ name: named('a'), syncBytesPerSecond: 5 }),
    candidate({ name: named('c') }),
    candidate({ name: named('d'), syncBytesPerSecond: 900 }),
  ]
  const ranking = rankingOf(4, index => (index === 3 ? 1 : 5))
  const { accepted } = judgeAll(crowd, ranking, request(), moment)
  t.strictSame(
    accepted.map(each => each.candidate.name),
    ['d', 'c', 'a', 'b'],
  )
  t.strictSame(
    contenders(accepted).map(each => each.candidate.name),
    ['c', 'a', 'b'],
    'a loaded one is passed over for those farther away',
  )
})

t.test('who came nearest to serving a request says why nobody did', async t => {
  const off = candidate({ state: 'offline' })
  const empty = candidate({ has: () => false })
  const full = candidate({ maxClients: 1, activeClients: 1 })
  const why = (...all: SelectionCandidate[]) => nearestRefusal(all, request(), moment)
  t.equal(why(), 'no-volunteers')
  t.equal(why(off), 'offline')
  t.equal(why(off, empty), 'not-held')
  t.equal(why(full, off, empty), 'full-clients')
  t.equal(why(candidate()), 'link', 'one would have done')
})
