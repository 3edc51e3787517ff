import t from 'tap'
import { addTotals, type HeardTotals, noTotals } from './totals.ts'

const told = (clientBytes: number, reusedBytes = 0) => ({ ...noTotals, clientBytes, reusedBytes })
const after = (...announces: readonly (ReturnType<typeof told> | undefined)[]) =>
  announces.reduce<HeardTotals | null>((before, totals) => addTotals(before, totals), null)

t.test('totals add up from the first announce that is heard, over restarts', async t => {
  t.equal(after(undefined), null, 'an older volunteer tells none')
  t.equal(after(told(1000))?.sum.clientBytes, 0, 'counted before this tracker started')
  t.equal(after(told(1000), told(1500))?.sum.clientBytes, 500)
  t.equal(after(told(1000), told(1500), told(200))?.sum.clientBytes, 700, 'its daemon restarted')
  t.equal(after(told(5, 5), told(9, 1))?.sum.clientBytes, 9, 'one of them tells that')
  t.equal(after(told(1), undefined, told(3))?.sum.clientBytes, 2)
})

t.test('no announce makes the sum too large to be exact', async t => {
  const most = Number.MAX_SAFE_INTEGER
  t.equal(after(told(0), told(most), told(0), told(most))?.sum.clientBytes, most)
})
