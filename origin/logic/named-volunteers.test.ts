import fc from 'fast-check'
import t from 'tap'
import type { VolunteerName } from '../../core/ids.ts'
import { type Business, nameVolunteers } from './named-volunteers.ts'

const business = fc.uniqueArray(
  fc.record({
    name: fc.integer({ min: 0, max: 60 }).map(n => `v-${n}` as VolunteerName),
    weight: fc.nat(100),
  }),
  { selector: ({ name }) => name },
)
const names = (all: readonly Business[]): string[] => all.map(({ name }) => name)

t.test('never more names than the bound, and everybody while there is room', async t => {
  fc.assert(
    fc.property(business, business, fc.integer({ min: 0, max: 30 }), (all, former, most) => {
      const before = new Set(former.map(({ name }) => name))
      const named = nameVolunteers(all, before, most)
      if (named.size !== Math.min(most, all.length)) return false
      return [...named].every(name => names(all).includes(name))
    }),
  )
  t.pass('held')
})

t.test('whoever is left out is no busier than those shown, and names stay', async t => {
  fc.assert(
    fc.property(business, fc.integer({ min: 1, max: 30 }), (all, most) => {
      const named = nameVolunteers(all, new Set(), most)
      const least = Math.min(
        ...all.filter(({ name }) => named.has(name)).map(({ weight }) => weight),
      )
      if (all.some(({ name, weight }) => !named.has(name) && weight > least)) return false
      const again = nameVolunteers(all, named, most)
      return [...again].every(name => named.has(name))
    }),
  )
  t.pass('held')
})
