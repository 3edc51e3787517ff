// Volunteers that lie in every way, clients and volunteers that accuse falsely: over real HTTP.

import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { sha256Hex } from '../../core/keys.ts'
import { decodeOrder, encodeReport } from '../../tracker/audit-order.ts'
import {
  eventually,
  type HandMadeVolunteer,
  rawRequest,
  TestNetwork,
} from '../fixtures/test-network.ts'

const bytesOf = (name: string): Buffer => Buffer.alloc(50_000, `${name} `)
const names = ['a.deb', 'b.deb', 'c.deb']
const fill = (repository: string): void => {
  mkdirSync(join(repository, 'pool'))
  for (const name of names) writeFileSync(join(repository, 'pool', name), bytesOf(name))
}

const start = async (t: Test, auditIntervalMs?: number): Promise<TestNetwork> => {
  const network = await TestNetwork.start(t, fill, {
    announceIntervalMs: 60_000,
    ...(auditIntervalMs === undefined ? {} : { auditIntervalMs }),
  })
  await network.waitForSnapshot(1)
  return network
}

interface Line {
  readonly name: string
  readonly state: string
  readonly reasons: string[]
}

const linesOf = async (network: TestNetwork): Promise<Map<string, Line>> => {
  const { volunteers } = (await network.json('/-/v1/volunteers')) as { volunteers: Line[] }
  return new Map(volunteers.map(line => [line.name, line]))
}

const isOut = async (network: TestNetwork, name: string): Promise<boolean> =>
  (await linesOf(network)).get(name)?.state === 'quarantined'

/** Right length, wrong bytes. */
const lie = (incoming: IncomingMessage, response: ServerResponse): void => {
  response.setHeader('content-length', 50_000)
  response.end(incoming.method === 'HEAD' ? undefined : Buffer.alloc(50_000, 'lies '))
}

/** What a client gets that checks the hash and tries again, and how often it had to try. */
const download = async (network: TestNetwork, path: string): Promise<number> => {
  for (let attempt = 1; attempt <= 4; attempt++) {
    const answer = await network.get(`/${path}`, { 'user-agent': 'real client' })
    const { location } = answer.headers
    let { body } = answer
    if (location !== undefined) {
      const url = new URL(location)
      body = (await rawRequest(url.origin, `${url.pathname}${url.search}`)).body
    }
    if (sha256Hex(body) === sha256Hex(bytesOf(path.slice('pool/'.length)))) return attempt
  }
  throw new Error('the download did not heal')
}

const audits = async (network: TestNetwork, by: string, result: string): Promise<number> => {
  const text = (await network.get('/-/metrics')).body.toString()
  const pattern = `mirrorswarm_audits_total\\{by="${by}",result="${result}"\\} (\\d+)`
  return Number(new RegExp(pattern).exec(text)?.[1] ?? 0)
}

t.test(
  'one that sends wrong bytes: the client is served elsewhere, and it is taken out',
  async t => {
    const network = await start(t)
    const eve = await network.volunteer('eve')
    eve.serve = lie
    t.equal(await download(network, 'pool/a.deb'), 2, 'the second attempt heals it')
    await eventually('the quarantine', () => isOut(network, 'eve'))
    t.match((await linesOf(network)).get('eve')?.reasons, [/quarantined: .*other bytes/])
    t.equal((await network.get('/pool/b.deb')).status, 200, 'served by the origin')
    await network.restart()
    await eve.announce()
    t.ok(await isOut(network, 'eve'), 'a restart forgets nothing')
    t.equal((await network.operate('/-/v1/volunteers/eve', { action: 'enable' })).status, 200)
    t.notOk(await isOut(network, 'eve'), 'the operator may trust it again')
  },
)

t.test('one that breaks off twice is taken out, one that bounces is not', async t => {
  const network = await start(t, 40)
  const [eve, ada] = [await network.volunteer('eve'), await network.volunteer('ada')]
  ada.serve = (incoming, response) => {
    const path = incoming.url?.split('?')[0]?.slice(1) ?? ''
    const bounce = ada.bounce(path, sha256Hex(ada.bytesOf(incoming)), 'full')
    const location = `${network.origin.url}${path}?direct=${bounce}`
    response.writeHead(307, { location, 'content-length': 0 }).end()
  }
  eve.serve = (_, response) => {
    response.writeHead(200, { 'content-length': 50_000 })
    response.write(bytesOf('a.deb').subarray(0, 10), () => response.destroy())
  }
  await eventually('the quarantine', () => isOut(network, 'eve'))
  await eventually('a bounce', async () => (await audits(network, 'direct', 'bounced')) > 1)
  t.notOk(await isOut(network, 'ada'))
})

