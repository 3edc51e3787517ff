import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { get } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../core/clock.ts'
import { silentLogger } from '../core/log.ts'
import { Front, frontDefaults } from '../delivery/front.ts'
import { Metrics } from './metrics.ts'
import { VolunteerServer } from './server.ts'

const metrics = new Metrics({
  swarmSentBytes: () => 0,
  fetchedBytes: () => ({ peers: 0, origin: 0 }),
  reusedBytes: () => 0,
  heldFiles: () => 0,
  heldBytes: () => 0,
  wantedBytes: () => 0,
  snapshot: () => 0,
  activeClients: () => 0,
})
const parts = { metrics, logger: silentLogger, answerNonce: () => null, status: () => ({}) }
const listen = { host: '127.0.0.1', port: 0 }

const hasOpenssl = (): boolean => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

t.test(
  'https with the owner’s certificate',
  { skip: !hasOpenssl() && 'openssl missing: apt-get install openssl' },
  async t => {
    const folder = t.testdir({})
    const certFile = join(folder, 'cert.pem')
    const keyFile = join(folder, 'key.pem')
    const subject = ['-subj', '/CN=localhost', '-days', '1', '-nodes']
    const files = ['-keyout', keyFile, '-out', certFile]
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
    execFileSync('openssl', ['req', '-x509', ...key, ...subject, ...files], { stdio: 'ignore' })
    const server = new VolunteerServer(parts, { listen, tls: { certFile, keyFile }, prefix: '' })
    const { port } = await server.start()
    t.teardown(() => server.stop())
    const sent = get({
      host: '127.0.0.1',
      port,
      path: '/-/health',
      rejectUnauthorized: false,
      agent: false,
    })
    const [answer] = await once(sent, 'response')
    t.equal(answer.statusCode, 200)
    answer.resume()
  },
)

t.test('a missing certificate and a taken port are clear errors', async t => {
  const tls = { certFile: '/nonexistent/cert', keyFile: '/nonexistent/key' }
  await t.rejects(new VolunteerServer(parts, { listen, tls, prefix: '' }).start(), {
    code: 'MS_CONFIG_INVALID',
  })
  const first = new VolunteerServer(parts, { listen, tls: null, prefix: '' })
  const { port } = await first.start()
  t.teardown(() => first.stop())
  const second = new VolunteerServer(parts, { listen: { ...listen, port }, tls: null, prefix: '' })
  await t.rejects(second.start(), { code: 'MS_CONFIG_INVALID', message: /EADDRINUSE/ })
})

t.test('before it is enrolled it answers its own addresses and puts off the others', async t => {
  const server = new VolunteerServer(parts, { listen, tls: null, prefix: '' })
  const { port } = await server.start()
  t.teardown(() => server.stop())
  t.equal((await fetch(`http://127.0.0.1:${port}/-/health`)).status, 200)
  const answer = await fetch(`http://127.0.0.1:${port}/pool/a.deb`)
  t.equal(answer.status, 503)
  t.ok(answer.headers.get('retry-after'))
})

t.test('a handler that fails is answered with 500, and the server goes on', async t => {
  const server = new VolunteerServer(parts, { listen, tls: null, prefix: '' })
  server.open(async () => {
    throw new Error('broken')
  })
  const { port } = await server.start()
  t.teardown(() => server.stop())
  t.equal((await fetch(`http://127.0.0.1:${port}/x`)).status, 500)
  t.equal((await fetch(`http://127.0.0.1:${port}/-/health`)).status, 200)
})

t.test('behind a proxy its own addresses answer with and without the public prefix', async t => {
  const server = new VolunteerServer(parts, { listen, tls: null, prefix: '/lent' })
  const { port } = await server.start()
  t.teardown(() => server.stop())
  for (const path of ['/lent/-/health', '/-/health']) {
    t.equal((await fetch(`http://127.0.0.1:${port}${path}`)).status, 200, path)
  }
  t.equal((await fetch(`http://127.0.0.1:${port}/other/-/health`)).status, 503, 'a path')
})

t.test('one address may ask so often, and have so many connections', async t => {
  const options = { ...frontDefaults, requestsPerSecond: 1, connectionsPerAddress: 2 }
  const front = new Front({ ...options, unlimitedNetworks: [] }, systemClock)
  const server = new VolunteerServer(parts, { listen, tls: null, prefix: '', front })
  const { port } = await server.start()
  t.teardown(() => server.stop())
  const statuses: number[] = []
  for (let count = 0; count < 20; count++) {
    const answer = await fetch(`http://127.0.0.1:${port}/-/health`)
    await answer.text()
    statuses.push(answer.status)
    if (answer.status === 429) t.equal(answer.headers.get('retry-after'), '1')
  }
  t.equal(statuses[0], 200)
  t.ok(statuses.includes(429))
  const sockets = Array.from({ length: 4 }, () => connect(port, '127.0.0.1'))
  t.teardown(() => sockets.forEach(socket => void socket.destroy()))
  await Promise.race(
    sockets.map(socket => once(socket.on('error', () => undefined).resume(), 'close')),
  )
  t.pass('one of them is closed')
})
