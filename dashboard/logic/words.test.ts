import t from 'tap'
import {
  agoText,
  countedText,
  durationText,
  partText,
  rateText,
  readablePath,
  sizeText,
  typedPath,
} from './words.ts'

t.test('sizes, counts and parts', async t => {
  for (const [bytes, text] of [
    [0, '0 B'],
    [-5, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [1_234_567, '1.2 MB'],
    [999_999, '1 MB'],
    [123_456_789, '123 MB'],
    [5e21, '5000 EB'],
  ] as const) {
    t.equal(sizeText(bytes), text)
  }
  t.equal(rateText(12_500_000), '12.5 MB/s')
  t.equal(countedText(1, 'file'), '1 file')
  t.equal(countedText(2_200_000, 'file'), '2,200,000 files')
  t.same([0, Number.NaN, 0.001, 0.5, 0.999, 1, 3].map(partText), [
    ...['0 %', '0 %', '< 1 %', '50 %', '99 %', '100 %', '100 %'],
  ])
})

t.test('times', async t => {
  t.same([0, 4_200, 59_400, 180_000, 3_600_000, 19_200_000, 183_600_000].map(durationText), [
    ...['0 s', '4.2 s', '59 s', '3 min', '1 h', '5 h 20 min', '2 d 3 h'],
  ])
  t.equal(agoText(1_000, 2_000), 'just now')
  t.equal(agoText(5_000, 2_000), 'just now', 'a clock that is ahead')
  t.equal(agoText(0, 180_000), '3 min ago')
})

t.test('paths as people read and type them', async t => {
  t.equal(readablePath('/pool/a%20b/%C3%A9'), '/pool/a b/é')
  t.equal(readablePath('/%ff'), '/%ff', 'no UTF-8')
  t.equal(readablePath('/x%E2%80%AEgpj.exe'), '/x%E2%80%AEgpj.exe', 'the other way round')
  t.equal(readablePath('/a%0Ab'), '/a%0Ab')
  t.equal(typedPath('pool/a b+c.deb'), '/pool/a%20b%2Bc.deb')
  t.equal(typedPath(' http://repo.example.org/pool/x%2B.deb '), '/pool/x%2B.deb')
})
