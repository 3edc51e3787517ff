import fc from 'fast-check'
import t from 'tap'
import { formatHttpDate, parseHttpDate } from './http-date.ts'

t.test('the three forms of the RFC name the same second', async t => {
  const texts = [
    'Sun, 06 Nov 1994 08:49:37 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 1994',
  ]
  for (const text of texts) t.equal(parseHttpDate(text), 784_111_777, text)
  t.equal(formatHttpDate(784_111_777), texts[0])
})

t.test('what is written is read back, and equals what JavaScript writes', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), seconds => {
      const text = formatHttpDate(seconds)
      return parseHttpDate(text) === seconds && text === new Date(seconds * 1000).toUTCString()
    }),
  )
})

t.test('times before 1970 and after 9999 are brought inside', async t => {
  t.equal(formatHttpDate(-5), 'Thu, 01 Jan 1970 00:00:00 GMT')
  t.equal(formatHttpDate(1e15), 'Fri, 31 Dec 9999 23:59:59 GMT')
  t.equal(formatHttpDate(1.9), 'Thu, 01 Jan 1970 00:00:01 GMT')
})

t.test('anything else is no date', async t => {
  const texts = [
    '',
    '0',
    '1994-11-06T08:49:37Z',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 31 Feb 1994 08:49:37 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:49:37 GMT',
    'Sun, 06 Nov 1994 08:60:37 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
  ]
  for (const text of texts) t.equal(parseHttpDate(text), null, text)
  fc.assert(fc.property(fc.string(), text => parseHttpDate(text) === null))
})
