import fc from 'fast-check'
import t from 'tap'
import { KeyedHash } from './keyed-hash.ts'

const hashOf = (hash: KeyedHash, ...texts: string[]): string => {
  hash.start()
  for (const text of texts) hash.add(text)
  hash.end()
  return `${hash.low} ${hash.high}`
}

t.test('the same texts have the same hash, others, and other keys, another', async t => {
  const one = new KeyedHash({ low: 1, high: 2 })
  const same = new KeyedHash({ low: 1, high: 2 })
  const other = new KeyedHash({ low: 1, high: 3 })
  const texts = fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { maxLength: 3 })
  fc.assert(
    fc.property(texts, texts, (first, second) => {
      t.equal(hashOf(one, ...first), hashOf(same, ...first))
      t.not(hashOf(one, ...first), hashOf(other, ...first))
      if (JSON.stringify(first) !== JSON.stringify(second)) {
        t.not(hashOf(one, ...first), hashOf(one, ...second))
      }
    }),
  )
  t.not(hashOf(one, 'ab', 'c'), hashOf(one, 'a', 'bc'))
  t.not(hashOf(one, 'a'), hashOf(one, 'a\0'))
  t.not(hashOf(one, ''), hashOf(one))
})

t.test('a text is its length and its characters, two in a number', t => {
  const hash = new KeyedHash({ low: 5, high: -6 })
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 20 }), text => {
      const quick = hashOf(hash, text)
      hash.start().addNumber(text.length)
      for (let index = 0; index < text.length; index += 2) {
        const second = index + 1 < text.length ? text.charCodeAt(index + 1) : 0
        hash.addNumber(text.charCodeAt(index) | (second << 16))
      }
      hash.end()
      t.equal(quick, `${hash.low} ${hash.high}`)
    }),
  )
  t.end()
})

t.test('many alike texts spread evenly', async t => {
  const hash = new KeyedHash({ low: 0, high: 0 })
  const seen = new Set<string>()
  const buckets = new Uint32Array(64)
  const highs = new Uint32Array(64)
  for (let number = 0; number < 64_000; number++) {
    seen.add(hashOf(hash, '192.0.2.1 apt', `pool/${number}`))
    buckets[hash.low & 63] = (buckets[hash.low & 63] as number) + 1
    highs[hash.high >>> 26] = (highs[hash.high >>> 26] as number) + 1
  }
  t.equal(seen.size, 64_000)
  for (const counts of [buckets, highs]) {
    t.ok(Math.min(...counts) > 800 && Math.max(...counts) < 1_200)
  }
})