t.test(
  'what a volunteer says not to hold is taken from its holdings, until it says so',
  async t => {
    const network = await start(t)
    const ada = await network.volunteer('ada')
    const stranger = () => ({ 'user-agent': `client ${Math.random()}` })
    t.equal((await network.get('/pool/a.deb', stranger())).status, 302)
    const bounce = ada.bounce('pool/a.deb', sha256Hex(bytesOf('a.deb')), 'not held')
    t.equal((await network.get(`/pool/a.deb?direct=${bounce}`)).status, 200)
    await eventually('no redirect', async () => {
      return (await network.get('/pool/a.deb', stranger())).status === 200
    })
    t.equal((await network.get('/pool/b.deb', stranger())).status, 302, 'the others stay')
    await ada.announce()
    t.equal((await network.get('/pool/a.deb', stranger())).status, 302)
  },
)

t.test('one that is honest to the origin and lies to clients is found through others', async t => {
  const network = await start(t, 40)
  const eve = await network.volunteer('eve')
  for (const name of ['ada', 'bob', 'cyd']) await network.volunteer(name)
  const honest = eve.serve
  eve.serve = (incoming, response) => {
    const isOrigin = incoming.socket.remoteAddress === '127.0.0.1'
    return isOrigin ? honest(incoming, response) : lie(incoming, response)
  }
  await eventually('the quarantine', () => isOut(network, 'eve'))
  const lines = await linesOf(network)
  t.match(lines.get('eve')?.reasons, [/quarantined: \d volunteers found/])
  for (const name of ['ada', 'bob', 'cyd']) t.equal(lines.get(name)?.state, 'synced', name)
  t.equal(await audits(network, 'direct', 'wrong-bytes'), 0, 'the origin itself saw nothing')
})

/** Reports that everybody sends wrong bytes. */
const accuse = (eve: HandMadeVolunteer, secret: () => Uint8Array) => {
  eve.audit = async (incoming, response) => {
    const parts: Buffer[] = []
    for await (const part of incoming) parts.push(part)
    const key = { volunteer: eve.name, secret: secret() }
    const order = decodeOrder(key, JSON.parse(Buffer.concat(parts).toString()))
    if (order === null) throw new Error('a forged order')
    const report = {
      ...{ id: order.id, status: 200, location: '', contentRange: '' },
      ...{ contentLength: 50_000, receivedBytes: 50_000, elapsedMs: 1 },
      end: 'complete',
      sha256: createHash('sha256').update('lies').digest('hex'),
    } as const
    response.end(encodeReport(eve.name, report, eve.keys.privateKey))
  }
}

t.test('one that accuses everybody convicts nobody, and is not believed any more', async t => {
  const network = await start(t, 20)
  const eve = await network.volunteer('eve')
  accuse(eve, () => eve.secret)
  for (const name of ['ada', 'bob', 'cyd']) await network.volunteer(name)
  await eventually('accusations', async () => (await audits(network, 'through', 'wrong-bytes')) > 1)
  await eventually('clearances', async () => (await audits(network, 'through', 'passed')) > 20)
  const accusations = await audits(network, 'through', 'wrong-bytes')
  t.ok(accusations < 10, `${accusations} accusations before it is not asked any more`)
  for (const [name, { state }] of await linesOf(network)) t.equal(state, 'synced', name)
})

t.test('a client cannot have a volunteer taken out', async t => {
  const network = await start(t)
  await network.volunteer('ada')
  for (let round = 0; round < 100; round++) {
    const headers = { 'user-agent': `client ${round % 5}` }
    await network.get(`/pool/${names[round % 3]}`, headers)
  }
  await eventually('a probe', async () => (await audits(network, 'direct', 'passed')) > 0)
  t.notOk(await isOut(network, 'ada'))
  const total = await audits(network, 'direct', 'passed')
  t.ok(total <= 2, `${total} probes for 100 requests`)
})
