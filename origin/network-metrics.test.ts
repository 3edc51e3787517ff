import t from 'tap'
import { codeOf, newErrorCounts, WordCounts } from '../core/collected-counter.ts'
import { MirrorswarmError } from '../core/errors.ts'
import { countUnheld } from './network-metrics.ts'

t.test('a content is held when somebody has it that could take clients', async t => {
  const holder = (state: string, ...held: number[]) => ({
    state,
    has: (content: number) => held.includes(content),
  })
  const holders = [holder('synced', 1), holder('syncing', 2), holder('offline', 3)]
  t.equal(countUnheld([1, 2], holders), 0)
  t.equal(countUnheld([1, 2, 3, 4], holders), 2)
  t.equal(countUnheld([1], []), 1)
})

t.test('words are counted, and no others', async t => {
  const counts = new WordCounts(['one', 'two'])
  counts.add('one')
  counts.add('two', 3)
  counts.add('three' as 'one')
  t.same(counts.samples('word'), [
    [{ word: 'one' }, 1],
    [{ word: 'two' }, 3],
  ])
  t.equal(counts.of('two'), 3)
})

t.test('what is no error of ours is counted as internal', async t => {
  const errors = newErrorCounts()
  errors.add(codeOf(new MirrorswarmError('MS_DISK_FULL', 'full')))
  errors.add(codeOf(new TypeError('x')))
  errors.add(codeOf('x'))
  t.equal(errors.of('MS_DISK_FULL'), 1)
  t.equal(errors.of('MS_INTERNAL'), 2)
})
