import fc from 'fast-check'
import t from 'tap'
import { backoffMs } from './backoff.ts'

const range = { firstMs: 500, ceilingMs: 60_000 }

t.test('pauses grow, stay within half and the whole of their step, and end at the ceiling', t => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (failures, chance) => {
        const step = Math.min(60_000, 500 * 2 ** Math.min(40, failures - 1))
        const pause = backoffMs(failures, chance, range)
        return pause >= step / 2 && pause <= step
      },
    ),
  )
  t.end()
})

t.test('what the other side asks for is the least', t => {
  t.ok(backoffMs(1, 0, range, 10_000) >= 10_000)
  t.ok(backoffMs(1, 0.99, range, 10_000) <= 12_500)
  t.end()
})
