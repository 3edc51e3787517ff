import fc from 'fast-check'
import t from 'tap'
import { coarseChunkBytes } from '../../core/kernel/chunk-map.ts'
import {
  absentMostMs,
  busyLeastMs,
  busyMostMs,
  pauseMostMs,
  proofAgeMs,
  segmentLookBytes,
  wholeLookBytes,
} from '../../core/sampling-limits.ts'
import {
  absentAgainMs,
  busyPauseMs,
  isValidProof,
  type LookKind,
  type LookQueues,
  lookKinds,
  nextLook,
  type Proof,
  partsOf,
  pauseMs,
  provedBy,
  renewalMs,
  spacingMs,
} from './mirror-sampling.ts'

const queues = (change: Partial<LookQueues>): LookQueues => ({
  ...{ suspected: [], popular: [], expiring: [], unknown: [], absent: [] },
  unfinished: [],
  ...change,
})
const large = 100 * 1024 * 1024
const proof = (change: Partial<Proof> = {}): Proof => ({
  ...{ lookedMs: 1_000, coveredBytes: 0, validator: '"v"' },
  ...change,
})

t.test('what is suspected comes first, then popular files and old proofs', async t => {
  const all = queues(
    Object.fromEntries(lookKinds.map((kind, index) => [kind, [index]])) as Record<
      LookKind,
      number[]
    >,
  )
  t.strictSame(nextLook(all, 0), { kind: 'suspected', content: 0 })
  t.strictSame(nextLook({ ...all, suspected: [] }, 0), { kind: 'popular', content: 1 })
  t.strictSame(nextLook({ ...all, suspected: [] }, 3), { kind: 'expiring', content: 2 })
  t.strictSame(nextLook(queues({ unfinished: [9], absent: [8] }), 3), {
    kind: 'absent',
    content: 8,
  })
  t.equal(nextLook(queues({}), 3), null)
})

t.test('a flood of popular files starves no proof that grows old', async t => {
  const flood = queues({ popular: [1], expiring: [2] })
  const renewed = Array.from({ length: 100 }, (_, turn) => nextLook(flood, turn)).filter(
    look => look?.kind === 'expiring',
  )
  t.equal(renewed.length, 25)
})

t.test('small files are proved whole, large ones by both ends and a random part', async t => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2 ** 40 }),
      fc.double({ min: 0, max: 0.999_999, noNaN: true }),
      fc.constantFrom(...lookKinds),
      fc.option(fc.record({ covered: fc.nat(1000), validator: fc.constantFrom('', '"v"') })),
      (sizeBytes, chance, kind, known) => {
        const before =
          known === null
            ? null
            : proof({
                coveredBytes: Math.floor((sizeBytes * known.covered) / 1000),
                validator: known.validator,
              })
        const parts = partsOf(kind, sizeBytes, before, () => chance)
        const inside = parts.every(
          ({ offset, length }) => offset >= 0 && length > 0 && offset + length <= sizeBytes,
        )
        const bytes = parts.reduce((sum, { length }) => sum + length, 0)
        return inside && parts.length <= 3 && bytes <= segmentLookBytes
      },
    ),
  )
  t.strictSame(
    partsOf('unknown', wholeLookBytes, null, () => 0.5),
    [{ offset: 0, length: wholeLookBytes }],
  )
  const [first, middle, last] = partsOf('unknown', large, null, () => 0.5)
  t.equal(first?.offset, 0)
  t.equal((middle?.offset ?? 1) % coarseChunkBytes, 0)
  t.equal((last?.offset ?? 0) + (last?.length ?? 0), large)
})

t.test('a large file is compared whole, segment by segment', async t => {
  let known = provedBy(
    null,
    partsOf('unknown', large, null, () => 0.5),
    '"v"',
    1,
  )
  t.ok(known.coveredBytes < large)
  let looks = 0
  while (known.coveredBytes < large && looks < 100) {
    known = provedBy(
      known,
      partsOf('unfinished', large, known, () => 0.5),
      '"v"',
      2,
    )
    looks++
  }
  t.equal(known.coveredBytes, large)
  t.equal(looks, 13)
})

t.test('a file of another name has to be compared anew', async t => {
  const parts = [{ offset: coarseChunkBytes, length: 100 }]
  t.equal(provedBy(proof({ coveredBytes: large }), parts, '"v"', 2).coveredBytes, large)
  t.equal(provedBy(proof({ coveredBytes: large }), parts, '"w"', 2).coveredBytes, 0)
  t.equal(provedBy(proof({ coveredBytes: large, validator: '' }), parts, '', 2).coveredBytes, 0)
  const small = proof({ coveredBytes: 0, validator: '"w"' })
  t.strictSame(
    partsOf('expiring', 5_000, small, () => 0.9),
    [{ offset: 0, length: 5_000 }],
  )
})

t.test('a proof expires, and one of a clock that was wrong counts for nothing', async t => {
  const known = proof({ lookedMs: proofAgeMs })
  t.ok(isValidProof(known, 2 * proofAgeMs - 1))
  t.notOk(isValidProof(known, 2 * proofAgeMs))
  t.notOk(isValidProof(known, 0), 'looked at long after now')
  t.ok(renewalMs(known) < 2 * proofAgeMs)
})

t.test('a mirror is left alone the longer the less it has to say', async t => {
  t.ok(spacingMs(1_000) > spacingMs(0))
  for (const wait of [absentAgainMs, pauseMs]) {
    const waits = Array.from({ length: 60 }, (_, times) => wait(times + 1))
    t.strictSame(
      waits,
      waits.toSorted((a, b) => a - b),
    )
  }
  t.equal(absentAgainMs(1_000_000), absentMostMs)
  t.equal(pauseMs(1_000_000), pauseMostMs)
})

t.test('Retry-After is heeded within bounds, whatever it says', async t => {
  const nowMs = Date.parse('2026-01-01T00:00:00Z')
  t.equal(busyPauseMs('120', 1, nowMs), 120_000)
  t.equal(busyPauseMs('Thu, 01 Jan 2026 00:02:00 GMT', 1, nowMs), 120_000)
  t.equal(busyPauseMs('0', 1, nowMs), busyLeastMs)
  t.equal(busyPauseMs('999999999', 1, nowMs), busyMostMs)
  t.ok(busyPauseMs('', 2, nowMs) > busyPauseMs('', 1, nowMs))
  fc.assert(
    fc.property(fc.string(), fc.nat(), (text, times) => {
      const wait = busyPauseMs(text, times, nowMs)
      return wait >= busyLeastMs && wait <= busyMostMs
    }),
  )
})
