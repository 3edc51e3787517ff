import fc from 'fast-check'
import t from 'tap'
import { planBundles, separateDemands } from './bundle-plan.ts'

const limits = { loneBytes: 1_000, targetBytes: 2_000, pieces: 30 }
const pieceLengthFor = (sizeBytes: number): number => (sizeBytes <= 200 ? 64 : 256)

t.test('every content is in exactly one bundle, and no bundle exceeds its bounds', t => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1_500 }), { maxLength: 200 }), sizes => {
      const contents = sizes.map((sizeBytes, id) => ({ id, sizeBytes, demand: `${id % 3}` }))
      const groups = planBundles(contents, pieceLengthFor, limits)
      const seen = groups.flatMap(group => group.members.map(member => member.id))
      if (new Set(seen).size !== sizes.length || seen.length !== sizes.length) return false
      return groups.every(group => {
        if (group.members.some(m => pieceLengthFor(m.sizeBytes) !== group.pieceLengthBytes))
          return false
        if (group.members.length === 1) return true
        const bytes = group.members.reduce((sum, member) => sum + member.sizeBytes, 0)
        const pieces = group.members.reduce(
          (sum, member) => sum + Math.ceil(member.sizeBytes / group.pieceLengthBytes),
          0,
        )
        return (
          bytes <= limits.targetBytes &&
          pieces <= limits.pieces &&
          group.members.every(member => member.sizeBytes < limits.loneBytes)
        )
      })
    }),
  )
  t.end()
})

t.test('members keep the order they came in, and large contents are alone', t => {
  const contents = [100, 1_000, 150, 300, 120].map(sizeBytes => ({
    sizeBytes,
    demand: '',
  }))
  t.strictSame(
    planBundles(contents, pieceLengthFor, limits).map(group => group.members.map(m => m.sizeBytes)),
    [[1_000], [100, 150, 120], [300]],
  )
  t.end()
})

t.test('what different volunteers want is in different bundles, where it is worth a swarm', t => {
  const MiB = 1024 * 1024
  const contents = [
    { sizeBytes: 20 * MiB, demand: 'all' },
    { sizeBytes: 20 * MiB, demand: 'debian' },
    { sizeBytes: 1 * MiB, demand: 'one' },
    { sizeBytes: 1 * MiB, demand: 'another' },
    { sizeBytes: 20 * MiB, demand: 'debian' },
  ]
  t.strictSame(
    planBundles(contents, () => MiB).map(group => group.members.map(m => m.demand)),
    [['all'], ['debian', 'debian'], ['one', 'another']],
  )
  t.end()
})

t.test('the number of wishes that are kept apart is bounded', t => {
  const contents = Array.from({ length: 100 }, (_, i) => ({ sizeBytes: 100 + i, demand: `${i}` }))
  t.strictSame([...separateDemands(contents, 3, 150)], ['99', '98', '97'])
  t.strictSame([...separateDemands(contents, 100, 198)], ['99', '98'])
  t.end()
})
