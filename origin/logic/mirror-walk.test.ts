import fc from 'fast-check'
import t from 'tap'
import { passedContents, walkAgainMs, walkedContents } from '../../core/sampling-limits.ts'
import { MirrorWalk } from './mirror-walk.ts'

/** Walks until the walk is over; what was wanted is known from then on. */
const walkAll = (walk: MirrorWalk, known = new Set<number>()): number[] => {
  const found: number[] = []
  while (!walk.isOver) {
    const next = walk.next({ isHeld: each => known.has(each), isWanted: each => !known.has(each) })
    if (next === null) continue
    found.push(next)
    known.add(next)
  }
  return found
}

t.test('the newest contents come first, and each comes once', async t => {
  const walk = new MirrorWalk()
  t.equal(walk.isOver, true)
  walk.grow(4, 0)
  t.strictSame(walkAll(walk), [3, 2, 1, 0])
  walk.grow(6, 0)
  t.strictSame(walkAll(walk), [5, 4], 'only what is new')
  walk.grow(6, 0)
  t.equal(walk.isOver, true)
})

t.test('whenever contents come, in the end all were offered', async () => {
  const growths = fc.array(fc.record({ more: fc.nat(40), steps: fc.nat(40) }), { maxLength: 40 })
  fc.assert(
    fc.property(growths, list => {
      const walk = new MirrorWalk()
      const known = new Set<number>()
      let count = 0
      for (const { more, steps } of list) {
        count += more
        walk.grow(count, 0)
        for (let step = 0; step < steps; step++) {
          const isHeld = (each: number) => known.has(each)
          const next = walk.next({ isHeld, isWanted: each => !known.has(each) })
          if (next !== null) known.add(next)
        }
      }
      walkAll(walk, known)
      return known.size === count
    }),
  )
})

t.test('the same content is offered until it is known', async t => {
  const walk = new MirrorWalk()
  walk.grow(2, 0)
  const all = { isHeld: () => false, isWanted: () => true }
  t.strictSame([walk.next(all), walk.next(all)], [1, 1])
})

t.test('one step asks for few contents and passes over a bounded number of held ones', async t => {
  const walk = new MirrorWalk()
  walk.grow(2_200_000, 0)
  let asked = 0
  const useless = { isHeld: () => false, isWanted: () => ++asked < 0 }
  t.equal(walk.next(useless), null)
  t.equal(asked, walkedContents)
  let passed = 0
  const held = { isHeld: () => ++passed > 0, isWanted: () => true }
  t.equal(walk.next(held), null)
  t.equal(passed, passedContents)
  let steps = 1
  while (!walk.isOver) {
    walk.next({ isHeld: () => true, isWanted: () => true })
    steps++
  }
  t.ok(steps < 200, `${steps} steps for 2.2 million held ones`)
})

t.test('a day later all is walked over again, but not before', async t => {
  const walk = new MirrorWalk()
  walk.grow(3, 5)
  t.strictSame(walkAll(walk), [2, 1, 0])
  walk.repeat(walkAgainMs)
  t.equal(walk.isOver, true)
  walk.repeat(walkAgainMs + 5)
  t.strictSame(walkAll(walk), [2, 1, 0])
})
