import fc from 'fast-check'
import t from 'tap'
import type { ChunkMatches } from './delta-plan.ts'
import {
  formPrice,
  missingOf,
  nextStep,
  type RefineState,
  type RefineStep,
  startRefine,
  tookStep,
  usualPrice,
} from './refine.ts'
import { areRuns, runEnd, runsBytes } from './runs.ts'

const MiB = 1024 * 1024

/** Which bytes of the target a basis has, as [from, to), at the same places. */
type Same = readonly (readonly [number, number])[]

const answerTo = (step: RefineStep, same: Same): ChunkMatches => {
  const chunks: number[] = []
  for (const run of step.runs) {
    for (let chunk = run.offset; chunk < runEnd(run); chunk += 1) {
      const from = chunk * step.chunkBytes
      if (same.some(([a, b]) => a <= from && from + step.chunkBytes <= b)) chunks.push(chunk)
    }
  }
  return {
    chunks: Uint32Array.from(chunks),
    bases: new Uint32Array(chunks.length),
    offsets: Float64Array.from(chunks, chunk => chunk * step.chunkBytes),
  }
}

interface Outcome {
  readonly state: RefineState
  readonly steps: readonly RefineStep[]
  readonly hashBytes: number
}

const refine = (sizeBytes: number, same: Same, price = usualPrice): Outcome => {
  let state = startRefine(sizeBytes, price)
  const steps: RefineStep[] = []
  for (;;) {
    const next = nextStep(state)
    if (next.step === null) break
    steps.push(next.step)
    state = tookStep(next.state, next.step, answerTo(next.step, same))
  }
  const hashBytes = steps.reduce((sum, { runs, hashBytes }) => sum + runsBytes(runs) * hashBytes, 0)
  return { state, steps, hashBytes }
}

t.test(
  'a form with nothing in common is given up early, as it is larger than its file',
  async t => {
    for (const size of [2 * MiB, 20 * MiB, 300 * MiB]) {
      const { hashBytes } = refine(size, [[size - MiB, size - MiB + 9000]], formPrice)
      t.ok(hashBytes < size / 800, `${hashBytes} bytes for ${size}`)
    }
    const { state } = refine(20 * MiB, [[0, 19 * MiB]], formPrice)
    t.ok(runsBytes(missingOf(state)) <= MiB)
  },
)

t.test('hashes of a content with nothing in common stay below half a percent', async t => {
  for (const size of [2 * MiB, 20 * MiB, 300 * MiB]) {
    const { steps, hashBytes } = refine(size, [])
    t.ok(hashBytes < size / 250, `${hashBytes} bytes for ${size}`)
    t.ok(steps.length <= 4)
    t.notOk(steps.some(({ kind }) => kind === 'near'))
  }
})

t.test('an edit in the middle leaves hardly more than itself missing', async t => {
  const size = 20 * MiB
  const at = 7_654_321
  const { state, hashBytes } = refine(size, [
    [0, at],
    [at + 100, size],
  ])
  t.ok(runsBytes(missingOf(state)) <= 100 + 2 * 64)
  t.ok(hashBytes < (size / 65_536) * 8 + 1000, `${hashBytes} bytes`)
})

t.test('only a part in common is refined at its ends', async t => {
  const size = 64 * MiB
  const { state, hashBytes } = refine(size, [[10_000_000, 20_000_000]])
  t.ok(runsBytes(missingOf(state)) <= size - 10_000_000 + 200)
  t.ok(hashBytes < size / 500, `${hashBytes} bytes`)
})

t.test('small contents begin with small chunks', async t => {
  t.equal(refine(20_000, []).steps[0]?.chunkBytes, 1024)
  t.equal(refine(100_000, []).steps[0]?.chunkBytes, 8192)
  t.equal(refine(1_000_000, []).steps[0]?.chunkBytes, 65_536)
  t.same(refine(0, []).steps, [])
  t.same(refine(1000, []).steps, [])
})

t.test('whatever is in common: it ends, asks inside the content, and nothing twice', async () => {
  const anySame = fc.array(
    fc
      .tuple(fc.nat(3_000_000), fc.nat(400_000))
      .map(([from, length]) => [from, from + length] as const),
    { maxLength: 12 },
  )
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3_000_000 }), anySame, (size, parts) => {
      const same = parts.map(([from, to]) => [from, Math.min(to, size)] as const)
      const { state, steps } = refine(size, same)
      const asked = new Map<number, Set<number>>()
      for (const { chunkBytes, runs } of steps) {
        if (!areRuns(runs, Math.floor(size / chunkBytes))) return false
        const before = asked.get(chunkBytes) ?? new Set()
        asked.set(chunkBytes, before)
        for (const run of runs) {
          for (let chunk = run.offset; chunk < runEnd(run); chunk += 1) {
            if (before.has(chunk)) return false
            before.add(chunk)
          }
        }
      }
      return (
        steps.length <= 10 &&
        state.spans.every(({ offset, length }) => {
          return Array.from({ length: length / 64 }, (_, i) => offset + i * 64).every(at =>
            same.some(([from, to]) => from <= at && at + 64 <= to),
          )
        })
      )
    }),
    { numRuns: 60 },
  )
})
