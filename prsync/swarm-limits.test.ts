import assert from 'node:assert'
import t from 'tap'
import { rateBurstMs } from '../core/limits.ts'
import { RateLimiter } from '../core/rate-limiter.ts'
import { introduce, MemoryOrigin, makeBundle, startVolunteers } from './swarm-fixture.ts'

const KiB = 1024
const bytesPerSecond = 800 * KiB

/** The least time that the rate allows, with a tenth off for rounding. */
const leastMs = (bytes: number): number =>
  0.9 * ((bytes / bytesPerSecond) * 1000 - rateBurstMs) - 100

t.test('the upload limit holds for all peers together', async t => {
  const bundle = makeBundle([600 * KiB, 200 * KiB], 64 * KiB)
  const origin = new MemoryOrigin([bundle])
  const options = { uploadLimiter: new RateLimiter(bytesPerSecond) }
  const [holder] = await startVolunteers(t, 1, [bundle], origin, options)
  assert(holder)
  introduce(bundle, [holder])
  await holder.download(bundle)
  origin.failure = () => new Error('dead')
  await t.test('two askers', async t => {
    const askers = await startVolunteers(t, 2, [bundle], origin)
    const beganMs = performance.now()
    introduce(bundle, [holder, ...askers], askers)
    await Promise.all(askers.map(asker => asker.download(bundle)))
    const tookMs = performance.now() - beganMs
    const { uploadedBytes } = holder.swarm.counters()
    for (const asker of askers) t.strictSame(await asker.placed(bundle), bundle.numbers)
    t.ok(uploadedBytes >= bundle.uniqueBytes)
    t.ok(tookMs >= leastMs(uploadedBytes), `${uploadedBytes} bytes in ${tookMs.toFixed(0)} ms`)
    t.ok(tookMs < 10_000, 'and it is made use of')
  })
})

t.test('the download limit holds for peers and origin together', async t => {
  const shared = makeBundle([600 * KiB], 64 * KiB)
  const fresh = makeBundle([600 * KiB], 64 * KiB, 2)
  const origin = new MemoryOrigin([shared, fresh])
  const [holder] = await startVolunteers(t, 1, [shared, fresh], origin)
  assert(holder)
  introduce(shared, [holder])
  await holder.download(shared)
  await t.test('one asker', async t => {
    const options = { downloadLimiter: new RateLimiter(bytesPerSecond) }
    const [asker] = await startVolunteers(t, 1, [shared, fresh], origin, options)
    assert(asker)
    introduce(shared, [holder, asker], [asker])
    introduce(fresh, [asker])
    const beganMs = performance.now()
    // From the peer and from the origin at the same time.
    await Promise.all([asker.download(shared), asker.download(fresh)])
    const tookMs = performance.now() - beganMs
    const { downloadedBytes, originBytes } = asker.swarm.counters()
    t.equal(originBytes, fresh.uniqueBytes)
    t.ok(downloadedBytes >= shared.uniqueBytes + fresh.uniqueBytes)
    t.ok(tookMs >= leastMs(downloadedBytes), `${downloadedBytes} bytes in ${tookMs.toFixed(0)} ms`)
    t.ok(tookMs < 10_000, 'and it is made use of')
  })
})
