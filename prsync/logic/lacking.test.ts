import fc from 'fast-check'
import t from 'tap'
import { coalescedGapBytes } from '../../core/limits.ts'
import { blocksOf, lackingOf } from './lacking.ts'
import { areRuns, complementRuns, mergeRuns, runEnd, runsBytes, subtractRuns } from './runs.ts'

const anyRuns = fc
  .array(fc.record({ offset: fc.nat(5000), length: fc.nat(400) }), { maxLength: 40 })
  .map(mergeRuns)

t.test('what a piece lacks is fetched, and little else', async t => {
  fc.assert(
    fc.property(
      anyRuns,
      fc.nat(5000),
      fc.integer({ min: 1, max: 3000 }),
      (coverage, from, length) => {
        const lacking = lackingOf(coverage, from, length)
        if (!areRuns(lacking, length)) return false
        for (const gap of complementRuns(lacking, length)) {
          const inside = { offset: from + gap.offset, length: gap.length }
          if (subtractRuns([inside], coverage).length > 0) return false
          const isInner = gap.offset > 0 && runEnd(gap) < length
          if (isInner && gap.length < coalescedGapBytes) return false
        }
        return true
      },
    ),
  )
  t.strictSame(lackingOf([], 10, 5), [{ offset: 0, length: 5 }])
  t.strictSame(lackingOf([{ offset: 0, length: 100 }], 10, 5), [])
  t.strictSame(
    lackingOf([{ offset: 100, length: coalescedGapBytes - 1 }], 0, 1000),
    [{ offset: 0, length: 1000 }],
    'a gap that is not worth a request',
  )
})

t.test('blocks are the same bytes in the same order, none too long', async t => {
  fc.assert(
    fc.property(anyRuns, fc.integer({ min: 1, max: 300 }), (runs, most) => {
      const blocks = blocksOf(runs, most)
      if (blocks.some(({ length }) => length > most || length < 1)) return false
      return JSON.stringify(mergeRuns(blocks)) === JSON.stringify(runs)
    }),
  )
  t.equal(runsBytes(blocksOf([{ offset: 3, length: 40_000 }], 16_384)), 40_000)
})
