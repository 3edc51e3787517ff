import fc from 'fast-check'
import t from 'tap'
import { isMirrorswarmError } from './errors.ts'
import { isOpen, parseHours } from './hours.ts'

const at = (text: string): number => Date.parse(text)

t.test('a range within the day', async t => {
  const hours = parseHours('08:00-18:30 UTC')
  t.notOk(isOpen(hours, at('2026-03-01T07:59:59Z')))
  t.ok(isOpen(hours, at('2026-03-01T08:00:00Z')))
  t.ok(isOpen(hours, at('2026-03-01T18:29:59Z')))
  t.notOk(isOpen(hours, at('2026-03-01T18:30:00Z')))
})

t.test('a range over midnight', async t => {
  const hours = parseHours('20:00-07:00 UTC')
  t.ok(isOpen(hours, at('2026-03-01T20:00:00Z')))
  t.ok(isOpen(hours, at('2026-03-02T00:00:00Z')))
  t.ok(isOpen(hours, at('2026-03-02T06:59:00Z')))
  t.notOk(isOpen(hours, at('2026-03-02T07:00:00Z')))
  t.notOk(isOpen(hours, at('2026-03-02T12:00:00Z')))
})

t.test('the wall clock of the zone counts, in winter and in summer', async t => {
  const hours = parseHours('20:00-07:00 Europe/Paris')
  t.ok(isOpen(hours, at('2026-01-10T19:00:00Z')), '20:00 in winter')
  t.notOk(isOpen(hours, at('2026-01-10T18:59:00Z')))
  t.ok(isOpen(hours, at('2026-07-10T18:00:00Z')), '20:00 in summer')
  t.notOk(isOpen(hours, at('2026-07-10T17:59:00Z')))
  t.ok(isOpen(parseHours('05:00-06:00 Asia/Kolkata'), at('2026-01-01T23:45:00Z')))
})

t.test('several ranges; one without a zone has that of the next', async t => {
  const hours = parseHours('12:00-13:00, 20:00-22:00 America/New_York, 03:00-04:00 UTC')
  t.ok(isOpen(hours, at('2026-01-10T17:30:00Z')), 'noon in New York')
  t.ok(isOpen(hours, at('2026-01-11T02:30:00Z')), 'evening in New York')
  t.ok(isOpen(hours, at('2026-01-11T03:30:00Z')), 'UTC')
  t.notOk(isOpen(hours, at('2026-01-10T12:30:00Z')))
})

t.test('what is not a range of hours is refused with the reason', async t => {
  for (const [text, reason] of [
    ['', /form/],
    ['20:00', /form/],
    ['20:00-07:00', /zone is missing/],
    ['20:00-07:00 Europe/Paris,08:00-09:00', /zone is missing/],
    ['20:00-07:00 Mars/Olympus', /Mars\/Olympus/],
    ['25:00-07:00 UTC', /25:00/],
    ['20:60-21:00 UTC', /20:60/],
    ['08:00-08:00 UTC', /00:00-24:00/],
    ['24:00-08:00 UTC', /begins/],
    ['20-7 UTC', /form/],
    ['20:00-07:00 UTC extra', /form/],
  ] as const) {
    try {
      parseHours(text)
      t.fail(`${text} was accepted`)
    } catch (error) {
      t.ok(isMirrorswarmError(error, 'MS_CONFIG_INVALID'), text)
      t.match(String(error), reason, text)
    }
  }
})

t.test('00:00-24:00 is always open', async () => {
  const hours = parseHours('00:00-24:00 Pacific/Chatham')
  fc.assert(fc.property(fc.integer({ min: 0, max: 4e12 }), nowMs => isOpen(hours, nowMs)))
})

t.test('a range and its opposite are never open together, and one always is', async () => {
  const minute = fc.integer({ min: 0, max: 1439 })
  const clock = (m: number): string =>
    `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`
  fc.assert(
    fc.property(minute, minute, fc.integer({ min: 0, max: 4e12 }), (a, b, nowMs) => {
      fc.pre(a !== b)
      const day = parseHours(`${clock(a)}-${clock(b)} Australia/Lord_Howe`)
      const night = parseHours(`${clock(b)}-${clock(a)} Australia/Lord_Howe`)
      return isOpen(day, nowMs) !== isOpen(night, nowMs)
    }),
  )
})
