import t from 'tap'
import { AddressBook } from './address-book.ts'

t.test('addresses are themselves, names are looked up once', async t => {
  let lookups = 0
  const book = new AddressBook({
    resolve: async host => {
      lookups++
      if (host === 'unknown') throw new Error('ENOTFOUND')
      return [
        { address: '2001:db8::1', family: 6 },
        { address: '192.0.2.1', family: 4 },
        { address: '192.0.2.2', family: 4 },
      ]
    },
  })
  t.strictSame(await book.addresses('192.0.2.9'), ['192.0.2.9'])
  t.strictSame(await book.addresses('::1'), ['::1'])
  t.equal(lookups, 0)
  const both = await Promise.all([book.addresses('mirror'), book.addresses('mirror')])
  t.strictSame(both[0], ['192.0.2.1', '2001:db8::1'])
  t.strictSame(both[1], both[0])
  t.strictSame(await book.addresses('unknown'), [])
  t.strictSame(await book.addresses('unknown'), [])
  t.equal(lookups, 2)
})

t.test('a silent name server does not hold an answer for long', async t => {
  const book = new AddressBook({ resolve: () => new Promise(() => undefined) })
  const started = performance.now()
  t.strictSame(await book.addresses('slow'), [])
  t.ok(performance.now() - started < 10_000)
})

t.test('the system knows localhost', async t => {
  const addresses = await new AddressBook().addresses('localhost')
  t.ok(addresses.includes('127.0.0.1') || addresses.includes('::1'))
})
