import fc from 'fast-check'
import t from 'tap'
import type { VolunteerName } from '../../core/ids.ts'
import { inNetworks, parseNetwork } from '../../core/networks.ts'
import { type ClientPlace, familyOf, placeKey, rank, type VolunteerPlace } from './closeness.ts'
import { parsePreferRules } from './prefer-rules.ts'
import { PrefixTable } from './prefix-table.ts'

const volunteer = (name: string, change: Partial<VolunteerPlace> = {}): VolunteerPlace => ({
  name: name as VolunteerName,
  site: null,
  asn: null,
  country: null,
  reach: 'any',
  ...change,
})

const client = (change: Partial<ClientPlace> = {}): ClientPlace => ({
  family: 4,
  asn: null,
  country: null,
  rules: [],
  networks: [],
  ...change,
})

/** 'kind/bits: names' of each tier. */
const tiersOf = (place: ClientPlace, volunteers: readonly VolunteerPlace[]): string[] =>
  rank(place, volunteers).tiers.map(({ kind, prefixBits, members }) => {
    const names = members.map(index => volunteers[index]?.name).join(' ')
    return `${kind}${prefixBits === null ? '' : `/${prefixBits}`}: ${names}`
  })

t.test('rules, networks, sites, systems and countries, in this order', async t => {
  const crowd = [
    volunteer('far'),
    volunteer('same-land', { country: 'FR' }),
    volunteer('same-system', { asn: 64_500, country: 'FR' }),
    volunteer('same-site', { site: 'north', asn: 64_500 }),
    volunteer('wide'),
    volunteer('narrow', { site: 'north' }),
    volunteer('ruled', { country: 'DE' }),
    volunteer('old', { reach: 'v4', country: 'FR' }),
  ]
  const place = client({
    asn: 64_500,
    country: 'FR',
    rules: parsePreferRules(['10.0.0.0/8=ruled,nobody']),
    networks: [
      { prefixBits: 24, values: [5] },
      { prefixBits: 16, values: [4, 5] },
    ],
  })
  const near = [
    'rule/8: ruled',
    'network/24: narrow',
    'network/16: wide',
    'site: same-site',
    'as: same-system',
  ]
  t.strictSame(tiersOf(place, crowd), [...near, 'country: same-land old', 'rest: far'])
  t.strictSame(
    tiersOf({ ...place, family: 6 }, crowd),
    [...near, 'country: same-land', 'rest: far', 'family: old'],
    'who came by IPv6 may have no IPv4',
  )
  t.strictSame(tiersOf(client(), crowd), [`rest: ${crowd.map(({ name }) => name).join(' ')}`])
  t.strictSame(tiersOf(client(), []), [])
})

t.test('a rule may name a site; a narrower rule comes before a wider one', async t => {
  const crowd = [volunteer('ada', { site: 'x' }), volunteer('bob', { site: 'y' }), volunteer('cyd')]
  const [narrow, wide] = parsePreferRules(['10.1.0.0/16=site:x', '10.0.0.0/8=bob,ada'])
  const rules = [narrow, wide].flatMap(rule => (rule === undefined ? [] : [rule]))
  t.strictSame(tiersOf(client({ rules }), crowd), ['rule/16: ada', 'rule/8: bob', 'rest: cyd'])
})

t.test('each volunteer is in exactly one tier, and knows which', async t => {
  const place = fc.record({
    site: fc.option(fc.constantFrom('a', 'b')),
    asn: fc.option(fc.constantFrom(1, 2)),
    country: fc.option(fc.constantFrom('FR', 'DE')),
    reach: fc.constantFrom('any' as const, 'v4' as const, 'v6' as const),
  })
  fc.assert(
    fc.property(
      fc.array(place, { maxLength: 40 }),
      fc.record({
        family: fc.constantFrom(4 as const, 6 as const, null),
        asn: fc.option(fc.constantFrom(1, 2)),
        country: fc.option(fc.constantFrom('FR', 'DE')),
        values: fc.array(fc.nat(39), { maxLength: 3 }),
      }),
      (places, { values, ...asker }) => {
        const crowd = places.map((each, index) => volunteer(`v${index}`, each))
        const ranking = rank(client({ ...asker, networks: [{ prefixBits: 8, values }] }), crowd)
        const members = ranking.tiers.flatMap(tier => tier.members)
        t.strictSame(
          members.toSorted((a, b) => a - b),
          crowd.map((_, index) => index),
        )
        return (
          ranking.tiers.every(tier => tier.members.length > 0) &&
          crowd.every((_, index) =>
            ranking.tiers[ranking.tierOf[index] ?? -1]?.members.includes(index),
          )
        )
      },
    ),
  )
})

