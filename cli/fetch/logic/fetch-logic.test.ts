import t from 'tap'
import { Board } from './board.ts'
import {
  afterFailure,
  afterSuccess,
  bestRate,
  freshSource,
  isAlive,
  isSlow,
  pickSource,
} from './sources.ts'

t.test('pieces are given out in runs, each once, until a source is slow', async t => {
  const board = new Board([7, 0, 1, 2, 4], 2)
  const [a, b, c] = [{}, {}, {}]
  t.strictSame(board.take(a, 0, 100), { first: 0, end: 2 })
  t.strictSame(board.take(b, 0, 100), { first: 2, end: 3 })
  t.strictSame(board.take(a, 0, 100), { first: 4, end: 5 })
  const last = board.take(b, 50, 100)
  t.strictSame(last, { first: 7, end: 8 })
  t.equal(board.take(c, 99, 100), null, 'nobody is late yet')
  t.strictSame(board.take(c, 100, 100), { first: 0, end: 2 }, 'the late one is doubled')
  t.strictSame(board.take(a, 100, 100), { first: 2, end: 3 })
  t.equal(board.take(a, 100, 100), null, 'never three at the same piece, nor twice the same source')
  board.done(7)
  t.notOk(last === null || board.isUseful(last))
  for (const piece of [0, 1, 2, 4]) board.done(piece)
  t.ok(board.finished)
})

t.test('a job that failed is given out again', async t => {
  const board = new Board([0, 1], 8)
  const source = {}
  const job = board.take(source, 0, 100)
  t.strictSame(job, { first: 0, end: 2 })
  board.done(0)
  if (job !== null) board.leave(job)
  t.strictSame(board.take(source, 0, 100), { first: 1, end: 2 })
})

t.test('volunteers are asked before the origin, evenly', async t => {
  const [ada, bob] = [freshSource('ada', false), freshSource('bob', false)]
  const origin = freshSource('origin', true)
  t.equal(pickSource([origin, ada, bob], 0), 1)
  t.equal(pickSource([origin, { ...ada, active: 1 }, bob], 0), 2)
  const banned = { ...ada, banned: true }
  t.equal(pickSource([origin, banned, bob], 0), 2)
  t.equal(pickSource([origin, banned, { ...bob, banned: true }], 0), 0)
  t.equal(pickSource([], 0), null)
  t.equal(pickSource([banned], 0), null)
})

t.test('who fails waits longer each time, and is left alone in the end', async t => {
  let ada = freshSource('ada', false)
  ada = afterFailure(ada, 1000)
  t.equal(pickSource([ada], 1000), null)
  t.equal(pickSource([ada], ada.notBeforeMs), 0)
  const first = ada.notBeforeMs - 1000
  ada = afterFailure(ada, 1000)
  t.ok(ada.notBeforeMs - 1000 > first)
  t.ok(isAlive(afterSuccess(afterFailure(ada, 1000), 1, 1)))
  ada = afterFailure(ada, 1000)
  t.notOk(isAlive(ada))
  let origin = freshSource('origin', true)
  for (let time = 0; time < 3; time++) origin = afterFailure(origin, 0)
  t.ok(isAlive(origin), 'the origin gets more chances')
})

t.test('who is far slower than the best is passed over while others are there', async t => {
  const quick = afterSuccess(freshSource('quick', false), 10e6, 1000)
  const slow = afterSuccess(freshSource('slow', false), 10e3, 1000)
  t.equal(bestRate([quick, slow]), 10e6)
  t.ok(isSlow(10e3, 10e6))
  t.equal(pickSource([slow, { ...quick, active: 3 }], 0), 1)
  t.equal(pickSource([slow], 0), 0)
})
