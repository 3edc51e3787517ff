import fc from 'fast-check'
import t from 'tap'
import { TokenBucket } from './token-bucket.ts'

t.test('a full bucket gives its burst at once, then the rate', async t => {
  let nowMs = 0
  const bucket = new TokenBucket(
    { bytesPerSecond: 1000, burstBytes: 500 },
    { monotonicMs: () => nowMs },
  )
  t.ok(bucket.tryTake(500))
  t.notOk(bucket.tryTake(1))
  t.equal(bucket.waitMs(250), 250)
  nowMs = 250
  t.equal(bucket.waitMs(250), 0)
  t.ok(bucket.tryTake(250))
})

t.test('a pause fills no more than the burst', async t => {
  let nowMs = 0
  const bucket = new TokenBucket(
    { bytesPerSecond: 1000, burstBytes: 500 },
    { monotonicMs: () => nowMs },
  )
  nowMs = 1e9
  t.ok(bucket.tryTake(500))
  t.notOk(bucket.tryTake(1))
})

t.test('a taker larger than the burst passes, and pays afterwards', async t => {
  let nowMs = 0
  const bucket = new TokenBucket(
    { bytesPerSecond: 1000, burstBytes: 500 },
    { monotonicMs: () => nowMs },
  )
  t.ok(bucket.tryTake(3000))
  t.equal(bucket.waitMs(0), 2500)
  nowMs = 2499
  t.notOk(bucket.tryTake(1))
  nowMs = 2501
  t.ok(bucket.tryTake(1))
})

t.test('over any time no more passes than burst, rate and one last taker', async () => {
  const steps = fc.array(
    fc.record({ ms: fc.integer({ min: 0, max: 1000 }), bytes: fc.integer({ min: 1, max: 4000 }) }),
  )
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 5000 }), (taken, bytesPerSecond) => {
      let nowMs = 0
      let passedBytes = 0
      const bucket = new TokenBucket(
        { bytesPerSecond, burstBytes: 700 },
        { monotonicMs: () => nowMs },
      )
      return taken.every(({ ms, bytes }) => {
        nowMs += ms
        const boundBytes = 700 + (nowMs * bytesPerSecond) / 1000 + Math.max(0, bytes - 700)
        if (bucket.tryTake(bytes)) passedBytes += bytes
        else return true
        return passedBytes <= boundBytes + 1e-6
      })
    }),
  )
})
