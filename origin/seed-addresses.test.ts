import t from 'tap'
import { seedAddresses, seedAddressMs } from '../core/stock-limits.ts'
import { SeedAddresses } from './seed-addresses.ts'

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

t.test('without a public URL: where the request arrived', t => {
  const addresses = new SeedAddresses({ publicUrl: null, listenHost: '0.0.0.0' })
  t.same(addresses.of('192.0.2.5'), ['192.0.2.5'])
  t.same(addresses.of('::ffff:192.0.2.5'), ['192.0.2.5'])
  t.same(addresses.of('2001:db8::5'), [], 'nobody listens there')
  t.same(addresses.of(undefined), [])
  const both = new SeedAddresses({ publicUrl: null, listenHost: '::' })
  t.same(both.of('2001:db8::5'), ['2001:db8::5'])
  t.end()
})

t.test('a public URL with an address', t => {
  const at = (publicUrl: string) =>
    new SeedAddresses({ publicUrl, listenHost: '::' }).of('127.0.0.1')
  t.same(at('http://192.0.2.7:8080/repo'), ['192.0.2.7'])
  t.same(at('https://[2001:db8::7]/'), ['2001:db8::7'])
  t.end()
})

t.test('a public URL with a name, looked up beside the requests and again later', async t => {
  let nowMs = 0
  let answer: readonly string[] | Error = ['192.0.2.1', '::ffff:192.0.2.2', 'nonsense']
  let lookups = 0
  const addresses = new SeedAddresses({
    ...{ publicUrl: 'http://repo.example.org/', listenHost: '0.0.0.0' },
    clock: { monotonicMs: () => nowMs },
    resolve: async name => {
      t.equal(name, 'repo.example.org')
      lookups++
      if (answer instanceof Error) throw answer
      return answer
    },
  })
  t.same(addresses.of('192.0.2.9'), ['192.0.2.9'], 'until it is known')
  await turn()
  t.same(addresses.of('192.0.2.9'), ['192.0.2.1', '192.0.2.2'])
  t.equal(lookups, 1)
  answer = new Error('no such name')
  nowMs += seedAddressMs
  addresses.of(undefined)
  await turn()
  t.same(addresses.of(undefined), ['192.0.2.1', '192.0.2.2'], 'a failure forgets nothing')
  answer = Array.from({ length: 100 }, (_, k) => `192.0.2.${k}`)
  nowMs += seedAddressMs
  addresses.of(undefined)
  await turn()
  t.equal(addresses.of(undefined).length, seedAddresses)
  t.equal(lookups, 3)
})
