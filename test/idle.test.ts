// What an idle network costs, and how fast news travels through it.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../core/clock.ts'
import { waitUntil } from '../loadtest/deadline.ts'
import type { Network } from '../loadtest/network.ts'
import { freePort } from '../loadtest/ports.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { TcpProxy } from '../loadtest/tcp-proxy.ts'
import { HashPool } from '../manifest/hash-pool.ts'
import { KeptStore } from '../manifest/kept-store.ts'
import { keepAtOriginBy } from '../manifest/logic/keep-at-origin.ts'
import { ObjectStore } from '../manifest/objects.ts'
import { publish } from '../manifest/publish.ts'
import { ManifestReader } from '../manifest/store/reader.ts'
import { ManifestWriter } from '../manifest/store/writer.ts'
import { copiedPatterns } from '../origin/publish-work.ts'
import { bundler } from '../prsync/bundler.ts'
import { prepareNetwork, redirectTarget } from './start-network.ts'

t.setTimeout(240_000)

const bundles = 1_000
const intervalMs = 2_000

/** Publishes while the origin is down, each file in a bundle of its own. */
const publishApart = async (network: Network): Promise<void> => {
  const store = ManifestWriter.open(join(network.data, 'manifest.db'))
  const kept = new KeptStore(network.data)
  const hashPool = new HashPool({ workers: 1 })
  try {
    await publish({
      ...{ root: network.repository, store, kept, hashPool, clock: systemClock },
      objects: new ObjectStore(join(network.data, 'objects')),
      bundler: { plan: candidates => candidates.flatMap(each => bundler.plan([each])) },
      keepAtOrigin: keepAtOriginBy(copiedPatterns([])),
    })
  } finally {
    await hashPool.stop()
    kept.close()
    store.close()
  }
}

t.test('an idle volunteer with 1,000 bundles sends one request under 2 KB an interval', async t => {
  const network = await prepareNetwork(t, {
    originArgs: ['--announce-interval', `${intervalMs}ms`],
  })
  await network.origin.start()
  await network.origin.stop()
  for (let index = 0; index < bundles; index++) {
    const bytes = noise(`file ${index}`, index % 10 === 0 ? 270_000 : 5_000)
    writeFileSync(join(network.repository, `file-${index}.bin`), bytes)
  }
  await publishApart(network)
  await network.origin.start()
  const reader = ManifestReader.open(join(network.data, 'manifest.db'))
  t.equal(reader.bundleCount(), bundles)
  reader.close()
  const { hostname, port } = new URL(network.origin.url)
  const proxy = await TcpProxy.start({ host: hostname, port: Number(port) }, await freePort())
  t.teardown(() => proxy.stop())
  await network.addVolunteer({ originUrl: `http://127.0.0.1:${proxy.port}` })
  await network.waitForState('synced', { timeoutMs: 120_000 })

  // Whatever the synchronisation's end still had to say has been said once a poll passes in peace.
  const atRest = proxy.requests.length
  await waitUntil('a poll to end', () => proxy.requests.length > atRest, {
    timeoutMs: 15 * intervalMs,
  })
  const first = proxy.requests.length
  const started = performance.now()
  await waitUntil('three more polls', () => proxy.requests.length >= first + 3, {
    timeoutMs: 15 * intervalMs,
  })
  const elapsedMs = performance.now() - started
  const idle = proxy.requests.slice(first)
  t.comment(
    `${idle.length} requests in ${Math.round(elapsedMs)} ms, ${idle.map(each => each.bytes)} bytes`,
  )
  t.ok(elapsedMs > 2.5 * intervalMs, 'one request an interval, not more')
  for (const each of idle) {
    t.match(each.line, '/-/v1/announce')
    t.ok(each.bytes < 2_048, `${each.bytes} bytes`)
  }
})

t.test('a file published on an idle network is redirectable within 3 s', async t => {
  const network = await prepareNetwork(t)
  writeFileSync(join(network.repository, 'old.bin'), noise('old', 50_000))
  await network.origin.start()
  await network.addVolunteers(3)
  await network.waitForState('synced')
  for (let round = 1; round <= 3; round++) {
    writeFileSync(join(network.repository, `new-${round}.bin`), noise(`new ${round}`, 800_000))
    const started = performance.now()
    await network.publish()
    const publishMs = performance.now() - started
    await waitUntil(
      'the new file to be redirected',
      () => redirectTarget(`${network.origin.url}/new-${round}.bin`, `reader-${Math.random()}`),
      { timeoutMs: 15_000, everyMs: 20 },
    )
    const totalMs = performance.now() - started
    t.comment(
      `redirectable ${Math.round(totalMs)} ms after a publish was asked for, ${Math.round(totalMs - publishMs)} ms after it ended`,
    )
    t.ok(totalMs < 6_000, 'soon (3 s is the aim; a loaded test machine gets twice that)')
  }
})
