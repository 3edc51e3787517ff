import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeMmdb } from './fixtures/mmdb.ts'
import { TestNetwork } from './fixtures/test-network.ts'

const fill = (repository: string): void => {
  mkdirSync(join(repository, 'pool'))
  writeFileSync(join(repository, 'pool/a.deb'), Buffer.alloc(50_000, 'a'))
}

interface Row {
  readonly name: string
  readonly closeness: string
}

const folder = t.testdir({})
const geo = join(folder, 'geo.mmdb')
writeFileSync(
  geo,
  makeMmdb({ '127.0.0.0/8': { country_code: 'FR' }, '192.0.2.0/24': { country_code: 'FR' } }),
)

t.test('what the operator settles decides who is near', async t => {
  const network = await TestNetwork.start(t, fill, {
    announceIntervalMs: 60_000,
    prefer: ['10.9.0.0/16=bob', '10.8.0.0/16=site:north'],
    geoDatabases: [geo],
  })
  await network.waitForSnapshot(1)
  const ada = await network.volunteer('ada')
  await network.volunteer('bob')
  const settle = async (name: string, body: object) =>
    (await network.operate(`/-/v1/volunteers/${name}`, body)).status
  const nearest = async (from: string): Promise<Row[]> => {
    const answer = await network.operate(`/-/v1/explain?path=pool/a.deb&from=${from}`, null, {
      accept: 'application/json',
    })
    return JSON.parse(answer.body.toString()).accepted
  }

  t.match(await nearest('192.0.2.1'), [{ closeness: 'country' }, { closeness: 'country' }])
  t.match(await nearest('198.51.100.1'), [{ closeness: 'rest' }, { closeness: 'rest' }])
  t.match(await nearest('10.9.1.2'), [{ name: 'bob', closeness: 'rule', prefixBits: 16 }, {}])
  t.equal(await settle('ada', { site: 'north', networks: ['10.7.0.0/16', 'fd00::/8'] }), 200)
  t.match(await nearest('10.8.1.2'), [{ name: 'ada', closeness: 'rule' }, {}])
  t.match(await nearest('10.7.1.2'), [{ name: 'ada', closeness: 'network' }, {}])
  t.match(await nearest('fd00::1'), [
    { name: 'ada', closeness: 'network' },
    { closeness: 'family' },
  ])
  t.equal(await settle('bob', { site: 'north', weight: 0.5, trust: 'signed-only' }), 200)
  const refused = await network.operate('/-/v1/explain?path=pool/a.deb&from=10.7.1.2', null, {
    accept: 'application/json',
  })
  t.match(JSON.parse(refused.body.toString()).refused, [{ name: 'bob', reason: 'trust' }])
  t.equal(await settle('bob', { trust: 'full' }), 200)
  t.match(await nearest('10.7.1.2'), [
    { name: 'ada' },
    { name: 'bob', closeness: 'site', weight: 0.5 },
  ])

  for (const wrong of [
    { networks: ['10.0.0.0/99'] },
    { networks: ['everyone'] },
    { networks: Array(40).fill('10.0.0.0/8') },
    { weight: -1 },
    { site: 'no spaces' },
    { trust: 'blind' },
    { action: 'promote' },
  ]) {
    t.equal(await settle('ada', wrong), 400, JSON.stringify(wrong))
  }

  const shown = (await network.json('/-/v1/volunteers')) as { volunteers: object[] }
  t.match(shown.volunteers, [{ name: 'ada', site: 'north', networks: [] }, { weight: 0.5 }])
  const operators = JSON.parse((await network.operate('/-/v1/volunteers', null)).body.toString())
  t.match(operators.volunteers, [{ networks: ['10.7.0.0/16', 'fd00::/8'] }, {}])

  await network.restart()
  ada.newSession()
  await ada.announce()
  t.match(await nearest('10.7.1.2'), [{ name: 'ada', closeness: 'network' }], 'it is kept')

  t.equal(await settle('ada', { action: 'remove' }), 200)
  t.strictSame(await nearest('10.7.1.2'), [])
  t.equal(await settle('ada', { weight: 1 }), 404)
  t.equal((await ada.tryAnnounce()).status, 403, 'it is told so')
  const left = (await network.json('/-/v1/volunteers')) as { volunteers: object[] }
  t.match(left.volunteers, [{ name: 'bob' }])
  t.equal(left.volunteers.length, 1)
})
