import t from 'tap'
import type { VolunteerName } from '../../core/ids.ts'
import { mirrorOrder } from './mirror-order.ts'
import type { SelectionCandidate } from './select.ts'

const candidate = (name: string, change: Partial<SelectionCandidate> = {}) => ({
  name: name as VolunteerName,
  https: false,
  state: 'synced' as const,
  disabled: false,
  reach: 'any' as const,
  weight: 1,
  capacityBytesPerSecond: 1e6,
  ...change,
})

const asker = { key: '192.0.2.1', https: false, family: 4 as const }
const tiers = (...tierOf: number[]) => ({ tierOf: Uint16Array.from(tierOf) })

t.test('nearer ones come first, and the list is bounded', async t => {
  const all = ['a', 'b', 'c', 'd'].map(name => candidate(name))
  t.strictSame(mirrorOrder(all, tiers(3, 0, 2, 1), asker, 9), ['b', 'd', 'c', 'a'])
  t.strictSame(mirrorOrder(all, tiers(3, 0, 2, 1), asker, 2), ['b', 'd'])
  t.strictSame(mirrorOrder([], tiers(), asker, 2), [])
})

t.test('who could not serve this client is left out', async t => {
  const all = [
    candidate('disabled', { disabled: true }),
    candidate('offline', { state: 'offline' }),
    candidate('draining', { state: 'draining' }),
    candidate('unweighted', { weight: 0 }),
    candidate('six', { reach: 'v6' }),
    candidate('plain'),
    candidate('secure', { https: true, state: 'syncing' }),
  ]
  const ranking = tiers(0, 0, 0, 0, 0, 0, 0)
  t.strictSame(mirrorOrder(all, ranking, { ...asker, https: true }, 9), ['secure'])
  t.strictSame(mirrorOrder(all, ranking, asker, 9).sort(), ['plain', 'secure'])
  t.ok(mirrorOrder(all, ranking, { ...asker, family: 6 }, 9).includes('six' as VolunteerName))
})

t.test('clients spread by capacity, each with an order that stays', async t => {
  const all = [candidate('small'), candidate('large', { capacityBytesPerSecond: 3e6 })]
  let large = 0
  for (let client = 0; client < 2000; client++) {
    const one = { ...asker, key: `client ${client}` }
    const order = mirrorOrder(all, tiers(0, 0), one, 9)
    t.strictSame(mirrorOrder(all.toReversed(), tiers(0, 0), one, 9), order)
    if (order[0] === 'large') large += 1
  }
  t.ok(large > 1400 && large < 1600, `${large} of 2000 begin with the large one`)
})
