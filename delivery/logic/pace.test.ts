import fc from 'fast-check'
import t from 'tap'
import { readBufferBytes, slowReadBufferBytes } from '../../core/limits.ts'
import { crowdReadBufferBytes, provenClientBytes } from '../../core/serving-limits.ts'
import { advance, type Progress, paceOf } from './pace.ts'

const fresh: Progress = { limited: false, sentBytes: 0, recentBytes: 0, recentMs: 0 }

/** A client that takes so many bytes a second, behind a kernel that takes some at once. */
const send = (start: Progress, bytesPerSecond: number, slices: number, kernelBytes = 0) => {
  let progress = start
  let room = kernelBytes
  for (let count = 0; count < slices; count++) {
    const { sliceBytes } = paceOf(progress, true)
    const waits = room < sliceBytes
    progress = advance(progress, sliceBytes, waits ? (kernelBytes / bytesPerSecond) * 1000 : 0.05)
    room = waits ? kernelBytes : room - sliceBytes
  }
  return progress
}

t.test('who takes much quickly gets large slices', async t => {
  t.strictSame(paceOf(fresh, false), { sliceBytes: readBufferBytes, proven: false, ahead: true })
  const fast = send(fresh, 1e9, 20, 400_000)
  t.ok(fast.sentBytes > provenClientBytes)
  t.strictSame(paceOf(fast, true), { sliceBytes: readBufferBytes, proven: true, ahead: true })
  const limited = { ...fast, limited: true }
  t.strictSame(paceOf(limited, true), {
    sliceBytes: slowReadBufferBytes,
    proven: true,
    ahead: true,
  })
})

t.test(
  'in a crowd who is slow gets small ones, one at a time, whatever the kernel takes at once',
  async t => {
    fc.assert(
      fc.property(fc.boolean(), fc.integer({ min: 20, max: 500 }), (limited, slices) => {
        const slow = send({ ...fresh, limited }, 65_536, slices, 400_000)
        const alone = { sliceBytes: slowReadBufferBytes, proven: false, ahead: true }
        t.strictSame(paceOf(slow, false), alone, 'where there is room, there is no need')
        t.strictSame(paceOf(slow, true), {
          sliceBytes: crowdReadBufferBytes,
          proven: false,
          ahead: false,
        })
      }),
      { numRuns: 50 },
    )
  },
)

t.test('who becomes quick gets large ones again', async t => {
  const slow = send(fresh, 65_536, 100, 400_000)
  t.equal(paceOf(send(slow, 1e9, 300, 400_000), true).proven, true)
})
