import fc from 'fast-check'
import t from 'tap'
import { RepeatTable, repeatSlotBytes, StickyTable, stickySlotBytes } from './repeat-table.ts'
import type { Repeat } from './repeats.ts'

const repeats = (slots: number) => new RepeatTable(new ArrayBuffer(slots * repeatSlotBytes), slots)
const stickies = (slots: number) => new StickyTable(new ArrayBuffer(slots * stickySlotBytes), slots)

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const anyRepeat: fc.Arbitrary<Repeat> = fc
  .tuple(fc.array(word, { maxLength: 2 }), fc.boolean(), fc.maxSafeNat(), fc.nat(), fc.nat())
  .map(([tried, served, offset, sinceMs, untilMs]) => {
    return { tried, served, offset, sinceMs, untilMs }
  })
/** Few keys, some of them in one bucket, and the one that looks like an empty slot. */
const anyKey = fc.tuple(fc.constantFrom(0, 1, 8, 9, -8), fc.constantFrom(0, 1, -1))
const steps = (most: number) =>
  fc.array(fc.tuple(anyKey, fc.option(anyRepeat)), { maxLength: most })

const follow = (table: RepeatTable, some: [[number, number], Repeat | null][], full: boolean) => {
  const model = new Map<string, Repeat>()
  for (const [[low, high], repeat] of some) {
    // The key of an empty slot stands for another one.
    const key = low === 0 && high === 0 ? '1 0' : `${low} ${high}`
    if (repeat === null) {
      model.delete(key)
      table.delete(low, high)
      t.equal(table.get(low, high), undefined)
    } else {
      model.set(key, repeat)
      table.set(low, high, repeat)
      t.strictSame(table.get(low, high), repeat)
    }
    for (const [known, wanted] of model) {
      const [low = 0, high = 0] = known.split(' ').map(Number)
      const found = table.get(low, high)
      if (full || found !== undefined) t.strictSame(found, wanted)
    }
  }
}

t.test('a table that never fills up is as good as a map', async () => {
  fc.assert(
    fc.property(steps(8), some => follow(repeats(64), some, true)),
    { numRuns: 60 },
  )
})

t.test('a full one forgets, but never mixes anything up', async () => {
  fc.assert(
    fc.property(steps(30), some => follow(repeats(8), some, false)),
    { numRuns: 30 },
  )
})

t.test('in a full bucket the one that ends first makes room', async t => {
  const table = repeats(8)
  const repeat = (untilMs: number) => ({
    ...{ tried: [1], served: false, offset: 0, sinceMs: 0 },
    untilMs,
  })
  for (let key = 1; key <= 8; key++) table.set(key, 5, repeat(key === 3 ? 10 : 100 + key))
  table.set(9, 5, repeat(50))
  t.equal(table.get(3, 5), undefined)
  t.strictSame(table.get(9, 5), repeat(50))
  table.delete(4, 5)
  table.set(10, 5, repeat(1))
  t.ok(table.get(9, 5), 'an empty place comes first')
})

t.test('tables may lie in memory that threads share', async t => {
  const memory = new SharedArrayBuffer(16 * repeatSlotBytes)
  const one = new RepeatTable(memory, 16)
  const other = new RepeatTable(memory, 16)
  const repeat = { tried: [-7, 9], served: true, offset: 3, sinceMs: 1, untilMs: 2 }
  one.set(123, -456, repeat)
  t.strictSame(other.get(123, -456), repeat)
  other.delete(123, -456)
  t.equal(one.get(123, -456), undefined)
})

t.test('a client stays with its volunteer until the time is over', async t => {
  const table = stickies(8)
  t.equal(table.get(1, 2, 0), null)
  table.set(1, 2, -5, 100)
  t.equal(table.get(1, 2, 100), -5)
  t.equal(table.get(1, 2, 101), null)
  t.equal(table.get(1, 3, 0), null)
  table.set(1, 2, 6, 200)
  t.equal(table.get(1, 2, 150), 6)
  for (let key = 3; key < 50; key++) table.set(key, 2, key, 300)
  t.equal(table.get(1, 2, 0), null, 'and who ends first makes room')
})
