import fc from 'fast-check'
import t from 'tap'
import { editDistance, nearest, suggestion } from './nearest.ts'

t.test('edits are counted, a swap of neighbours as one', async t => {
  t.equal(editDistance('', ''), 0)
  t.equal(editDistance('abc', 'abc'), 0)
  t.equal(editDistance('', 'abc'), 3)
  t.equal(editDistance('listen', 'lisen'), 1)
  t.equal(editDistance('listen', 'litsen'), 1)
  t.equal(editDistance('kitten', 'sitting'), 3)
})

t.test('the distance is a distance', async () => {
  const word = fc.string({ maxLength: 8 })
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b)
      return (
        distance === editDistance(b, a) &&
        (distance === 0) === (a === b) &&
        distance >= Math.abs(a.length - b.length) &&
        distance <= Math.max(a.length, b.length)
      )
    }),
  )
})

t.test('the nearest is close, or begins with the word, or there is none', async t => {
  const names = ['listen', 'public-url', 'name', 'network']
  t.equal(nearest('lisen', names), 'listen')
  t.equal(nearest('pulic-ulr', names), 'public-url')
  t.equal(nearest('net', names), 'network')
  t.equal(nearest('xyzzy', names), null)
  t.equal(nearest('', names), null)
  t.equal(suggestion('nam', names, 'try --help'), ' (did you mean name?)')
  t.equal(suggestion('xyzzy', names, 'try --help'), ' (try --help)')
})
