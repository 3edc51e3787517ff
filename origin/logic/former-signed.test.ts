import fc from 'fast-check'
import t from 'tap'
import { formerSignedSets } from '../../core/selection-limits.ts'
import { Holdings } from '../../tracker/holdings.ts'
import { endSigned, type FormerSet, signedAt } from './former-signed.ts'

const keptMs = 1000
const of = (...numbers: number[]): Holdings => Holdings.of(numbers)
const named = (now: Holdings, former: readonly FormerSet[], nowMs: number): number[] => [
  ...signedAt(now, former, nowMs, keptMs).contents.numbers(),
]

t.test('what is named no more counts for the grace, and not longer', async t => {
  const former = endSigned([], { before: of(1, 2, 70_000), now: of(2, 3) }, 5000, keptMs)
  t.strictSame(named(of(2, 3), former, 5999), [1, 2, 3, 70_000])
  t.equal(signedAt(of(2, 3), former, 5999, keptMs).untilMs, 6000)
  t.strictSame(named(of(2, 3), former, 6000), [2, 3])
  t.equal(signedAt(of(2, 3), former, 6000, keptMs).untilMs, Number.POSITIVE_INFINITY)
  t.strictSame(endSigned(former, { before: of(2), now: of(2) }, 6000, keptMs), [])
})

t.test('nothing that went is nothing to remember, and the future is now', async t => {
  t.strictSame(endSigned([], { before: of(1), now: of(1, 2) }, 5000, keptMs), [])
  const ahead = [{ endedMs: 9_000_000, contents: of(4) }]
  const former = endSigned(ahead, { before: of(), now: of() }, 5000, keptMs)
  t.strictSame(named(of(), former, 5999), [4])
  t.strictSame(named(of(), former, 6000), [])
})

t.test('however often indexes change, the list is bounded and nothing ends too early', async () => {
  const steps = fc.array(fc.record({ after: fc.nat(40), gone: fc.nat(3000) }), { maxLength: 200 })
  fc.assert(
    fc.property(steps, list => {
      let former: FormerSet[] = []
      let nowMs = 10_000
      const ended = new Map<number, number>()
      for (const { after, gone } of list) {
        nowMs += after
        former = endSigned(former, { before: of(gone), now: of() }, nowMs, keptMs)
        ended.set(gone, nowMs)
        if (former.length > formerSignedSets) return false
      }
      const all = new Set(named(of(), former, nowMs))
      return [...ended].every(([gone, endedMs]) => nowMs - endedMs >= keptMs || all.has(gone))
    }),
    { numRuns: 40 },
  )
})
