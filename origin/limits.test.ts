// The limits of an origin, each hit over real connections; other addresses are played by what a trusted
// proxy says.

import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { frontDefaults } from '../delivery/front.ts'
import { eventually, rawRequest, TestNetwork } from './fixtures/test-network.ts'

const fill = (repository: string): void => {
  mkdirSync(join(repository, 'pool'))
  writeFileSync(join(repository, 'pool/small'), 'small')
}

const open = async (network: TestNetwork): Promise<Socket> => {
  const socket = connect(Number(new URL(network.origin.url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

t.test('requests of one address', async t => {
  const front = { ...frontDefaults, trustedProxies: ['127.0.0.0/8'], requestsPerSecond: 1 }
  const network = await TestNetwork.start(t, fill, { front })
  await network.waitForSnapshot(1)
  const volunteer = await network.volunteer('helper')
  const from = (address: string) => network.get('/pool/small', { 'x-forwarded-for': address })

  const statuses: number[] = []
  for (let count = 0; count < 20; count++) statuses.push((await from('192.0.2.1')).status)
  t.same(statuses.slice(0, 5), [200, 200, 200, 200, 200], 'a burst passes')
  t.ok(statuses.includes(429), 'a flood does not')
  const refused = await network.get('/-/v1/volunteers', { 'x-forwarded-for': '192.0.2.1' })
  t.equal(refused.status, 429, 'whatever it asks for')
  t.equal(refused.headers['retry-after'], '1')
  t.match(JSON.parse(refused.body.toString()), { error: { code: 'MS_TOO_MANY_REQUESTS' } })
  t.equal((await from('192.0.2.1, 192.0.2.2')).status, 200, 'and nobody else')
  t.equal((await from('nonsense')).status, 200, 'the proxy itself has no limit')
  for (let count = 0; count < 20; count++) await volunteer.announce()

  const forged = `Mirrorswarm name="helper", time="${Date.now()}", signature="${'A'.repeat(86)}"`
  const headers = { 'x-forwarded-for': '203.0.113.1', authorization: forged }
  const target = `/-/v1/contents/${'a'.repeat(64)}`
  t.equal((await network.get(target, headers)).status, 403)
  t.equal((await network.get(target, headers)).status, 429, 'false signatures are dear')
})

t.test('what apt does passes the default limits', async t => {
  const front = { ...frontDefaults, unlimitedNetworks: [] }
  const network = await TestNetwork.start(t, fill, { front })
  await network.waitForSnapshot(1)
  const socket = await open(network)
  const count = 1000
  const one = 'GET /pool/small HTTP/1.1\r\nHost: x\r\nUser-Agent: Debian APT-HTTP/1.3\r\n\r\n'
  socket.write(one.repeat(count - 1))
  socket.write(one.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
  let text = ''
  for await (const part of socket) text += String(part)
  t.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, count)
})

t.test('connections of one address', async t => {
  const front = { ...frontDefaults, unlimitedNetworks: [], connectionsPerAddress: 4 }
  const network = await TestNetwork.start(t, fill, { front })
  const sockets = await Promise.all(Array.from({ length: 12 }, () => open(network)))
  t.teardown(() => sockets.forEach(socket => void socket.destroy()))
  const refused = new Set<Socket>()
  for (const socket of sockets) {
    socket.resume()
    socket.once('close', () => refused.add(socket))
  }
  await eventually('refusals', async () => refused.size >= 8)
  const last = sockets.find(socket => !refused.has(socket))
  last?.write('GET /-/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  let text = ''
  for await (const part of last ?? []) text += String(part)
  t.match(text, /200 OK/, 'those that came first are served')
})

t.test('headers and URLs', async t => {
  const network = await TestNetwork.start(t, fill)
  const { url } = network.origin
  const large = 'x'.repeat(17_000)
  for (const [target, headers] of [
    [`/${large}`, {}],
    [`/pool/small?${large}`, {}],
    ['/pool/small', { 'x-large': large }],
    ['/-/v1/head', { authorization: `Basic ${large}` }],
  ] as const) {
    const answer = await rawRequest(url, target, { headers })
    t.equal(answer.status, 413, target.slice(0, 20))
    t.match(JSON.parse(answer.body.toString()), { error: { code: 'MS_REQUEST_TOO_LARGE' } })
  }
})
