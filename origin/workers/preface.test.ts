import fc from 'fast-check'
import t from 'tap'
import { type ConnectionEnds, encodePreface, parsePreface } from './preface.ts'

const secret = 'ab'.repeat(32)
const address = fc.oneof(fc.ipV4(), fc.ipV6())
const port = fc.integer({ min: 0, max: 65_535 })
const anyEnds = fc.record<ConnectionEnds>(
  {
    remoteAddress: address,
    remotePort: port,
    localAddress: address,
    localPort: port,
    tls: fc.boolean(),
  },
  { noNullPrototype: true },
)

t.test('what a worker says is understood, on one line', async t => {
  fc.assert(
    fc.property(anyEnds, ends => {
      const text = encodePreface(secret, ends)
      t.equal(text.indexOf('\n'), text.length - 1)
      t.strictSame(parsePreface(secret, text.slice(0, -1)), ends)
    }),
  )
})

t.test('a preface that is cut short or of another secret is none', async t => {
  fc.assert(
    fc.property(anyEnds, fc.nat({ max: 120 }), (ends, length) => {
      const line = encodePreface(secret, ends).slice(0, -1)
      t.equal(parsePreface(secret, line.slice(0, Math.min(length, line.length - 1))), null)
      t.equal(parsePreface('cd'.repeat(32), line), null)
      t.equal(parsePreface(secret.slice(1), line), null)
    }),
  )
})

t.test('nothing else is a preface', async t => {
  const good = [secret, '10.0.0.1', 1, '10.0.0.2', 80, false]
  const bad: unknown[] = [
    ...[null, 7, {}, [], good.slice(0, 5), [...good, 1]],
    ...[{ ...good }, [null, ...good.slice(1)], [secret, 'example.org', 1, '10.0.0.2', 80, false]],
    [secret, '10.0.0.1', 65_536, '10.0.0.2', 80, false],
    [secret, '10.0.0.1', 1.5, '10.0.0.2', 80, false],
    [secret, '10.0.0.1', 1, '', 80, false],
    [secret, '10.0.0.1', 1, '10.0.0.2', -1, false],
    [secret, '10.0.0.1', 1, '10.0.0.2', 80, 'false'],
  ]
  t.ok(parsePreface(secret, JSON.stringify(good)))
  for (const each of bad) {
    t.equal(parsePreface(secret, JSON.stringify(each)), null, JSON.stringify(each))
  }
  fc.assert(fc.property(fc.string(), text => parsePreface(secret, text) === null))
})
