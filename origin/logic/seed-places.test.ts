import fc from 'fast-check'
import t from 'tap'
import { seedWindowBytes, seedWindowMs } from '../../core/stock-limits.ts'
import { stepSeedPace } from './seed-pace.ts'
import { type Place, SeedPlaces } from './seed-places.ts'

t.test('places are never more than there are, in sum and for each', t => {
  const limits = { inSum: 8, each: 3 }
  const event = fc.record({ block: fc.nat(4), kind: fc.constantFrom('enter', 'leave', 'greet') })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 200 }), events => {
      const places = new SeedPlaces<Place>(limits)
      let inside: Place[] = []
      for (const { block, kind } of events) {
        const first = inside.find(place => place.block === String(block))
        if (kind === 'greet' && first !== undefined) first.greeted = true
        else if (kind === 'leave' && first !== undefined) {
          places.leave(first)
          places.leave(first)
          inside = inside.filter(place => place !== first)
        } else if (kind === 'enter') {
          const place = { block: String(block), greeted: false }
          const { admitted, evicted } = places.enter(place)
          if (evicted?.greeted) return false
          inside = inside.filter(each => each !== evicted)
          if (admitted) inside.push(place)
        }
        const counts = Map.groupBy(inside, place => place.block)
        const most = Math.max(0, ...[...counts.values()].map(each => each.length))
        if (places.taken !== inside.length || inside.length > limits.inSum) return false
        if (most > limits.each) return false
      }
      return true
    }),
  )
  t.end()
})

t.test('who has greeted is not put out for somebody new', t => {
  const places = new SeedPlaces<Place>({ inSum: 2, each: 2 })
  const [first, second, third] = ['a', 'b', 'c'].map(block => ({ block, greeted: false }))
  if (!first || !second || !third) throw new Error('unreachable')
  places.enter(first)
  places.enter(second)
  first.greeted = true
  t.same(places.enter(third), { admitted: true, evicted: second })
  third.greeted = true
  t.same(places.enter(second), { admitted: false, evicted: null })
  t.end()
})

t.test('a client must take something in each stretch, unless the origin holds it back', t => {
  const start = { sinceMs: 0, sentBytes: 0 }
  const look = (nowMs: number, sentBytes: number, isHeldBack = false) =>
    stepSeedPace(start, { nowMs, sentBytes, isHeldBack })
  t.same(look(seedWindowMs - 1, 0), start)
  t.equal(look(seedWindowMs, seedWindowBytes - 1), null)
  const next = { sinceMs: seedWindowMs, sentBytes: seedWindowBytes }
  t.same(look(seedWindowMs, seedWindowBytes), next)
  t.same(look(seedWindowMs, 0, true), { sinceMs: seedWindowMs, sentBytes: 0 })
  t.end()
})
