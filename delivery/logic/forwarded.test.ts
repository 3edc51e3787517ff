import fc from 'fast-check'
import t from 'tap'
import { parseNetwork } from '../../core/networks.ts'
import { clientBehind, parseForwarded, parseXForwarded } from './forwarded.ts'

const trusted = ['10.0.0.0/8', '2001:db8:ffff::/48'].map(parseNetwork)
const behind = (remote: string, header: string): string =>
  clientBehind(remote, parseXForwarded(header, undefined), trusted)
const behindForwarded = (remote: string, header: string): string =>
  clientBehind(remote, parseForwarded(header), trusted)

t.test('the rightmost address that is no proxy is the client', async t => {
  for (const [remote, header, client] of [
    ['192.0.2.1', '203.0.113.9', '192.0.2.1'],
    ['10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '1.2.3.4, 203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '1.2.3.4, 203.0.113.9, 10.1.1.1', '203.0.113.9'],
    ['10.0.0.1', '10.7.7.7, 10.1.1.1', '10.7.7.7'],
    ['10.0.0.1', '2001:DB8::7', '2001:db8::7'],
    ['10.0.0.1', '[2001:db8::7]:4711', '2001:db8::7'],
    ['10.0.0.1', '203.0.113.9:4711', '203.0.113.9'],
    ['2001:db8:ffff::1', '::ffff:203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '', '10.0.0.1'],
    ['10.0.0.1', 'unknown', '10.0.0.1'],
    ['10.0.0.1', '203.0.113.9, unknown', '10.0.0.1'],
    ['10.0.0.1', '203.0.113.9, 10.2.2.2, _hidden, 10.1.1.1', '10.1.1.1'],
    ['10.0.0.1', '127.1, 0x7f.0.0.1', '10.0.0.1'],
    ['10.0.0.1', '10.0.0.1, ,', '10.0.0.1'],
  ] as const) {
    t.equal(behind(remote, header), client, `${remote} with "${header}"`)
  }
})

t.test('Forwarded in the forms of RFC 7239', async t => {
  for (const [header, client] of [
    ['for=192.0.2.43', '192.0.2.43'],
    ['For="[2001:db8:cafe::17]:4711"', '2001:db8:cafe::17'],
    ['for=192.0.2.60;proto=http;by=203.0.113.43', '192.0.2.60'],
    ['for=192.0.2.43, for="[2001:db8:cafe::17]"', '2001:db8:cafe::17'],
    ['for=192.0.2.43, FOR=10.1.1.1', '192.0.2.43'],
    ['for="_gazonk"', '10.0.0.1'],
    ['for=unknown', '10.0.0.1'],
    ['by=203.0.113.43', '10.0.0.1'],
    ['for="192.0.2.1\\9"', '192.0.2.19'],
    ['for=203.0.113.9;for=1.2.3.4', '1.2.3.4'],
    ['nonsense', '10.0.0.1'],
    // An open quote in what the client sent must not swallow what the proxy added.
    ['for="1.2.3.4, for=203.0.113.9', '203.0.113.9'],
    ['for=1.2.3.4;x="a,b", for=203.0.113.9', '203.0.113.9'],
  ] as const) {
    t.equal(behindForwarded('10.0.0.1', header), client, header)
  }
})

t.test('the scheme is what the nearest proxy says', async t => {
  t.equal(parseXForwarded('1.2.3.4, 10.0.0.1', 'https').at(-1)?.https, true)
  t.equal(parseXForwarded('1.2.3.4', 'https, http').at(-1)?.https, false)
  t.equal(parseXForwarded('1.2.3.4', 'gopher').at(-1)?.https, null)
  t.equal(parseForwarded('for=1.2.3.4;proto=HTTPS').at(-1)?.https, true)
  t.equal(parseForwarded('for=1.2.3.4;proto=https, for=10.1.1.1').at(-1)?.https, null)
})

t.test('whatever a client sends, what the proxy adds behind it decides', async t => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), sent => {
      const text = sent.replace(/[\r\n]/g, ' ')
      t.equal(behind('10.0.0.1', `${text}, 203.0.113.9`), '203.0.113.9')
      t.equal(behindForwarded('10.0.0.1', `${text}, for=203.0.113.9`), '203.0.113.9')
      t.equal(behind('192.0.2.7', text), '192.0.2.7')
    }),
  )
})
