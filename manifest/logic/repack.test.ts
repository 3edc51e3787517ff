import t from 'tap'
import { type BundleUse, isWorn, tooManySmall } from './repack.ts'

const MiB = 1024 * 1024

const use = (number: number, parts: Partial<BundleUse> = {}): BundleUse => ({
  number,
  pieceLengthBytes: 65_536,
  bytes: MiB,
  liveBytes: MiB,
  liveMembers: 4,
  ...parts,
})

t.test('a bundle that lost three tenths is worn, one that lost everything needs nothing', t => {
  t.equal(isWorn(use(1, { bytes: 1000, liveBytes: 701 })), false)
  t.equal(isWorn(use(1, { bytes: 1000, liveBytes: 700 })), true)
  t.equal(isWorn(use(1, { bytes: 1000, liveBytes: 0, liveMembers: 0 })), false)
  t.end()
})

t.test('many small bundles of one piece length are packed together, large and few ones stay', t => {
  const small = Array.from({ length: 16 }, (_, i) => use(i))
  const few = Array.from({ length: 15 }, (_, i) => use(100 + i, { pieceLengthBytes: 262_144 }))
  const large = use(200, { bytes: 100 * MiB, liveBytes: 100 * MiB })
  const dead = use(201, { liveBytes: 0, liveMembers: 0 })
  const due = tooManySmall([...small, ...few, large, dead])
  t.strictSame(
    due.map(({ number }) => number),
    small.map(({ number }) => number),
  )
  t.end()
})
