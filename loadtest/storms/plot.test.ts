import fc from 'fast-check'
import t from 'tap'
import { plotFigure, rates, roundStep, stacked } from './plot.ts'

const plain = { title: 'x', unit: 'y', marks: [], seconds: 10, format: String }

t.test('steps of an axis are round and few', async t => {
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 1e15, noNaN: true }), most => {
      const steps = most / roundStep(most, 4)
      return steps <= 4.000_001 && steps >= 1
    }),
  )
  t.equal(roundStep(0, 4), 1)
  t.equal(roundStep(Number.NaN, 4), 1)
})

t.test('areas lie on one another', async t => {
  const both = stacked([
    { name: 'a', points: [[1, 2]] },
    { name: 'b', points: [[1, 3]] },
  ])
  t.same(
    both.map(each => each.points),
    [[[1, 2]], [[1, 5]]],
  )
})

t.test('rates are differences by time, and never below nothing', async t => {
  const sums = [
    [0, 0],
    [2, 10],
    [2, 12],
    [3, 4],
  ] as const
  t.same(rates(sums), [
    [2, 5],
    [3, 0],
  ])
  t.same(rates([]), [])
})

t.test('names cannot break out of the page', async t => {
  const series = [{ name: '<script>"&', points: [[0, 1]] as const }]
  for (const kind of ['lines', 'stacked'] as const) {
    const marks = [{ seconds: 0, text: "</svg>'" }]
    const figure = plotFigure({ ...plain, title: '<b>', series, marks, kind })
    t.notMatch(figure, '<script>')
    t.notMatch(figure, '<b>')
    t.equal(figure.split('</svg>').length, 2)
  }
})

t.test('nothing to draw is an empty plot, not a broken one', async t => {
  for (const kind of ['lines', 'stacked'] as const) {
    const figure = plotFigure({ ...plain, series: [{ name: 'a', points: [] }], kind })
    t.notMatch(figure, /NaN|Infinity|undefined/)
  }
})
