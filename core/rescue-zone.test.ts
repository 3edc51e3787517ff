import t from 'tap'
import type { VolunteerName } from './ids.ts'
import {
  parseZone,
  recordsProblem,
  rescueHosts,
  rescueNameOf,
  rescueObstacle,
  withHost,
  zoneLines,
} from './rescue-zone.ts'

const ada = 'ada' as VolunteerName
const zone = 'mirrors.example.org'

t.test('a Host header names a volunteer, or nobody', async t => {
  t.strictSame(rescueNameOf(`ada.${zone}`, zone), { name: 'ada', only: false })
  t.strictSame(rescueNameOf(`Only-Ada.${zone}:8080`, zone), { name: 'ada', only: true })
  for (const host of [
    undefined,
    zone,
    `.${zone}`,
    `a.b.${zone}`,
    'ada.example.org',
    `ada${zone}`,
  ]) {
    t.equal(rescueNameOf(host, zone), null, host ?? 'none')
  }
  t.equal(parseZone('Mirrors.Example.org.'), zone)
  for (const text of ['', 'localhost', '-a.org', 'a..b', 'a b.org', 'x'.repeat(300)]) {
    t.equal(parseZone(text), null, text.slice(0, 20))
  }
})

t.test('the same port, scheme and path as the origin’s are needed', async t => {
  const origin = 'http://repo.example.org:8080/mirror'
  const obstacle = (url: string, name = 'ada') => rescueObstacle(name as VolunteerName, url, origin)
  t.equal(obstacle('http://ada.example.org:8080/mirror/'), null)
  t.match(obstacle('http://ada.example.org/mirror'), 'port')
  t.match(obstacle('https://ada.example.org:8080/mirror'), 'https')
  t.match(obstacle('http://ada.example.org:8080'), 'path')
  t.match(obstacle('http://repo.example.org:8080/mirror'), 'own name')
  t.match(obstacle('http://ada.example.org:8080/mirror', 'only-ada'), 'begins with')
  t.match(obstacle('http://ada.example.org:8080/mirror', 'a'.repeat(60)), 'too long')
  const { both, only } = rescueHosts(ada, zone)
  t.equal(withHost('http://192.0.2.1:8080/mirror/', both), `http://ada.${zone}:8080/mirror`)
  t.equal(withHost('http://192.0.2.1/', only), `http://only-ada.${zone}`)
})

t.test('records that would lead clients astray are found', async t => {
  const volunteer = ['192.0.2.1', '2001:db8::1']
  const good = { both: ['192.0.2.1', '2001:DB8::1', '192.0.2.9'], only: volunteer, volunteer }
  t.equal(recordsProblem(good), null)
  t.match(recordsProblem({ ...good, both: [] }), 'does not name its address')
  t.match(recordsProblem({ ...good, both: ['192.0.2.9'] }), 'does not name its address')
  t.match(recordsProblem({ ...good, both: volunteer }), 'does not name the origin')
  t.match(recordsProblem({ ...good, only: [] }), 'no "only-" name')
  t.match(recordsProblem({ ...good, only: good.both }), 'leads elsewhere')
  t.match(recordsProblem({ ...good, volunteer: [] }), 'no address')
})

t.test('the zone’s lines: the volunteer first, then the origin', async t => {
  t.strictSame(zoneLines(ada, ['192.0.2.1', '2001:db8::1'], ['192.0.2.9', '192.0.2.1'], 60), [
    'ada 60 IN A 192.0.2.1',
    'ada 60 IN AAAA 2001:db8:0:0:0:0:0:1',
    'ada 60 IN A 192.0.2.9',
    'only-ada 60 IN A 192.0.2.1',
    'only-ada 60 IN AAAA 2001:db8:0:0:0:0:0:1',
  ])
})
