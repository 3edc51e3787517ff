import fc from 'fast-check'
import t from 'tap'
import { familySkipsMost } from '../../core/basis-limits.ts'
import { askFamily, type FamilyMemory, noteOutcome } from './basis-memory.ts'

/** How many of so many contents are tried when none ever matches. */
const attemptsOf = (contents: number): number => {
  let memory: FamilyMemory | null = null
  let attempts = 0
  for (let index = 0; index < contents; index++) {
    const { attempt, next } = askFamily(memory)
    memory = attempt ? noteOutcome(next, 0, 1000) : next
    if (attempt) attempts += 1
  }
  return attempts
}

t.test('what never matches is tried ever more seldom, but for ever', t => {
  t.equal(attemptsOf(2), 2, 'one miss may be chance')
  t.ok(attemptsOf(100) < 10)
  const [some, more] = [attemptsOf(10_000), attemptsOf(20_000)]
  t.ok(more - some >= 10_000 / (familySkipsMost + 1) - 1)
  t.end()
})

t.test('one success makes up for all misses, and below a hundredth is none', t => {
  const bad = { misses: 9, skips: 0 }
  t.equal(noteOutcome(bad, 10, 1000), null)
  t.same(noteOutcome(bad, 9, 1000), { misses: 10, skips: familySkipsMost })
  t.not(noteOutcome(null, 0, 0), null, 'nothing of an empty content is no match')
  t.end()
})

t.test('skips are bounded', t => {
  fc.assert(
    fc.property(fc.nat(10_000), misses => {
      const next = noteOutcome({ misses, skips: 0 }, 0, 1)
      return next !== null && next.skips <= familySkipsMost
    }),
  )
  t.end()
})
