import fc from 'fast-check'
import t from 'tap'
import {
  areRuns,
  clipRuns,
  complementRuns,
  intersectRuns,
  mergeRuns,
  type Run,
  runsBytes,
  subtractRuns,
  wholeRun,
} from './runs.ts'

const size = 64
const anyRuns = fc.array(
  fc.record({ offset: fc.nat(size - 1), length: fc.nat(9) }).map(run => ({
    ...run,
    length: Math.min(run.length, size - run.offset),
  })),
  { maxLength: 12 },
)

/** The slow and obvious way: a flag for each byte. */
const flagsOf = (runs: readonly Run[]): boolean[] => {
  const flags = new Array<boolean>(size).fill(false)
  for (const { offset, length } of runs) flags.fill(true, offset, offset + length)
  return flags
}

t.test('runs are what a flag for each byte says', async () => {
  fc.assert(
    fc.property(anyRuns, anyRuns, fc.nat(size), fc.nat(size), (some, others, from, to) => {
      const first = mergeRuns(some)
      const second = mergeRuns(others)
      const a = flagsOf(some)
      const b = flagsOf(others)
      const same = (runs: readonly Run[], flags: readonly boolean[]): boolean =>
        areRuns(runs, size) && flagsOf(runs).every((flag, index) => flag === flags[index])
      return (
        same(first, a) &&
        runsBytes(first) === a.filter(Boolean).length &&
        same(
          complementRuns(first, size),
          a.map(flag => !flag),
        ) &&
        same(
          intersectRuns(first, second),
          a.map((flag, i) => flag && b[i] === true),
        ) &&
        same(
          subtractRuns(first, second),
          a.map((flag, i) => flag && b[i] === false),
        ) &&
        same(
          clipRuns(first, from, to),
          a.map((flag, i) => flag && from <= i && i < to),
        )
      )
    }),
    { numRuns: 2000 },
  )
})

t.test('what is not sorted, disjoint, apart and inside is refused', async t => {
  t.ok(areRuns([], 0))
  t.ok(areRuns(wholeRun(5), 5))
  t.same(wholeRun(0), [])
  for (const runs of [
    [{ offset: 0, length: 0 }],
    [{ offset: -1, length: 2 }],
    [{ offset: 0.5, length: 1 }],
    [{ offset: 0, length: Number.NaN }],
    [{ offset: 8, length: 3 }],
    [
      { offset: 0, length: 2 },
      { offset: 2, length: 1 },
    ],
    [
      { offset: 4, length: 2 },
      { offset: 0, length: 1 },
    ],
  ]) {
    t.notOk(areRuns(runs, 10), JSON.stringify(runs))
  }
})
