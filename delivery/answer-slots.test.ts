// Slots and the line before them: bounded, fair, and left exactly once.

import t from 'tap'
import { AnswerSlots, inSlot } from './answer-slots.ts'

const never = new AbortController().signal

t.test('slots are bounded in sum and for each, and are left once', async t => {
  const slots = new AnswerSlots({ inSum: 3, each: 2, waiting: 0, waitingEach: 0 })
  const first = slots.tryEnter('a')
  t.ok(slots.tryEnter('a'))
  t.equal(slots.tryEnter('a'), null)
  t.equal(await slots.enter('a', never), null, 'nobody may wait')
  t.ok(await slots.enter('b', never))
  t.equal(slots.tryEnter('c'), null)
  first?.()
  first?.()
  t.equal(slots.active, 2)
  t.ok(slots.tryEnter('c'))
  t.equal(slots.tryEnter('a'), null)
})

t.test('who waits comes in order, but nobody beyond his own share', async t => {
  const slots = new AnswerSlots({ inSum: 2, each: 1, waiting: 3, waitingEach: 2 })
  const [a, b] = [slots.tryEnter('a'), slots.tryEnter('b')]
  const order: string[] = []
  const wait = (name: string, label: string): Promise<() => void> =>
    slots.enter(name, never).then(leave => {
      order.push(label)
      return leave ?? (() => undefined)
    })
  const a2 = wait('a', 'a2')
  const c = wait('c', 'c')
  const a3 = wait('a', 'a3')
  t.equal(slots.waiting, 3)
  t.equal(await slots.enter('d', never), null, 'the line is full')
  b?.()
  ;(await c)()
  t.same(order, ['c'], 'a has as many as one may have')
  a?.()
  ;(await a2)()
  ;(await a3)()
  t.same(order, ['c', 'a2', 'a3'])
  t.equal(slots.active + slots.waiting, 0)
})

t.test('who gives up leaves the line', async t => {
  const slots = new AnswerSlots({ inSum: 1, each: 1, waiting: 9, waitingEach: 9 })
  const leave = slots.tryEnter('a')
  const gone = new AbortController()
  const waits = slots.enter('b', gone.signal)
  gone.abort(new Error('left'))
  await t.rejects(waits, { message: 'left' })
  await t.rejects(slots.enter('b', gone.signal), { message: 'left' })
  t.equal(slots.waiting, 0)
  leave?.()
  t.equal(slots.active, 0)
})

t.test('a slot is left however the parts end', async t => {
  const slots = new AnswerSlots({ inSum: 1, each: 1, waiting: 0, waitingEach: 0 })
  const enter = async (): Promise<() => void> => {
    const leave = slots.tryEnter('a')
    if (leave === null) throw new Error('busy')
    return leave
  }
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) yield new Uint8Array(1)
  }
  for await (const part of inSlot(enter, endless)) {
    t.equal(part.length, 1)
    t.equal(slots.active, 1)
    break
  }
  t.equal(slots.active, 0)
  const failing = inSlot(enter, () => {
    throw new Error('nonsense')
  })
  await t.rejects(failing.next(), { message: 'nonsense' })
  t.equal(slots.active, 0)
})
