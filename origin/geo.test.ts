import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeMmdb } from './fixtures/mmdb.ts'
import { GeoDatabase } from './geo.ts'
import { VolunteerPlaces } from './volunteer-places.ts'

const clock = { nowMs: () => 0, monotonicMs: () => 0 }

t.test('systems and countries come from the files that know them', async t => {
  const folder = t.testdir({})
  const systems = join(folder, 'asn.mmdb')
  const countries = join(folder, 'country.mmdb')
  writeFileSync(
    systems,
    makeMmdb({
      '192.0.2.0/24': { autonomous_system_number: 64_500 },
      '2001:db8::/32': { asn: 'AS64501' },
    }),
  )
  writeFileSync(
    countries,
    makeMmdb({
      '192.0.2.0/25': { country: { iso_code: 'FR' }, registered_country: { iso_code: 'US' } },
      '192.0.2.128/25': { registered_country: { iso_code: 'US' } },
      '2001:db8::/32': { country_code: 'DE' },
      '198.51.100.0/24': { country: { iso_code: 'nonsense' } },
      '233.252.0.0/24': { country_code: 'JP' },
    }),
  )
  const geo = await GeoDatabase.open([systems, countries])
  t.strictSame(geo.find('192.0.2.1'), { asn: 64_500, country: 'FR' })
  t.strictSame(geo.find('::ffff:192.0.2.1'), { asn: 64_500, country: 'FR' })
  t.strictSame(geo.find('192.0.2.200'), { asn: 64_500, country: 'US' })
  t.strictSame(geo.find('2001:db8::1%eth0'), { asn: 64_501, country: 'DE' })
  t.strictSame(geo.find('233.252.0.1'), { asn: null, country: 'JP' })
  for (const unknown of ['198.51.100.1', '203.0.113.1', '2001:db9::', 'nonsense', '']) {
    t.strictSame(geo.find(unknown), { asn: null, country: null }, unknown)
  }
  const places = new VolunteerPlaces({ geo, clock })
  const literal = places.volunteer('http://192.0.2.1:8090/mirror')
  t.strictSame(literal, { asn: 64_500, country: 'FR', reach: 'v4' })
  t.strictSame(places.volunteer('https://[2001:db8::1]'), {
    asn: 64_501,
    country: 'DE',
    reach: 'v6',
  })
})

t.test('a file that is no database is refused by name', async t => {
  const folder = t.testdir({ 'no.mmdb': 'text' })
  for (const name of ['no.mmdb', 'missing.mmdb']) {
    const message = new RegExp(`cannot read the geo database .*${name}`)
    await t.rejects(GeoDatabase.open([join(folder, name)]), { code: 'MS_CONFIG_INVALID', message })
  }
})

t.test('names are looked up beside the requests, and what was known is kept', async t => {
  const time = { ms: 0 }
  const answers = new Map([['both.example', ['192.0.2.1', '2001:db8::1']]])
  const asked: string[] = []
  const places = new VolunteerPlaces({
    geo: null,
    clock: { nowMs: () => 0, monotonicMs: () => time.ms },
    resolve: async host => {
      asked.push(host)
      const found = answers.get(host)
      if (found === undefined) throw new Error('no such name')
      return found
    },
  })
  t.equal(places.volunteer('http://both.example').reach, 'any', 'not known yet')
  await places.settled()
  t.equal(places.revision, 1)
  t.equal(places.volunteer('http://none.example').reach, 'any')
  await places.settled()
  t.equal(places.revision, 1, 'nothing is known of it still')
  answers.set('both.example', ['2001:db8::1'])
  places.refresh()
  await places.settled()
  t.equal(places.revision, 1, 'it is believed for a while')
  time.ms += 600_000
  places.refresh()
  await places.settled()
  t.equal(places.revision, 2)
  t.equal(places.volunteer('http://both.example').reach, 'v6')
  answers.clear()
  time.ms += 600_000
  places.refresh()
  await places.settled()
  t.equal(places.volunteer('http://both.example').reach, 'v6', 'kept')
  t.strictSame(asked.filter(host => host === 'none.example').length, 3)
})
