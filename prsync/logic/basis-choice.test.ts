import fc from 'fast-check'
import t from 'tap'
import { basesByAnchors } from '../../core/basis-limits.ts'
import { positionSteps } from './anchor-sketch.ts'
import { type AnchorHits, chooseBases, runsOfHits, scanBudget } from './basis-choice.ts'
import { areRuns, runsBytes } from './runs.ts'

const MiB = 1024 * 1024

const hits = (sizeBytes: number, sampled: number, anchors: number[], at = 0): AnchorHits => ({
  sizeBytes,
  sampled,
  anchors,
  positions: anchors.map(() => Math.floor(at * positionSteps)),
})

t.test('what probably has most in common comes first, copies of it are left out', t => {
  const whole = hits(
    10 * MiB,
    20,
    Array.from({ length: 20 }, (_, index) => index),
  )
  const part = hits(10 * MiB, 20, [50, 51])
  const copy = hits(9 * MiB, 18, [3, 4, 5])
  t.same(
    chooseBases([part, copy, whole], 20 * MiB, 100).map(choice => choice.hits),
    [whole, part],
  )
  t.end()
})

t.test('a basis much larger than the target is read only around the hits', t => {
  const image = hits(5000 * MiB, 10_000, [50], 0.5)
  const [choice] = chooseBases([image], 2 * MiB, 100)
  const runs = choice?.runs ?? []
  t.equal(runs.length, 1)
  const [run = { offset: 0, length: 0 }] = runs
  t.ok(run.offset < 2499 * MiB && run.offset + run.length > 2501 * MiB)
  t.ok(runsBytes(runs) < 6 * MiB)
  t.equal(chooseBases([hits(8 * MiB, 18, [1])], 2 * MiB, 100)[0]?.runs, null)
  t.end()
})

t.test('an image takes thousands of packages, but no more than may be scanned', t => {
  const packages = Array.from({ length: 6000 }, (_, index) =>
    hits(100_000, 2, [2 * index, 2 * index + 1]),
  )
  t.equal(chooseBases(packages, 600e6, 12_000).length, basesByAnchors)
  const large = packages.map(each => ({ ...each, sizeBytes: 20 * MiB }))
  const chosen = chooseBases(large, 10 * MiB, 12_000)
  t.ok(chosen.length > 0 && chosen.length * 20 * MiB <= scanBudget(10 * MiB))
  t.end()
})

t.test('runs lie within the basis, whatever the positions say', t => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2 ** 33 }),
      fc.integer({ min: 1, max: 2 ** 31 }),
      fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 1, maxLength: 20 }),
      fc.double({ min: 0, max: 0.999999, noNaN: true }),
      (sizeBytes, targetBytes, anchors, at) =>
        areRuns(runsOfHits(hits(sizeBytes, 10, anchors, at), targetBytes, 1000), sizeBytes),
    ),
  )
  t.end()
})
