import fc from 'fast-check'
import t from 'tap'
import { rememberedAddresses } from './access-limits.ts'
import { isMirrorswarmError } from './errors.ts'
import { classifyAddress, inNetworks, parseNetwork } from './networks.ts'

t.test('addresses lie in their networks', async t => {
  const networks = ['10.0.0.0/8', '192.168.7.9', '2001:db8::/32', '::1'].map(parseNetwork)
  for (const address of [
    '10.255.0.1',
    '192.168.7.9',
    '::ffff:10.1.2.3',
    '2001:db8:1::5',
    '0:0:0:0:0:0:0:1',
  ]) {
    t.ok(inNetworks(networks, address), address)
  }
  for (const address of ['11.0.0.1', '192.168.7.10', '2001:db9::1', '::2', '', 'host', '10.1']) {
    t.notOk(inNetworks(networks, address), address)
  }
})

t.test('a network written as mapped IPv4 is that IPv4 network', async t => {
  t.ok(inNetworks([parseNetwork('::ffff:10.0.0.0/104')], '10.200.0.1'))
  t.ok(inNetworks([parseNetwork('::ffff:10.0.0.1')], '10.0.0.1'))
  t.notOk(inNetworks([parseNetwork('::ffff:10.0.0.0/104')], '11.0.0.1'))
})

t.test('all of IPv6 does not include IPv4, and the reverse', async t => {
  t.notOk(inNetworks([parseNetwork('::/0')], '10.0.0.1'))
  t.notOk(inNetworks([parseNetwork('0.0.0.0/0')], '2001:db8::1'))
  t.ok(inNetworks([parseNetwork('0.0.0.0/0')], '203.0.113.7'))
})

t.test('a link-local address with its interface still matches', async t => {
  t.ok(inNetworks([parseNetwork('fe80::/10')], 'fe80::1%eth0'))
})

t.test('an address means the same each time, however many came in between', async t => {
  const inner = [parseNetwork('10.0.0.0/8'), parseNetwork('2001:db8::/32')]
  for (const round of [1, 2]) {
    for (let index = 0; index < rememberedAddresses + 10; index++) {
      const bytes = [index >> 8, index & 255].join('.')
      if (!inNetworks(inner, `10.0.${bytes}`)) t.fail(`10.0.${bytes} in round ${round}`)
      if (inNetworks(inner, `11.0.${bytes}`)) t.fail(`11.0.${bytes} in round ${round}`)
    }
    t.ok(inNetworks(inner, '2001:db8::7'))
    t.notOk(inNetworks(inner, '10.0.0'))
  }
})

t.test('what is not a network is refused', async t => {
  for (const text of [
    '',
    '10.0.0.0/33',
    '::/129',
    '10.0.0/8',
    '010.0.0.1',
    '0x7f.1',
    '2130706433',
    '10.0.0.0/',
    '/8',
    'example.org',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
  ]) {
    try {
      parseNetwork(text)
      t.fail(`${text} was accepted`)
    } catch (error) {
      t.ok(isMirrorswarmError(error, 'MS_CONFIG_INVALID'), text)
    }
  }
})

t.test('addresses are classified', async t => {
  const expected = {
    loopback: ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'],
    private: ['10.1.2.3', '172.16.0.1', '192.168.0.1', '100.64.0.1', 'fd00::1'],
    public: ['8.8.8.8', '2a00:1450:4001::1', '::ffff:8.8.8.8'],
    unusable: [
      '0.0.0.0',
      '::',
      '169.254.169.254',
      'fe80::1',
      '224.0.0.1',
      'ff02::1',
      '255.255.255.255',
      '64:ff9b::7f00:1',
      '2002:7f00:1::1',
      '::ffff:169.254.169.254',
      'example.org',
      '127.1',
      '',
    ],
  }
  for (const [kind, addresses] of Object.entries(expected)) {
    for (const address of addresses) t.equal(classifyAddress(address), kind, address)
  }
})

t.test(
  'an address is in the network of its own first bits, and mapping changes nothing',
  async () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), (address, bits) => {
        const network = [parseNetwork(`${address}/${bits}`)]
        return inNetworks(network, address) && inNetworks(network, `::ffff:${address}`)
      }),
    )
  },
)

t.test('no text makes the classification throw', async () => {
  fc.assert(fc.property(fc.string(), text => classifyAddress(text) !== undefined))
})
