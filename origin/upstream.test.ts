// An origin that pulls from a real rsync daemon: what it has is published, and nothing else ever.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { temporaryFolder } from '../loadtest/leftovers.ts'
import { missing } from '../loadtest/programs.ts'
import { startRsyncDaemon } from '../loadtest/rsync-daemon.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { eventually, TestNetwork } from './fixtures/test-network.ts'
import type { OriginOptions } from './options.ts'

const skip = { skip: missing('rsync') }

const prepare = async (t: Test) => {
  const temporary = temporaryFolder('upstream')
  const folder = temporary.path
  t.teardown(() => temporary.remove())
  mkdirSync(join(folder, 'upstream/pool'), { recursive: true })
  const upstream = join(folder, 'upstream')
  writeFileSync(join(upstream, 'pool/a.deb'), noise('a', 100_000))
  writeFileSync(join(upstream, 'Release'), 'one')
  const daemon = await startRsyncDaemon(upstream, join(folder, 'rsyncd'))
  t.teardown(() => daemon.stop().catch(() => undefined))
  return { upstream, daemon }
}

const start = (t: Test, options: Partial<OriginOptions>): Promise<TestNetwork> =>
  TestNetwork.start(t, () => undefined, options)

t.test('what upstream has is published, also on demand', skip, async t => {
  const { upstream, daemon } = await prepare(t)
  const network = await start(t, { upstream: daemon.url })
  await network.waitForSnapshot(1)
  t.equal((await network.get('/Release')).body.toString(), 'one')
  t.equal((await network.get('/pool/a.deb')).body.length, 100_000)

  writeFileSync(join(upstream, 'pool/b.deb'), noise('b', 5000))
  writeFileSync(join(upstream, 'Release'), 'two')
  rmSync(join(upstream, 'pool/a.deb'))
  const published = await network.publish(true)
  t.match(published, { added: 1, changed: 1, removed: 1 })
  t.equal((await network.get('/Release')).body.toString(), 'two')
  t.equal((await network.get('/pool/a.deb')).status, 404)
  t.same(readdirSync(network.repository).sort(), ['Release', 'pool'], 'nothing else is left there')

  const status = JSON.parse((await network.operate('/-/v1/publish', null)).body.toString())
  t.match(status, { upstream: { source: daemon.url, pulling: false, problem: null } })
  const metrics = (await network.get('/-/metrics')).body.toString()
  t.match(metrics, /mirrorswarm_upstream_pulls_total\{outcome="succeeded"\} 2/)
})

t.test('a failed pull leaves the last snapshot, and is seen', skip, async t => {
  const { daemon } = await prepare(t)
  const network = await start(t, { upstream: daemon.url })
  await network.waitForSnapshot(1)
  await daemon.stop()
  // What the tree has is not published behind upstream's back.
  writeFileSync(join(network.repository, 'stray'), 'x')
  const answer = await network.operate('/-/v1/publish', {})
  t.equal(answer.status, 502)
  t.match(answer.body.toString(), /MS_REMOTE_UNREACHABLE/)
  t.equal((await network.get('/Release')).body.toString(), 'one')
  t.equal((await network.get('/stray')).status, 404)
  const status = JSON.parse((await network.operate('/-/v1/publish', null)).body.toString())
  t.equal(status.upstream.problem.code, 'MS_REMOTE_UNREACHABLE')
})

t.test('an upstream that lost its disk empties nothing', skip, async t => {
  const { upstream, daemon } = await prepare(t)
  for (let index = 0; index < 1200; index++) writeFileSync(join(upstream, `f${index}`), `${index}`)
  mkdirSync(join(upstream, 'turns'))
  writeFileSync(join(upstream, 'turns/inside'), 'a folder, then a file')
  const network = await start(t, { upstream: daemon.url })
  await network.waitForSnapshot(1)
  rmSync(join(upstream, 'turns'), { recursive: true })
  writeFileSync(join(upstream, 'turns'), 'a file')
  t.match(await network.publish(), { added: 1, removed: 1 }, 'a little may be deleted')
  renameSync(upstream, `${upstream}-away`)
  mkdirSync(upstream)
  const before = readdirSync(network.repository).length
  for (let attempt = 0; attempt < 2; attempt++) {
    const answer = await network.operate('/-/v1/publish', {})
    t.equal(answer.status, 409)
    t.match(answer.body.toString(), /MS_PUBLISH_SHRINKS/)
  }
  t.equal((await network.json('/-/ready')).snapshot, 2)
  t.equal(readdirSync(network.repository).length, before, 'not by and by either')
})

t.test(
  'interrupted pulls show nothing that is not whole, and end with the origin',
  skip,
  async t => {
    const { upstream, daemon } = await prepare(t)
    const network = await start(t, { upstream: daemon.url, upstreamIntervalMs: 50 })
    await network.waitForSnapshot(1)
    for (let round = 0; round < 3; round++) {
      writeFileSync(join(upstream, 'large.bin'), noise(`large ${round}`, 20_000_000))
      await eventually('a pull', async () => {
        const answer = await network.operate('/-/v1/publish', null)
        return JSON.parse(answer.body.toString()).upstream.pulling === true
      })
      await network.restart()
      const file = join(network.repository, 'large.bin')
      if (existsSync(file)) t.equal(readFileSync(file).length, 20_000_000)
    }
    await eventually('the newest file', async () => {
      const { body } = await network.get('/large.bin')
      return body.equals(Buffer.from(noise('large 2', 20_000_000)))
    })
  },
)
