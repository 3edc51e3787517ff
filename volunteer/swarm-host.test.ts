import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { silentLogger } from '../core/log.ts'
import { RateLimiter } from '../core/rate-limiter.ts'
import { everybody, makeIdentity } from '../prsync/swarm-fixture.ts'
import { SwarmHost } from './swarm-host.ts'

const hostOn = (dataDir: string, port: number): SwarmHost =>
  new SwarmHost(
    {
      source: { openHeld: async () => null },
      identity: makeIdentity(),
      roster: everybody,
      originFetch: async () => {
        throw new Error('no origin')
      },
      logger: silentLogger,
      uploadLimiter: new RateLimiter(null),
      downloadLimiter: new RateLimiter(null),
      loadBundle: async () => null,
    },
    { host: '127.0.0.1', port, dataDir },
  )

t.test('the swarm comes back on the same port after a pause', async t => {
  const host = hostOn(t.testdir({}), 0)
  t.equal(host.port, null)
  t.throws(() => host.swarm, { code: 'MS_REMOTE_UNREACHABLE' })
  await host.start()
  await host.start()
  const { port } = host
  t.type(port, 'number')
  await host.stop()
  t.equal(host.port, null)
  t.strictSame(host.downloads(), [])
  host.updatePeers([])
  await host.tidy(() => false)
  await host.start()
  t.equal(host.port, port)
  t.strictSame(host.counters(), { downloadedBytes: 0, uploadedBytes: 0, originBytes: 0 })
  await host.stop()
  await host.stop()
})

t.test('a port that is taken is a clear error', async t => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const address = other.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  await t.rejects(hostOn(t.testdir({}), address.port).start(), {
    code: 'MS_CONFIG_INVALID',
    message: new RegExp(String(address.port)),
  })
})
