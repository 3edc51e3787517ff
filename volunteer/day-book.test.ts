import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { rememberedDays } from '../core/dashboard-limits.ts'
import { silentLogger } from '../core/log.ts'
import { DayBook } from './day-book.ts'
import { addToDay, gained, noSums, type Sums } from './logic/days.ts'

const dayMs = 24 * 3_600_000
const noonMs = new Date(2024, 4, 31, 12).getTime()

const openBook = async (t: Test, file: string) => {
  const now = { nowMs: noonMs, totals: noSums as Sums, warnings: 0 }
  const book = new DayBook({
    file,
    clock: { nowMs: () => now.nowMs, monotonicMs: () => now.nowMs },
    logger: {
      ...silentLogger,
      warn: () => {
        now.warnings++
      },
    },
    totals: () => now.totals,
  })
  await book.start()
  t.teardown(() => book.stop())
  return { book, now }
}

t.test('days are summed over restarts', async t => {
  const file = join(t.testdir(), 'days.json')
  const { book, now } = await openBook(t, file)
  now.totals = { ...noSums, clientBytes: 100, syncMs: 6_500_000 }
  t.match(book.days, [{ date: '2024-05-31', clientBytes: 100, syncMs: 6_500_000 }])
  await book.stop()
  const second = await openBook(t, file)
  second.now.totals = { ...noSums, clientBytes: 5 }
  t.match(second.book.days, [{ clientBytes: 105 }])
  second.now.nowMs += dayMs
  second.now.totals = { ...noSums, clientBytes: 7 }
  t.match(second.book.days, [{ clientBytes: 105 }, { date: '2024-06-01', clientBytes: 2 }])
  second.now.nowMs -= dayMs
  second.now.totals = { ...noSums, clientBytes: 8 }
  t.match(second.book.days, [{ clientBytes: 105 }, { clientBytes: 3 }], 'a clock that went back')
})

t.test('a broken file, or none that can be written, costs the history only', async t => {
  const folder = t.testdir({ 'days.json': '{"days":[{"date":"x"' })
  const file = join(folder, 'days.json')
  const { book, now } = await openBook(t, file)
  t.equal(now.warnings, 1)
  t.match(book.days, [{ clientBytes: 0 }])
  await book.stop()
  t.match(JSON.parse(readFileSync(file, 'utf8')), { days: [{ date: '2024-05-31' }] })
  writeFileSync(file, '{"days":[{"date":"2024-05-31","syncMs":-1}]}')
  t.equal((await openBook(t, file)).now.warnings, 1, 'sums that cannot be')
  const lost = await openBook(t, join(folder, 'none', 'days.json'))
  await lost.book.stop()
  t.equal(lost.now.warnings, 1)
})

t.test('nothing is counted twice, and memory is bounded', async () => {
  const reading = fc.record({ day: fc.nat(200), bytes: fc.nat(1_000) })
  fc.assert(
    fc.property(fc.array(reading, { maxLength: 200 }), readings => {
      let days = addToDay([], '2024-01-01', noSums)
      let before: Sums = noSums
      let most = 0
      for (const { day, bytes } of readings) {
        const now = { ...noSums, peersBytes: before.peersBytes + bytes }
        const date = new Date(Date.UTC(2024, 0, 1) + day * dayMs).toISOString().slice(0, 10)
        days = addToDay(days, date, gained(before, now))
        before = now
        most = Math.max(
          most,
          days.reduce((sum, each) => sum + each.peersBytes, 0),
        )
      }
      return days.length <= rememberedDays && most <= before.peersBytes
    }),
    { numRuns: 50 },
  )
})