t.test('clients of one place share their order', async t => {
  const [rule] = parsePreferRules(['10.0.0.0/8=ada'])
  const rules = rule === undefined ? [] : [rule]
  const different = [
    client(),
    client({ family: 6 }),
    client({ asn: 1 }),
    client({ country: 'FR' }),
    client({ rules }),
    client({ networks: [{ prefixBits: 8, values: [1] }] }),
    client({ networks: [{ prefixBits: 8, values: [2] }] }),
    client({ networks: [{ prefixBits: 16, values: [1] }] }),
  ]
  t.equal(new Set(different.map(placeKey)).size, different.length)
  t.equal(placeKey(client({ rules })), placeKey(client({ rules })))
})

t.test('the family of an address', async t => {
  t.equal(familyOf('192.0.2.1'), 4)
  t.equal(familyOf('::ffff:192.0.2.1'), 4)
  t.equal(familyOf('2001:db8::1'), 6)
  t.equal(familyOf('nonsense'), null)
  t.equal(familyOf(null), null)
})

const byte = fc.nat(255)
/** Few different ones, so that networks meet. */
const address = fc.oneof(
  fc
    .tuple(fc.constantFrom(10, 192), fc.constantFrom(0, 1), byte, byte)
    .map(parts => parts.join('.')),
  fc
    .tuple(fc.constantFrom('2001', 'fd00'), fc.constantFrom('db8', '1'), byte)
    .map(([a, b, c]) => `${a}:${b}::${c}`),
)

t.test('the table finds the networks that a search one by one finds, longest first', async t => {
  const network = fc
    .tuple(address, fc.nat(128))
    .map(([text, bits]) => `${text}/${text.includes(':') ? bits : bits % 33}`)
  fc.assert(
    fc.property(fc.array(network, { maxLength: 30 }), address, (texts, asked) => {
      const table = new PrefixTable<string>()
      for (const text of texts) table.add(parseNetwork(text), text)
      const found = table.matches(asked)
      const bits = found.map(({ prefixBits }) => prefixBits)
      t.strictSame(
        bits,
        bits.toSorted((a, b) => b - a),
      )
      t.strictSame(
        found.flatMap(({ values }) => values).toSorted(),
        texts.filter(text => inNetworks([parseNetwork(text)], asked)).toSorted(),
      )
    }),
  )
  t.strictSame(new PrefixTable().matches('nonsense'), [])
})

t.test('rules are read strictly', async t => {
  const [rule] = parsePreferRules(['2001:db8::/32 = ada , bob'])
  t.match(rule, { volunteers: ['ada', 'bob'], site: null, network: { prefixBits: 32 } })
  t.match(parsePreferRules(['10.0.0.0/8=site:North.1']), [{ volunteers: [], site: 'North.1' }])
  const wrong: [string[], RegExp][] = [
    [['10.0.0.0/8'], /is not a rule/],
    [['10.0.0.0/33=ada'], /is not a network/],
    [['10.0.0.0/8='], /does not name a volunteer/],
    [['10.0.0.0/8=ada,'], /does not name a volunteer/],
    [['10.0.0.0/8=Ada Lovelace'], /does not name a volunteer/],
    [['10.0.0.0/8=site:'], /does not name a site/],
    [['10.0.0.0/8=site:a b'], /does not name a site/],
    [['10.0.0.0/8=ada', '10.9.9.9/8=bob'], /are for one network/],
    [[`10.0.0.0/8=${Array(65).fill('ada').join(',')}`], /more than 64/],
  ]
  for (const [texts, message] of wrong) {
    t.throws(() => parsePreferRules(texts), { code: 'MS_CONFIG_INVALID', message })
  }
})
