import fc from 'fast-check'
import t from 'tap'
import { provenClientBytes, readBufferBytes, slowReadBufferBytes } from '../../core/limits.ts'
import { paceOf } from './pace.ts'

const fresh = { limited: false, sentBytes: 0, lastBytes: 0, lastMs: 0 }

t.test('who takes much quickly gets large slices', async t => {
  t.strictSame(paceOf(fresh), { sliceBytes: readBufferBytes, proven: false, ahead: true })
  const fast = { ...fresh, sentBytes: provenClientBytes, lastBytes: readBufferBytes, lastMs: 5 }
  t.strictSame(paceOf(fast), { sliceBytes: readBufferBytes, proven: true, ahead: true })
  const limited = { ...fast, limited: true }
  t.strictSame(paceOf(limited), { sliceBytes: slowReadBufferBytes, proven: true, ahead: true })
})

t.test('who is slow gets small ones, one at a time, however much went out before', async t => {
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.nat(),
      fc.nat(readBufferBytes),
      (limited, sentBytes, lastBytes) => {
        const pace = paceOf({ limited, sentBytes, lastBytes, lastMs: 1_000 })
        t.strictSame(pace, { sliceBytes: slowReadBufferBytes, proven: false, ahead: false })
      },
    ),
  )
})
