import fc from 'fast-check'
import t from 'tap'
import { zerosBasis } from '../../core/kernel/chunk-scanner.ts'
import {
  addMatches,
  type ChunkMatches,
  copiesOf,
  coveredRuns,
  probesFor,
  type Span,
  withoutBases,
} from './delta-plan.ts'
import { areRuns, runsBytes } from './runs.ts'

const matchesOf = (list: readonly (readonly [number, number, number])[]): ChunkMatches => ({
  chunks: Uint32Array.from(list, ([chunk]) => chunk),
  bases: Uint32Array.from(list, ([, basis]) => basis),
  offsets: Float64Array.from(list, ([, , offset]) => offset),
})

t.test('chunks that continue each other become one span', async t => {
  const first = addMatches(
    [],
    matchesOf([
      [0, 0, 100],
      [1, 0, 110],
      [3, 0, 130],
    ]),
    10,
    45,
  )
  t.same(first, [
    { offset: 0, length: 20, basis: 0, basisOffset: 100 },
    { offset: 30, length: 10, basis: 0, basisOffset: 130 },
  ])
  t.same(addMatches(first, matchesOf([[2, 0, 120]]), 10, 45), [
    { offset: 0, length: 40, basis: 0, basisOffset: 100 },
  ])
  t.equal(addMatches(first, matchesOf([[2, 1, 120]]), 10, 45).length, 3, 'another basis')
  t.equal(addMatches(first, matchesOf([[2, 0, 121]]), 10, 45).length, 3, 'another place')
  t.same(
    addMatches(
      [],
      matchesOf([
        [1, zerosBasis, 0],
        [2, zerosBasis, 0],
      ]),
      10,
      45,
    ),
    [{ offset: 10, length: 20, basis: zerosBasis, basisOffset: 0 }],
  )
})

t.test('matches that overlap or lie outside are left out', async t => {
  const span: Span = { offset: 10, length: 20, basis: 0, basisOffset: 0 }
  t.same(
    addMatches(
      [span],
      matchesOf([
        [1, 1, 5],
        [0, 1, 5],
        [9, 1, 5],
      ]),
      10,
      40,
    ),
    [{ offset: 0, length: 10, basis: 1, basisOffset: 5 }, span],
  )
  t.same(addMatches([span], matchesOf([[0, 1, 0]]), 16, 40), [span])
})

t.test('spans of any matches are runs of the content, however often they are added', async () => {
  const anyMatches = fc.array(fc.tuple(fc.nat(40), fc.nat(2), fc.nat(500)), { maxLength: 30 })
  fc.assert(
    fc.property(anyMatches, anyMatches, (some, others) => {
      const sorted = (list: typeof some): typeof some => [...list].sort(([a], [b]) => a - b)
      const once = addMatches([], matchesOf(sorted(some)), 16, 512)
      const twice = addMatches(once, matchesOf(sorted(others)), 8, 512)
      const covered = coveredRuns(twice)
      const bytes = twice.reduce((sum, { length }) => sum + length, 0)
      return areRuns(covered, 512) && bytes === runsBytes(covered)
    }),
  )
})

t.test('copies have the bytes of every span and leave other spans alone', async () => {
  const anySpans = fc
    .array(fc.tuple(fc.nat(20), fc.integer({ min: 1, max: 90 }), fc.nat(2), fc.nat(1)), {
      maxLength: 20,
    })
    .map(parts => {
      let end = 0
      return parts.map(([gap, length, basis, shift]): Span => {
        const offset = end + gap
        end = offset + length
        const isZeros = basis === 2
        const basisOffset = isZeros ? 0 : offset + shift
        return { offset, length, basis: isZeros ? zerosBasis : basis, basisOffset }
      })
    })
  const byteOf = (basis: number, at: number): number =>
    basis === zerosBasis ? 0 : 1 + ((at * 7 + basis * 100) % 250)
  fc.assert(
    fc.property(anySpans, fc.integer({ min: 1, max: 64 }), (spans, most) => {
      const bytes = new Uint8Array(3000).fill(255)
      const copies = [...copiesOf(spans, most)]
      // They may be carried out in any order.
      for (const { offset, length, basis, basisOffset } of copies.reverse()) {
        if (length > most || length === 0) return false
        for (let i = 0; i < length; i += 1) bytes[offset + i] = byteOf(basis, basisOffset + i)
      }
      return spans.every(({ offset, length, basis, basisOffset }) =>
        Array.from({ length }, (_, i) => i).every(
          i => bytes[offset + i] === byteOf(basis, basis === zerosBasis ? 0 : basisOffset + i),
        ),
      )
    }),
  )
})

t.test('probes look where the neighbours would continue, inside their files', async t => {
  const spans: Span[] = [
    { offset: 0, length: 100, basis: 0, basisOffset: 50 },
    { offset: 200, length: 100, basis: 1, basisOffset: 60 },
  ]
  t.same(probesFor(spans, [{ offset: 10, length: 10 }], 10, [190, 500]), [
    { first: 10, count: 4, basis: 0, basisOffset: 150 },
    { first: 14, count: 6, basis: 1, basisOffset: 0 },
  ])
  const same: Span[] = [
    { offset: 0, length: 100, basis: 0, basisOffset: 50 },
    { offset: 200, length: 100, basis: 0, basisOffset: 250 },
  ]
  t.same(probesFor(same, [{ offset: 10, length: 10 }], 10, [1000]), [
    { first: 10, count: 10, basis: 0, basisOffset: 150 },
  ])
  t.same(probesFor([], [{ offset: 10, length: 10 }], 10, [1000]), [])
  const zeros = [{ offset: 0, length: 100, basis: zerosBasis, basisOffset: 0 }]
  t.same(probesFor(zeros, [{ offset: 10, length: 10 }], 10, []), [])
})

t.test('a basis that changed takes its spans along', async t => {
  const spans: Span[] = [
    { offset: 0, length: 1, basis: 0, basisOffset: 0 },
    { offset: 1, length: 1, basis: 1, basisOffset: 0 },
  ]
  t.same(withoutBases(spans, new Set([0])), spans.slice(1))
})
