import fc from 'fast-check'
import t from 'tap'
import { busyMsAt, neverBusy, setBusy } from './busy-time.ts'

t.test('busy time is the sum of the stretches, however often it is told', async t => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(1000))), steps => {
      let time = neverBusy
      let nowMs = 0
      let expected = 0
      let busy = false
      for (const [next, passed] of steps) {
        nowMs += passed
        if (busy) expected += passed
        busy = next
        time = setBusy(time, next, nowMs)
        if (busyMsAt(time, nowMs) !== expected) return false
      }
      return busyMsAt(time, nowMs + 5) === expected + (busy ? 5 : 0)
    }),
  )
  t.equal(busyMsAt(setBusy(neverBusy, true, 10), 5), 0, 'a clock that goes back takes nothing away')
})
