import fc from 'fast-check'
import t from 'tap'
import { containerNumbers } from './container-size.ts'
import { Holdings } from './holdings.ts'
import { checkContainers } from './messages.ts'

/** Numbers that gather at the edges of containers, where mistakes live. */
const number = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: containerNumbers - 20, max: containerNumbers + 20 }),
  fc.integer({ min: 0, max: containerNumbers * 4 }),
)
const blocks = fc.record({
  start: number,
  count: fc.oneof(
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 1, max: containerNumbers * 2 }),
  ),
})
const step = fc.oneof(
  fc.record({ kind: fc.constantFrom('add' as const, 'remove' as const), block: blocks }),
  fc.record({ kind: fc.constantFrom('add' as const, 'remove' as const), number }),
)
type Step =
  | { kind: 'add' | 'remove'; block: { start: number; count: number } }
  | { kind: 'add' | 'remove'; number: number }

const perform = (holdings: Holdings, model: Set<number>, steps: readonly Step[]): void => {
  for (const one of steps) {
    const { start, count } = 'block' in one ? one.block : { start: one.number, count: 1 }
    for (let n = start; n < start + count; n++) {
      if (one.kind === 'add') {
        if (holdings.add(n) === model.has(n)) throw new Error(`add ${n} lied`)
        model.add(n)
      } else if (holdings.remove(n) !== model.delete(n)) throw new Error(`remove ${n} lied`)
    }
  }
}

const sameAs = (holdings: Holdings, model: ReadonlySet<number>): boolean => {
  const numbers = [...holdings.numbers()]
  return (
    holdings.count === model.size &&
    numbers.length === model.size &&
    numbers.every(n => model.has(n) && holdings.has(n))
  )
}

t.test('holdings behave as a set of numbers', async t => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), steps => {
      const holdings = new Holdings()
      const model = new Set<number>()
      perform(holdings, model, steps)
      return sameAs(holdings, model) && !holdings.has(containerNumbers * 900)
    }),
    { numRuns: 30 },
  )
  t.pass('for any additions and removals')
})

t.test('full state and changes survive the wire, and a clone stays as it was', async t => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 8 }),
      fc.array(step, { maxLength: 8 }),
      (before, after) => {
        const holdings = new Holdings()
        const model = new Set<number>()
        perform(holdings, model, before)
        const base = holdings.clone()
        const baseModel = new Set(model)
        perform(holdings, model, after)

        const changes = JSON.parse(JSON.stringify(holdings.changesSince(base)))
        checkContainers(changes)
        const rebuilt = base.clone()
        rebuilt.apply(changes)
        const decoded = Holdings.decode(JSON.parse(JSON.stringify(holdings.encode())))
        return (
          sameAs(base, baseModel) &&
          sameAs(rebuilt, model) &&
          rebuilt.equals(holdings) &&
          decoded.equals(holdings) &&
          (changes.length === 0) === base.equals(holdings)
        )
      },
    ),
    { numRuns: 30 },
  )
  t.pass('for any two states')
})

t.test('writing to a clone leaves the original alone, and the other way round', async t => {
  const holdings = Holdings.of([1, 2, 3])
  const copy = holdings.clone()
  copy.add(4)
  holdings.remove(1)
  t.strictSame([...holdings.numbers()], [2, 3])
  t.strictSame([...copy.numbers()], [1, 2, 3, 4])
})

t.test('a full mirror is a few bytes, and one new content too', async t => {
  const full = Holdings.decode(
    Array.from({ length: 40 }, (_, index) => ({ index, kind: 'full' as const })),
  )
  t.equal(full.count, 40 * containerNumbers)
  t.equal(full.bitmapBytes, 0, 'full containers are shared')
  t.ok(JSON.stringify(full.encode()).length < 40 * 30)
  const grown = full.clone()
  grown.add(40 * containerNumbers + 7)
  t.strictSame(grown.changesSince(full), [{ index: 40, kind: 'bitmap', bits: 'gA==' }])
})

t.test('containers that become full or empty are normalised', async t => {
  const holdings = new Holdings()
  for (let n = 0; n < containerNumbers; n++) holdings.add(n)
  t.strictSame(holdings.encode(), [{ index: 0, kind: 'full' }])
  t.equal(holdings.bitmapBytes, 0)
  holdings.remove(5)
  t.strictSame(holdings.changesSince(Holdings.decode([{ index: 0, kind: 'full' }])), [
    { index: 0, kind: 'change', add: [], remove: [[5, 1]] },
  ])
  for (const n of [...holdings.numbers()]) holdings.remove(n)
  t.strictSame(holdings.encode(), [])
  t.equal(holdings.count, 0)
})

t.test('a change too scattered for ranges goes as a bitmap', async t => {
  const scattered = Holdings.of(Array.from({ length: 20_000 }, (_, k) => k * 3))
  const [container] = scattered.encode()
  t.equal(container?.kind, 'bitmap')
  t.ok(JSON.stringify(container).length < 11_000)
})

t.test('numbers beyond the bound are refused, not stored', async t => {
  t.throws(() => new Holdings().add(2 ** 31), RangeError)
  t.throws(() => new Holdings().add(-1), RangeError)
  t.notOk(new Holdings().has(-1))
})
