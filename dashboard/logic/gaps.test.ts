import t from 'tap'
import { withGaps } from './gaps.ts'

t.test('where nothing is known for long there is a gap', async t => {
  const at = (seconds: number) => ({ atMs: seconds * 1000 })
  t.same(
    withGaps([at(0), at(300), at(310), at(10_310)]).map(({ atMs, sample }) => [
      atMs / 1000,
      sample === null,
    ]),
    [
      [0, false],
      [300, false],
      [310, false],
      [5310, true],
      [10_310, false],
    ],
  )
  t.same(withGaps([]), [])
})
