import { mock } from 'node:test'
import t from 'tap'
import { systemClock } from './clock.ts'
import { RateLimiter, type TrafficPriority } from './rate-limiter.ts'

/** A limiter on virtual time: `advance` moves the clock and fires what is due. */
const virtual = (bytesPerSecond: number | null) => {
  let nowMs = 0
  const limiter = new RateLimiter(bytesPerSecond, { monotonicMs: () => nowMs })
  const advance = async (ms: number): Promise<void> => {
    for (let step = 0; step < ms; step++) {
      nowMs++
      mock.timers.tick(1)
      await Promise.resolve()
    }
    await new Promise(resolve => setImmediate(resolve))
  }
  return { limiter, advance, now: () => nowMs }
}

t.test('on virtual time', async t => {
  t.beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
  t.afterEach(() => mock.timers.reset())

  t.test('no more passes than the rate and the burst allow', async t => {
    const { limiter, advance } = virtual(100_000)
    const sender = async (): Promise<void> => {
      for (let count = 0; count < 1000; count++) await limiter.take(1000, 'swarm')
    }
    void sender()
    void sender()
    await advance(2000)
    t.ok(limiter.takenBytes <= 200_000 + 10_000 + 1000, `${limiter.takenBytes} bytes in 2 s`)
    t.ok(limiter.takenBytes >= 195_000, `${limiter.takenBytes} bytes in 2 s`)
  })

  t.test('another limit holds at once for those who wait, and none lets them pass', async t => {
    const { limiter, advance } = virtual(1000)
    t.ok(limiter.takeNow(100, 'client'), 'the burst')
    let passed = 0
    for (let count = 0; count < 3; count++) void limiter.take(1000, 'client').then(() => passed++)
    limiter.change(100_000)
    await advance(21)
    t.equal(passed, 2)
    limiter.change(null)
    await advance(1)
    t.equal(passed, 3)
    t.notOk(limiter.limitsFor('client'))
    limiter.holdSwarm(1000)
    t.notOk(limiter.limitsFor('client'))
    t.ok(limiter.limitsFor('swarm'))
    limiter.change(1000)
    t.ok(limiter.takeNow(100, 'client'))
    t.notOk(limiter.takeNow(100, 'client'), 'it is limited again')
  })

  t.test('clients go before the swarm, and each kind keeps its order', async t => {
    const { limiter, advance } = virtual(1000)
    await limiter.take(100, 'swarm')
    const order: string[] = []
    const ask = (name: string, priority: TrafficPriority): void => {
      void limiter.take(100, priority).then(() => order.push(name))
    }
    ask('s1', 'swarm')
    ask('s2', 'swarm')
    ask('c1', 'client')
    ask('c2', 'client')
    await advance(1000)
    t.same(order, ['c1', 'c2', 's1', 's2'])
  })

  t.test('a small request does not overtake a large one of its kind', async t => {
    const { limiter, advance } = virtual(1000)
    await limiter.take(90, 'client')
    const order: string[] = []
    void limiter.take(100, 'client').then(() => order.push('large'))
    void limiter.take(1, 'client').then(() => order.push('small'))
    await advance(500)
    t.same(order, ['large', 'small'])
  })

  t.test('large takers and small ones of a kind get the same rate', async t => {
    const { limiter, advance } = virtual(1_000_000)
    const given = { large: 0, small: 0 }
    const taker = async (name: keyof typeof given, bytes: number): Promise<void> => {
      for (;;) {
        await limiter.take(bytes, 'swarm')
        given[name] += bytes
      }
    }
    void taker('large', 131_072)
    void taker('small', 16_384)
    await advance(4000)
    const ratio = given.small / given.large
    t.ok(ratio > 0.8 && ratio < 1.25, `${given.small} and ${given.large} bytes`)
  })

  t.test('a client that reads and sends in between keeps its rate beside the swarm', async t => {
    const rateOf = async (peers: number): Promise<number> => {
      const { limiter, advance } = virtual(20_000_000)
      let bytes = 0
      let next = 0
      const client = async (): Promise<void> => {
        await limiter.take(65_536, 'client')
        bytes += 65_536
        next = 2
      }
      const peer = async (): Promise<void> => {
        for (;;) await limiter.take(16_384, 'swarm')
      }
      for (let count = 0; count < peers; count++) void peer()
      void client()
      for (let ms = 0; ms < 1000; ms++) {
        await advance(1)
        if (next > 0 && --next === 0) void client()
      }
      return bytes
    }
    const alone = await rateOf(0)
    const beside = await rateOf(20)
    t.ok(beside >= 0.9 * alone, `${beside} of ${alone} bytes`)
  })

  t.test('the swarm can be held to a rate of its own, and let go again', async t => {
    for (const limit of [1_000_000, null]) {
      const { limiter, advance } = virtual(limit)
      const given = { client: 0, swarm: 0 }
      const stop = new AbortController()
      const taker = async (priority: TrafficPriority): Promise<void> => {
        while (!stop.signal.aborted) {
          await limiter.take(10_000, priority, stop.signal)
          given[priority] += 10_000
          if (priority === 'client') await new Promise(resolve => setTimeout(resolve, 100))
        }
      }
      limiter.holdSwarm(50_000)
      const ended = Promise.allSettled([taker('swarm'), taker('client')])
      await advance(2000)
      t.ok(given.swarm <= 120_000 && given.swarm >= 80_000, `${given.swarm} bytes in 2 s`)
      t.ok(given.client >= 190_000, 'clients are not concerned')
      limiter.holdSwarm(100_000)
      const before = given.swarm
      await advance(2000)
      t.ok(given.swarm - before >= 180_000, `${given.swarm - before} bytes in 2 s`)
      if (limit !== null) {
        limiter.holdSwarm(null)
        const free = given.swarm
        await advance(1000)
        t.ok(given.swarm - free >= 700_000, `${given.swarm - free} bytes in 1 s`)
      }
      stop.abort(new Error('enough'))
      limiter.holdSwarm(null)
      await advance(200)
      await ended
    }
  })

  t.test(
    'the sum keeps to the limit, the swarm to its own, and clients are served first',
    async t => {
      const { limiter, advance } = virtual(100_000)
      limiter.holdSwarm(40_000)
      const given = { client: 0, swarm: 0 }
      const stop = new AbortController()
      const taker = async (priority: TrafficPriority): Promise<void> => {
        while (!stop.signal.aborted) {
          await limiter.take(2000, priority, stop.signal)
          given[priority] += 2000
        }
      }
      const ended = [...Array(8).fill('swarm'), 'client'].map(taker)
      void Promise.allSettled(ended)
      await advance(5000)
      t.ok(
        given.client + given.swarm <= 1.1 * 500_000,
        `${given.client + given.swarm} bytes in 5 s`,
      )
      t.ok(given.client >= 450_000, `${given.client} of them to one client beside eight peers`)
      stop.abort(new Error('enough'))
      const alone = new AbortController()
      const peers = [1, 2, 3].map(async () => {
        for (;;) {
          await limiter.take(2000, 'swarm', alone.signal)
          given.swarm += 2000
        }
      })
      void Promise.allSettled(peers)
      await advance(1000)
      const before = given.swarm
      await advance(5000)
      const bytes = given.swarm - before
      t.ok(bytes <= 1.1 * 200_000 && bytes >= 180_000, `${bytes} bytes to the swarm in 5 s`)
      alone.abort(new Error('enough'))
      await advance(100)
    },
  )

  t.test('whoever gives up makes room for the next', async t => {
    const { limiter, advance } = virtual(1000)
    await limiter.take(5000, 'client')
    const stop = new AbortController()
    const gone = t.rejects(limiter.take(100_000, 'client', stop.signal), { message: 'enough' })
    let passed = false
    void limiter.take(10, 'swarm').then(() => {
      passed = true
    })
    stop.abort(new Error('enough'))
    await gone
    await advance(4800)
    t.notOk(passed, 'the debt of the first is still being paid')
    await advance(300)
    t.ok(passed)
    t.equal(limiter.takenBytes, 5010, 'what was given up is not counted')
  })
})

t.test('without a limit everything passes at once and is counted', async t => {
  const limiter = new RateLimiter(null)
  await limiter.take(1e12, 'swarm')
  await limiter.take(5, 'client')
  t.equal(limiter.takenBytes, 1e12 + 5)
})

t.test('an aborted signal is refused before it takes anything', async t => {
  const limiter = new RateLimiter(null)
  await t.rejects(limiter.take(5, 'client', AbortSignal.abort(new Error('gone'))), {
    message: 'gone',
  })
  t.equal(limiter.takenBytes, 0)
})

t.test('on the real clock the rate holds', async t => {
  const limiter = new RateLimiter(1_000_000)
  const startMs = systemClock.monotonicMs()
  for (let count = 0; count < 30; count++) await limiter.take(16_384, 'swarm')
  const seconds = (systemClock.monotonicMs() - startMs) / 1000
  const rate = (30 * 16_384 - 100_000) / seconds
  t.ok(rate <= 1_010_000, `${Math.round(rate)} bytes a second`)
})
