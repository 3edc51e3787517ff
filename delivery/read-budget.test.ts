import t from 'tap'
import { idleReadBuffers, readBufferBytes, slowReadBufferBytes } from '../core/limits.ts'
import { crowdReadBufferBytes } from '../core/serving-limits.ts'
import { ReadBudget } from './read-budget.ts'

t.test('when the memory is used up, buffers get small, but nobody waits', async t => {
  const budget = new ReadBudget(3 * readBufferBytes)
  const wanted = [1, 2, 3, 4, 5].map(() => budget.take(readBufferBytes))
  const sizes = wanted.map(buffer => buffer.length)
  t.strictSame(sizes.slice(0, 3), [readBufferBytes, readBufferBytes, readBufferBytes])
  t.strictSame(sizes.slice(3), [crowdReadBufferBytes, crowdReadBufferBytes])
  t.equal(budget.usedBytes, 3 * readBufferBytes + 2 * crowdReadBufferBytes)
  for (const buffer of wanted) budget.give(buffer)
  t.equal(budget.usedBytes, 0)
  t.equal(budget.take(readBufferBytes).length, readBufferBytes)
})

t.test('small files get small buffers', async t => {
  const budget = new ReadBudget()
  t.equal(budget.take(10).length, 10)
  t.equal(budget.take(slowReadBufferBytes).length, slowReadBufferBytes)
  t.equal(budget.take(slowReadBufferBytes + 1).length, readBufferBytes)
})

t.test('what is given back is used again, what is dropped never', async t => {
  const budget = new ReadBudget()
  const [given, dropped] = [budget.take(readBufferBytes), budget.take(readBufferBytes)]
  budget.drop(dropped)
  budget.give(given)
  const next = [budget.take(readBufferBytes), budget.take(readBufferBytes)]
  t.equal(next[0], given)
  t.not(next[1], dropped)
  t.equal(budget.usedBytes, 2 * readBufferBytes)
})

t.test('only some idle memory is kept', async t => {
  const budget = new ReadBudget()
  const many = Array.from({ length: idleReadBuffers + 5 }, () => budget.take(readBufferBytes))
  for (const buffer of many) budget.give(buffer)
  const again = many.map(() => budget.take(readBufferBytes))
  t.equal(again.filter(buffer => many.includes(buffer)).length, idleReadBuffers)
})

t.test('newcomers leave most of it to those who are known to be quick', async t => {
  const budget = new ReadBudget(4 * readBufferBytes, readBufferBytes)
  const sizes = [false, false, true, true, true, true].map(
    proven => budget.take(readBufferBytes, proven).length,
  )
  const [large, small] = [readBufferBytes, crowdReadBufferBytes]
  t.strictSame(sizes, [large, small, large, large, small, small])
  t.notOk(budget.hasRoom(true))
})

t.test('small buffers are used again too', async t => {
  const budget = new ReadBudget()
  const given = budget.take(slowReadBufferBytes)
  budget.give(given)
  t.equal(budget.take(slowReadBufferBytes), given)
  const short = budget.take(10)
  budget.give(short)
  t.not(budget.take(10), short)
})
