import fc from 'fast-check'
import t from 'tap'
import { equalStrongly, equalWeakly, parseEntityTag, parseEntityTags } from './entity-tag.ts'

t.test('tags may hold commas, be weak and be spaced anyhow', async t => {
  t.strictSame(parseEntityTags(' ,"a,b" ,\tW/"c",, "" ,'), [
    { weak: false, opaque: '"a,b"' },
    { weak: true, opaque: '"c"' },
    { weak: false, opaque: '""' },
  ])
})

t.test('reading stops at the first thing that is no tag', async t => {
  t.strictSame(parseEntityTags('"a", b, "c"'), [{ weak: false, opaque: '"a"' }])
  for (const text of ['', 'a', '"a', 'w/"a"', '"a""b"', '"a b"', "'a'", '*']) {
    t.strictSame(parseEntityTags(text), [], text)
  }
})

t.test('one tag alone', async t => {
  t.strictSame(parseEntityTag(' W/"x" '), { weak: true, opaque: '"x"' })
  for (const text of ['', '"a","b"', '"a" b', 'Sun, 06 Nov 1994 08:49:37 GMT']) {
    t.equal(parseEntityTag(text), null, text)
  }
})

t.test('the comparison table of RFC 9110, 8.8.3.2', async t => {
  const table: [string, string, boolean, boolean][] = [
    ['W/"1"', 'W/"1"', false, true],
    ['W/"1"', 'W/"2"', false, false],
    ['W/"1"', '"1"', false, true],
    ['"1"', '"1"', true, true],
  ]
  for (const [one, other, strongly, weakly] of table) {
    const [a, b] = [parseEntityTag(one), parseEntityTag(other)]
    if (a === null || b === null) throw new Error('the table is wrong')
    t.equal(equalStrongly(a, b), strongly)
    t.equal(equalWeakly(a, b), weakly)
  }
})

t.test('reading ends for every text, soon', async () => {
  const piece = fc.constantFrom('"', 'W/', ',', ' ', '\t', 'a')
  const text = fc.array(piece, { maxLength: 200 }).map(pieces => pieces.join(''))
  fc.assert(fc.property(text, list => parseEntityTags(list).length <= list.length))
  t.strictSame(parseEntityTags(`"a"${' '.repeat(100_000)}x`), [])
})
