import fc from 'fast-check'
import t from 'tap'
import { rangeSpecsPerHeader, rangesPerAnswer } from '../../core/limits.ts'
import { parseRange } from './ranges.ts'

const whole = { kind: 'whole' }
const outside = { kind: 'unsatisfiable' }
const parts = (...pairs: [number, number][]) => ({
  kind: 'parts',
  ranges: pairs.map(([offset, length]) => ({ offset, length })),
})

t.test('the forms of a range, of a file of 1000 bytes', async t => {
  const table: [string, unknown][] = [
    ['bytes=0-0', parts([0, 1])],
    ['bytes=0-499', parts([0, 500])],
    ['bytes=5-', parts([5, 995])],
    ['bytes=-5', parts([995, 5])],
    ['bytes=-5000', parts([0, 1000])],
    ['bytes=0-', parts([0, 1000])],
    ['bytes=999-5000', parts([999, 1])],
    ['BYTES = 1-2', parts([1, 2])],
    ['bytes=0-99999999999999999999999999', parts([0, 1000])],
    ['bytes=1000-', outside],
    ['bytes=1000-2000', outside],
    ['bytes=-0', outside],
    ['bytes=99999999999999999999999999-', outside],
    ['bytes=5000-,-0', outside],
    ['bytes=5000-,0-1', parts([0, 2])],
    ['bytes=1-2, 5-6', parts([1, 2], [5, 2])],
    ['bytes=5-6,1-2', parts([5, 2], [1, 2])],
    ['bytes=,1-2,,\t5-6 ,', parts([1, 2], [5, 2])],
    ['bytes=0-9,5-14', parts([0, 15])],
    ['bytes=0-9,10-19', parts([0, 20])],
    ['bytes=50-59,0-9,55-69', parts([50, 20], [0, 10])],
    ['bytes=20-29,0-9,10-19', parts([0, 30])],
  ]
  for (const [header, wanted] of table) t.strictSame(parseRange(header, 1000), wanted, header)
})

t.test('what is malformed, another unit or greedy gets the whole file', async t => {
  const headers = ['', 'bytes', 'bytes=', 'bytes=,', 'bytes=-', 'bytes=1', 'bytes=a-b', 'bytes=2-1']
  const more = [
    'bytes=1-2,x',
    'bytes=0x1-2',
    'bytes=1.0-2',
    'bytes= 1 - 2',
    'bytes=--5',
    'items=0-1',
  ]
  for (const header of [...headers, ...more, 'bytes=0-1,bytes=4-5', 'bytes=+1-2', 'bytes=١-٢']) {
    t.strictSame(parseRange(header, 1000), whole, header)
  }
  t.strictSame(parseRange('bytes=0-,0-', 1000), whole, 'asks for twice the file')
  const spread = (count: number) =>
    `bytes=${Array.from({ length: count }, (_, index) => `${index * 2}-${index * 2}`).join()}`
  t.match(parseRange(spread(rangesPerAnswer), 1e6), { kind: 'parts' })
  t.strictSame(parseRange(spread(rangesPerAnswer + 1), 1e6), whole)
  const adjoining = (count: number) =>
    `bytes=${Array.from({ length: count }, (_, index) => `${index}-${index}`).join()}`
  t.strictSame(parseRange(adjoining(rangeSpecsPerHeader), 1e6), parts([0, rangeSpecsPerHeader]))
  t.strictSame(parseRange(adjoining(rangeSpecsPerHeader + 1), 1e6), whole)
})

t.test('an empty file is always sent whole', async t => {
  for (const header of ['bytes=0-', 'bytes=0-0', 'bytes=-5', 'bytes=7-']) {
    t.strictSame(parseRange(header, 0), whole, header)
  }
})

t.test('ranges beyond 4 GiB keep every digit', async t => {
  const size = 2 ** 40
  t.strictSame(parseRange(`bytes=${2 ** 32 + 1}-${2 ** 32 + 2}`, size), parts([2 ** 32 + 1, 2]))
  t.strictSame(parseRange('bytes=-1', size), parts([size - 1, 1]))
})

t.test('the parts are exactly the bytes that were asked for, without overlap', async () => {
  const size = 40
  const spec = fc.oneof(
    fc.tuple(fc.nat(50), fc.nat(20)).map(([first, more]) => ({ first, last: first + more })),
    fc.nat(50).map(suffix => ({ first: Math.max(0, size - suffix), last: size - 1, suffix })),
  )
  fc.assert(
    fc.property(fc.array(spec, { minLength: 1, maxLength: 6 }), specs => {
      const wanted = new Set<number>()
      let asked = 0
      for (const { first, last } of specs) {
        for (let byte = first; byte <= last && byte < size; byte++) {
          wanted.add(byte)
          asked++
        }
      }
      const text = specs.map(one =>
        'suffix' in one ? `-${one.suffix}` : `${one.first}-${one.last}`,
      )
      const request = parseRange(`bytes=${text.join(',')}`, size)
      if (request.kind === 'unsatisfiable') return wanted.size === 0
      if (request.kind === 'whole') return asked > size
      const sent = request.ranges.flatMap(({ offset, length }) =>
        Array.from({ length }, (_, index) => offset + index),
      )
      return sent.length === wanted.size && sent.every(byte => wanted.has(byte))
    }),
    { numRuns: 1000 },
  )
})

t.test('no header, however odd, makes it throw or leave the file', async () => {
  const text = fc.oneof(
    fc.string(),
    fc.string().map(tail => `bytes=${tail}`),
  )
  const digits = fc.array(fc.constantFrom('-', ',', '0', '1', '9', ' '), { maxLength: 30 })
  fc.assert(
    fc.property(
      fc.oneof(
        text,
        digits.map(all => `bytes=${all.join('')}`),
      ),
      fc.nat(100),
      (header, size) => {
        const request = parseRange(header, size)
        return (
          request.kind !== 'parts' ||
          request.ranges.every(
            ({ offset, length }) => offset >= 0 && length > 0 && offset + length <= size,
          )
        )
      },
    ),
  )
})
