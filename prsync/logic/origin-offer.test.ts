import fc from 'fast-check'
import t from 'tap'
import { firstShareGraceMs, originPatienceMs, peerSilenceMs } from '../../core/limits.ts'
import { type OfferView, originOffer } from './origin-offer.ts'

const usual: OfferView = {
  nowMs: 100_000,
  beganMs: 99_000,
  newsMs: 100_000,
  blockMs: 100_000,
  share: { index: 1, count: 3 },
  known: 2,
  connected: 2,
  missing: [0, 1, 2, 3, 4, 5, 6, 7],
  availability: () => 0,
  slots: 10,
}

t.test('while there is news from peers, only the own share is asked for', t => {
  t.strictSame(originOffer(usual), [1, 4, 7])
  t.strictSame(originOffer({ ...usual, slots: 2 }), [1, 4])
  t.end()
})

t.test('what a peer offers is left to the peer, even in the own share', t => {
  t.strictSame(originOffer({ ...usual, availability: piece => (piece === 4 ? 1 : 0) }), [1, 7])
  t.end()
})

t.test('without news the next in line takes over others’ shares first, then all do', t => {
  const quiet = { ...usual, newsMs: usual.nowMs - originPatienceMs, missing: [0, 2, 3, 5] }
  t.strictSame(originOffer({ ...quiet, beganMs: 0 }).sort(), [0, 3])
  const longer = { ...quiet, beganMs: 0, newsMs: usual.nowMs - 10_000 }
  t.strictSame(originOffer(longer).sort(), [0, 2, 3, 5])
  t.end()
})

t.test('a volunteer alone asks for everything at once', t => {
  const alone = {
    ...usual,
    share: { index: 0, count: 1 },
    known: 0,
    connected: 0,
    beganMs: usual.nowMs,
  }
  t.strictSame(originOffer(alone), usual.missing)
  t.end()
})

t.test('at the start it waits a moment for the tracker and for the peers it named', t => {
  const start = { ...usual, beganMs: usual.nowMs, connected: 0 }
  t.strictSame(originOffer(start), [])
  t.strictSame(originOffer({ ...start, share: null, known: 0 }), [])
  const later = { ...start, beganMs: usual.nowMs - firstShareGraceMs }
  t.strictSame(originOffer(later), [1, 4, 7])
  t.strictSame(originOffer({ ...later, share: null, known: 0 }), usual.missing)
  t.end()
})

t.test('peers that offer but send nothing are not waited for', t => {
  const silent = {
    ...usual,
    beganMs: 0,
    availability: () => 1,
    blockMs: usual.nowMs - peerSilenceMs,
    newsMs: usual.nowMs - peerSilenceMs,
  }
  t.strictSame(originOffer({ ...silent, blockMs: usual.nowMs }), [])
  t.same(new Set(originOffer(silent)), new Set(usual.missing))
  t.end()
})

t.test('shares of all volunteers together are every piece once', t => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.uniqueArray(fc.nat(500), { maxLength: 100 }),
      (count, pieces) => {
        const missing = pieces.sort((a, b) => a - b)
        const asked = Array.from({ length: count }, (_, index) =>
          originOffer({ ...usual, share: { index, count }, missing, slots: 1_000 }),
        ).flat()
        return asked.length === missing.length && new Set(asked).size === missing.length
      },
    ),
  )
  t.end()
})
