import t from 'tap'
import { countedContents, popularityRefreshMs } from '../../core/limits.ts'
import { Popularity } from './popularity.ts'

const day = 24 * 3_600_000

t.test('the most requested contents come first, and what is hardly asked for is not there', t => {
  const popularity = new Popularity()
  for (let i = 0; i < 9; i++) popularity.requested(7, i)
  for (let i = 0; i < 3; i++) popularity.requested(5, i)
  popularity.requested(1, 0)
  t.strictSame(popularity.list(10)?.contents, [
    [7, 9],
    [5, 3],
  ])
  t.end()
})

t.test('the list is renewed seldom, and keeps its name while it says the same', t => {
  const popularity = new Popularity()
  for (let i = 0; i < 4; i++) popularity.requested(7, 0)
  const first = popularity.list(0)
  for (let i = 0; i < 4; i++) popularity.requested(8, 1)
  t.equal(popularity.list(2), first)
  const second = popularity.list(popularityRefreshMs)
  t.not(second?.tag, first?.tag)
  t.equal(popularity.list(2 * popularityRefreshMs)?.tag, second?.tag)
  t.end()
})

t.test('requests fade', t => {
  const popularity = new Popularity()
  for (let i = 0; i < 8; i++) popularity.requested(1, 0)
  for (let i = 0; i < 5; i++) popularity.requested(2, 14 * day)
  t.strictSame(popularity.list(14 * day)?.contents, [
    [2, 5],
    [1, 2],
  ])
  t.end()
})

t.test('memory is bounded however many contents are asked for, and the popular ones stay', t => {
  const popularity = new Popularity()
  for (let i = 0; i < 5; i++) popularity.requested(0, 0)
  for (let content = 1; content < 3 * countedContents; content++) popularity.requested(content, 1)
  t.strictSame(popularity.list(2)?.contents, [[0, 5]])
  popularity.clear()
  t.equal(popularity.list(3), null)
  t.end()
})
