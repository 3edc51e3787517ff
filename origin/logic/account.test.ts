import fc from 'fast-check'
import t from 'tap'
import { redirectCostBytes } from '../../core/limits.ts'
import {
  assumedBytesPerSecond,
  capacityHalfLifeMs,
  sentRateMs,
} from '../../core/selection-limits.ts'
import {
  emptyAccount,
  expectedBytes,
  noteRedirect,
  pendingBytesAt,
  sentBytesPerSecondAt,
  shareAt,
} from './account.ts'
import { capacityOf, nothingObserved, observe } from './capacity.ts'

t.test('what was redirected is pending until it can have been sent', async t => {
  const account = noteRedirect(emptyAccount, 1_000_000 - redirectCostBytes, 100_000, 5000)
  t.equal(pendingBytesAt(account, 100_000, 5000), 1_000_000)
  t.equal(pendingBytesAt(account, 100_000, 10_000), 500_000)
  t.equal(pendingBytesAt(account, 100_000, 15_000), 0)
  t.equal(pendingBytesAt(account, 100_000, 4000), 1_000_000, 'a clock that stood still')
  const more = noteRedirect(account, 100_000 - redirectCostBytes, 100_000, 10_000)
  t.equal(pendingBytesAt(more, 100_000, 10_000), 600_000)
})

t.test('a steady stream of redirects shows as its rate, and is forgotten afterwards', async t => {
  let account = emptyAccount
  for (let second = 0; second < 200; second++) {
    account = noteRedirect(account, 500_000 - redirectCostBytes, 1e9, second * 1000)
  }
  const rate = sentBytesPerSecondAt(account, 199_500)
  t.ok(rate > 450_000 && rate < 550_000, String(rate))
  t.ok(sentBytesPerSecondAt(account, 199_000 + 10 * sentRateMs) < 100)
})

t.test('nothing is ever negative or more than what came', async () => {
  const redirect = fc.tuple(fc.nat(1e9), fc.nat(1e5), fc.nat(1e9))
  fc.assert(
    fc.property(fc.array(redirect, { maxLength: 50 }), redirects => {
      let account = emptyAccount
      let total = emptyAccount
      let nowMs = 0
      let sum = 0
      for (const [bytes, waitMs, capacity] of redirects) {
        nowMs += waitMs
        sum += bytes + redirectCostBytes
        account = noteRedirect(account, bytes, capacity, nowMs)
        total = noteRedirect(noteRedirect(total, bytes, 0, nowMs), 1000, 0, nowMs)
        const pending = pendingBytesAt(account, capacity, nowMs)
        const share = shareAt(account, total, nowMs)
        if (!(pending >= 0 && pending <= sum && share >= 0 && share <= 1)) return false
      }
      return true
    }),
  )
})

t.test('a bounded range is what it asks for, anything else the file', async t => {
  const cases: [string | undefined, number][] = [
    [undefined, 1000],
    ['bytes=0-99', 100],
    ['bytes=900-', 100],
    ['bytes=-50', 50],
    ['bytes=-5000', 1000],
    ['bytes=900-5000', 100],
    ['bytes=5000-6000', 1000],
    ['bytes=0-1,5-9', 1000],
    ['bytes=-', 1000],
    ['nonsense', 1000],
  ]
  for (const [range, bytes] of cases) t.equal(expectedBytes(range, 1000), bytes, String(range))
})

t.test('the owner’s limit is the capacity', async t => {
  const busy = observe(observe(nothingObserved, 9e9, 0), 9e9, 5000)
  t.strictSame(capacityOf(1000, busy, 5000), { bytesPerSecond: 1000, source: 'owner' })
  t.strictSame(capacityOf(0, busy, 5000), { bytesPerSecond: 0, source: 'owner' })
})

t.test('without a limit it is what two announces in a row agreed on, which fades', async t => {
  const assumed = { bytesPerSecond: assumedBytesPerSecond, source: 'assumed' }
  t.strictSame(capacityOf(null, nothingObserved, 0), assumed)
  const once = observe(nothingObserved, 80e6, 0)
  t.strictSame(capacityOf(null, once, 0), assumed, 'a peak is no rate')
  const again = observe(once, 90e6, 100)
  t.strictSame(capacityOf(null, again, 100), assumed, 'the same moment told twice')
  const twice = observe(once, 60e6, 5000)
  t.strictSame(capacityOf(null, twice, 5000), { bytesPerSecond: 60e6, source: 'observed' })
  const calm = observe(observe(twice, 10, 10_000), 10, 20_000)
  const later = capacityOf(null, calm, 5000 + capacityHalfLifeMs)
  t.strictSame(later, { bytesPerSecond: 30e6, source: 'observed' })
  t.strictSame(capacityOf(null, calm, 5000 + 9 * capacityHalfLifeMs), assumed)
})
