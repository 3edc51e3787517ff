import fc from 'fast-check'
import t from 'tap'
import { patienceAfter } from './floor-rate.ts'

const floor = { bytesPerSecond: 1000, graceMs: 10_000 }

t.test('a reader at the floor rate keeps its patience, one at half of it loses all', t => {
  const read = (bytesPerSecond: number): number => {
    let patienceMs = floor.graceMs
    for (let second = 0; second < 60; second++) {
      const next = patienceMs - 1000
      if (next <= 0) return 0
      patienceMs = patienceAfter(patienceMs, { bytes: bytesPerSecond, tookMs: 1000 }, floor)
    }
    return patienceMs
  }
  t.equal(read(1000), floor.graceMs)
  t.equal(read(100_000), floor.graceMs)
  t.equal(read(500), 0)
  t.end()
})

t.test('patience is never below nothing, nor above its bound', t => {
  const taken = fc.record({ bytes: fc.nat(1_000_000), tookMs: fc.nat(100_000) })
  fc.assert(
    fc.property(fc.nat(floor.graceMs), taken, (patienceMs, each) => {
      const left = patienceAfter(patienceMs, each, floor)
      return left >= 0 && left <= floor.graceMs
    }),
  )
  t.end()
})
