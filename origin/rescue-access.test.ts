import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { silentLogger } from '../core/log.ts'
import { TestNetwork } from './fixtures/test-network.ts'
import { makeRescueNames } from './make-rescue.ts'
import type { RescueNamesParts } from './rescue-names.ts'

t.setTimeout(300_000)

const zone = 'rescue.example.org'
const bytes = (name: string): Buffer => Buffer.alloc(50_000, name)

t.test(
  'a link is good for what it links to by a rescue name, and nobody is asked for credentials',
  async t => {
    const fill = (repository: string): void => {
      for (const name of ['a.deb', 'b.deb']) writeFileSync(join(repository, name), bytes(name))
    }
    const network = await TestNetwork.start(t, fill, {
      ...{ requireClients: true, rescueZone: zone, publicUrl: 'http://127.0.0.1/' },
      announceIntervalMs: 60_000,
    })
    await network.waitForSnapshot(1)
    await network.volunteer('ada')
    const made = await network.operate('/-/v1/clients', { name: 'lab', paths: ['a.deb'] })
    const { secret } = JSON.parse(made.body.toString())
    const authorization = `Basic ${Buffer.from(`lab:${secret}`).toString('base64')}`
    const redirect = await network.get('/a.deb', { authorization })
    t.equal(redirect.status, 302)
    const link = new URL(String(redirect.headers.location)).search
    const host = `ada.${zone}`

    const rescued = await network.get(`/a.deb${link}`, { host })
    t.ok(rescued.status === 200 && rescued.body.equals(bytes('a.deb')), 'without credentials')
    t.equal((await network.get(`/a.deb${link}`)).status, 401, 'but not by the origin’s own name')
    const altered = link.replace(/s=(.)/, (_, first) => `s=${first === 'A' ? 'B' : 'A'}`)
    const refused: [string, Record<string, string>][] = [
      ['/a.deb', {}],
      ['/a.deb', { authorization }],
      ['/a.deb', { authorization: 'Basic bGFiOng=' }],
      [`/a.deb${altered}`, {}],
      [`/b.deb${link}`, {}],
      [`/${link}`, {}],
      [`/-/v1/snapshots${link}`, {}],
      [`/-/mirrors/apt/${link}`, {}],
      [`/-/via/ada/b.deb${link}`, {}],
      [`/a.deb${link}`, { host: `bob.${zone}` }],
    ]
    for (const [target, headers] of refused) {
      const answer = await network.get(target, { host, ...headers })
      t.equal(answer.status, 403, target)
      t.equal(answer.headers['www-authenticate'], undefined)
    }
  },
)

t.test('an origin that requires clients has no name in the zone', async t => {
  const parts = { logger: silentLogger } as RescueNamesParts
  const make = (publicUrl: string, requireClients: boolean) =>
    makeRescueNames({ rescueZone: zone, publicUrl, requireClients }, parts)
  for (const url of [`http://repo.${zone}/`, `https://RESCUE.example.org`]) {
    t.throws(() => make(url, true), { code: 'MS_CONFIG_INVALID', message: /own name lies in it/ })
    t.ok(make(url, false))
  }
  for (const url of ['http://example.org/', 'http://norescue.example.org/']) t.ok(make(url, true))
})
