import fc from 'fast-check'
import t from 'tap'
import { decodeCoverage, encodeCoverage } from './coverage-record.ts'
import { mergeRuns } from './logic/runs.ts'

const sizeBytes = 2 ** 40
const anyRuns = fc
  .array(
    fc.record({ offset: fc.maxSafeNat().map(n => n % (sizeBytes / 2)), length: fc.nat(100_000) }),
  )
  .map(mergeRuns)

t.test('a record says what was recorded', async t => {
  fc.assert(
    fc.property(anyRuns, runs => {
      const read = decodeCoverage(encodeCoverage(runs), sizeBytes)
      return JSON.stringify(read) === JSON.stringify(runs)
    }),
  )
  t.strictSame(decodeCoverage(encodeCoverage([]), 0), [], 'nothing was found')
  t.equal(
    encodeCoverage([{ offset: 5, length: 0x010203 }]).toString('hex'),
    '4d534c31d4f79ea7050000000000030201000000',
  )
})

t.test('a record that is cut, longer, or changed in any byte says nothing', async t => {
  fc.assert(
    fc.property(anyRuns, fc.nat(), fc.integer({ min: 1, max: 255 }), (runs, at, flip) => {
      const record = encodeCoverage(runs)
      const changed = Buffer.from(record)
      changed[at % record.length] = (changed[at % record.length] ?? 0) ^ flip
      return (
        decodeCoverage(changed, sizeBytes) === null &&
        decodeCoverage(record.subarray(0, at % record.length), sizeBytes) === null &&
        decodeCoverage(Buffer.concat([record, Buffer.alloc(1 + (at % 20))]), sizeBytes) === null
      )
    }),
  )
  t.equal(decodeCoverage(Buffer.alloc(0), 1), null)
})

t.test('runs that cannot be are no record', async t => {
  for (const runs of [
    [{ offset: 0, length: 101 }],
    [{ offset: 10, length: 0 }],
    [
      { offset: 10, length: 5 },
      { offset: 5, length: 2 },
    ],
    [
      { offset: 10, length: 5 },
      { offset: 14, length: 2 },
    ],
  ]) {
    t.equal(decodeCoverage(encodeCoverage(runs), 100), null)
  }
})
