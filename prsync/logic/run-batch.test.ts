import fc from 'fast-check'
import t from 'tap'
import { originBatchBytes, originBatchRuns } from '../../core/limits.ts'
import { cutRuns, nextBatch } from './run-batch.ts'
import { mergeRuns, type Run, runEnd, runsBytes } from './runs.ts'

const item = (sha256: string, ...runs: Run[]) => ({ sha256, runs, lengthBytes: runsBytes(runs) })
const run = (offset: number, length = 10): Run => ({ offset, length })

t.test('a batch has the bytes of a content in order, the contents as they came', async t => {
  const a1 = item('a', run(100))
  const b = item('b', run(7))
  const a0 = item('a', run(0), run(50))
  t.strictSame(nextBatch([a1, b, a0]), [a0, a1, b])
})

t.test('of items that overlap only one travels at a time', async t => {
  const first = item('a', run(0, 100))
  const second = item('a', run(50, 100))
  const third = item('a', run(150, 1))
  t.strictSame(nextBatch([second, first, third]), [first, third])
  t.strictSame(nextBatch([second]), [second])
})

t.test('a batch is bounded by bytes and by runs, but never empty', async t => {
  const large = item('a', run(0, originBatchBytes))
  const small = item('b', run(0))
  t.strictSame(nextBatch([large, small]), [large])
  t.strictSame(nextBatch([small, large]), [small])
  const many = item('c', ...Array.from({ length: originBatchRuns }, (_, k) => run(k * 20)))
  t.strictSame(nextBatch([many, small]), [many])
  t.strictSame(nextBatch([]), [])
})

t.test('what is too much for one request is cut into several', async t => {
  const whole = { offset: 5, length: 2.5 * originBatchBytes }
  const parts = cutRuns([whole])
  t.strictSame(parts.map(runsBytes), [originBatchBytes, originBatchBytes, originBatchBytes / 2])
  fc.assert(
    fc.property(
      fc.array(fc.record({ offset: fc.nat(2 ** 30), length: fc.nat(2 ** 24) })).map(mergeRuns),
      runs => {
        const cut = cutRuns(runs)
        const all = cut.flat()
        const ordered = all.every((each, k) => k === 0 || runEnd(all[k - 1] ?? each) <= each.offset)
        const bounded = cut.every(part => part.length > 0 && runsBytes(part) <= originBatchBytes)
        return ordered && bounded && JSON.stringify(mergeRuns(all)) === JSON.stringify(runs)
      },
    ),
  )
  t.strictSame(cutRuns([]), [])
})
