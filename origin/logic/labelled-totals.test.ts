import fc from 'fast-check'
import t from 'tap'
import type { VolunteerName } from '../../core/ids.ts'
import { LabelledTotals } from './labelled-totals.ts'

const others = '_other'

t.test('what is shown only grows and adds up, whoever gets or loses a name', async t => {
  const step = fc.record({
    grown: fc.array(fc.nat(9), { minLength: 5, maxLength: 5 }),
    named: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), steps => {
      const totals = new LabelledTotals()
      const sums = [0, 0, 0, 0, 0]
      let before = new Map<string, number>()
      let othersBefore = 0
      for (const { grown, named } of steps) {
        const all = sums.map((sum, index) => {
          sums[index] = sum + (grown[index] ?? 0)
          return { name: `v${index}` as VolunteerName, values: [sums[index] as number] }
        })
        const labelOf = (name: VolunteerName) => (named[Number(name.slice(1))] ? name : others)
        const shown = new Map(
          [...totals.update(all, labelOf, others)].map(([label, [sum = 0]]) => [label, sum]),
        )
        for (const [label, sum] of shown) if (sum < (before.get(label) ?? 0)) return false
        if ((shown.get(others) ?? 0) < othersBefore) return false
        const grownNow = grown.reduce((one, other) => one + other, 0)
        let added = 0
        for (const [label, sum] of shown) added += sum - (before.get(label) ?? 0)
        if (added !== grownNow) return false
        if (shown.size > 6) return false
        othersBefore = shown.get(others) ?? 0
        before = shown
      }
      return true
    }),
  )
  t.pass()
})

t.test('one that begins anew, and one that is gone', async t => {
  const totals = new LabelledTotals()
  const name = 'v' as VolunteerName
  const update = (values: number[] | null) =>
    totals.update(values === null ? [] : [{ name, values }], one => one, others).get(name)
  t.same(update([5, 1]), [5, 1])
  t.same(update([7, 0]), [7, 1])
  t.same(update([2, 3]), [9, 4], 'after a restart all of it is new')
  t.equal(update(null), undefined)
  t.same(update([1, 1]), [1, 1])
})
