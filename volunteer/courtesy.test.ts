import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { systemClock } from '../core/clock.ts'
import { RateLimiter } from '../core/rate-limiter.ts'
import { courtesyFloorBytesPerSecond } from '../core/volunteer-limits.ts'
import { Courtesy } from './courtesy.ts'

t.test('a busy thread that serves clients holds the swarm, for as long as it does', async t => {
  const limiter = new RateLimiter(null)
  let activeClients = 1
  const courtesy = new Courtesy({
    limiters: [limiter],
    activeClients: () => activeClients,
    clientBytes: () => 0,
    swarm: () => ({ downloadedBytes: limiter.takenBytes, uploadedBytes: 0 }),
    clock: systemClock,
  })
  courtesy.start()
  t.teardown(() => courtesy.stop())
  t.equal(courtesy.bytesPerSecond, null)
  let takes = 0
  const stop = new AbortController()
  const swarm = (async () => {
    while (!stop.signal.aborted) {
      await limiter.take(1024 * 1024, 'swarm', stop.signal)
      takes++
      await nextTurn()
    }
  })()
  swarm.catch(() => undefined)
  /** Spin until something is so. */
  const busyUntil = async (what: () => boolean): Promise<void> => {
    const endMs = performance.now() + 20_000
    while (!what()) {
      const restMs = performance.now() + 5
      while (performance.now() < restMs);
      await nextTurn()
      if (performance.now() > endMs) throw new Error('not in 20 s')
    }
  }
  await busyUntil(() => courtesy.bytesPerSecond === courtesyFloorBytesPerSecond)
  const before = takes
  await busyUntil(() => takes > before)
  t.pass('it goes on all the same')
  activeClients = 0
  await busyUntil(() => courtesy.bytesPerSecond === null)
  stop.abort(new Error('enough'))
  await Promise.allSettled([swarm])
})

t.test('what stops lets the swarm go', async t => {
  const limiter = new RateLimiter(null)
  limiter.holdSwarm(1)
  await limiter.take(100, 'swarm')
  const waiting = limiter.take(1_000_000, 'swarm')
  new Courtesy({
    limiters: [limiter],
    activeClients: () => 0,
    clientBytes: () => 0,
    swarm: () => ({ downloadedBytes: 0, uploadedBytes: 0 }),
    clock: systemClock,
  }).stop()
  await waiting
  t.equal(limiter.takenBytes, 1_000_100)
})
