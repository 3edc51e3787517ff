// Which contents are worth memory.

import fc from 'fast-check'
import t from 'tap'
import { HotSet } from './hot-set.ts'

const limits = { bytes: 100, eachBytes: 50, counted: 1000, aging: 1_000_000 }

const request = (set: HotSet, key: string, bytes: number): void => {
  set.ask(key)
  const victims = set.victimsFor(key, bytes)
  if (victims !== null) set.admit(key, bytes, victims)
}

t.test('who is asked for once is not admitted, and twice is', async t => {
  const set = new HotSet(limits)
  request(set, 'a', 10)
  t.notOk(set.has('a'))
  request(set, 'a', 10)
  t.ok(set.has('a'))
  t.equal(set.bytes, 10)
})

t.test('one pass over everything, or two, drives nothing out', async t => {
  const set = new HotSet(limits)
  for (let turn = 0; turn < 5; turn++) for (const key of 'abcde') request(set, key, 20)
  t.equal(set.bytes, 100)
  for (let turn = 0; turn < 2; turn++) {
    for (let index = 0; index < 500; index++) request(set, `cold ${index}`, 20)
  }
  for (const key of 'abcde') t.ok(set.has(key))
  for (let turn = 0; turn < 9; turn++) request(set, 'new', 20)
  t.ok(set.has('new'), 'but what becomes hotter comes in')
  t.notOk(set.has('a'), 'for the least recently used')
})

t.test('what is too large is not admitted, what is used is not driven out', async t => {
  const set = new HotSet(limits)
  for (let turn = 0; turn < 9; turn++) request(set, 'huge', 51)
  t.notOk(set.has('huge'))
  for (let turn = 0; turn < 3; turn++) for (const key of 'ab') request(set, key, 50)
  set.use('a')
  set.use('b')
  for (let turn = 0; turn < 20; turn++) request(set, 'c', 50)
  t.notOk(set.has('c'))
  t.notOk(set.remove('a'))
  set.leave('a')
  request(set, 'c', 50)
  t.ok(set.has('c') && !set.has('a') && set.has('b'))
})

t.test('old fame fades', async t => {
  const set = new HotSet({ ...limits, aging: 10 })
  for (let turn = 0; turn < 9; turn++) for (const key of 'ab') request(set, key, 50)
  for (let turn = 0; turn < 40; turn++) set.ask('other')
  for (let turn = 0; turn < 3; turn++) request(set, 'c', 50)
  t.ok(set.has('c'))
})

t.test('whatever happens, the bound holds', async () => {
  const step = fc.record({
    key: fc.integer({ min: 0, max: 12 }).map(String),
    bytes: fc.integer({ min: 0, max: 60 }),
    use: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const set = new HotSet({ ...limits, aging: 17 })
      const used: string[] = []
      for (const { key, bytes, use } of steps) {
        request(set, key, bytes)
        if (use && set.has(key)) {
          set.use(key)
          used.push(key)
        } else if (used.length > 3) set.leave(used.shift() ?? '')
        if (set.bytes > limits.bytes) return false
        if (!used.every(each => set.has(each))) return false
      }
      return true
    }),
  )
})
