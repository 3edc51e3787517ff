import fc from 'fast-check'
import t from 'tap'
import { isMirrorswarmError } from './errors.ts'
import { formatDuration, formatSize, parseDuration, parseRate, parseSize } from './units.ts'

const refuses = (run: () => unknown): boolean => {
  try {
    run()
    return false
  } catch (error) {
    return isMirrorswarmError(error, 'MS_CONFIG_INVALID')
  }
}

t.test('sizes have decimal and binary prefixes', async t => {
  for (const [text, bytes] of [
    ['0', 0],
    ['512', 512],
    ['512B', 512],
    ['10MB', 10_000_000],
    ['1GiB', 2 ** 30],
    ['1.5 GiB', 1.5 * 2 ** 30],
    ['4kib', 4096],
    [' 2TB ', 2e12],
  ] as const) {
    t.equal(parseSize(text), bytes, text)
  }
})

t.test('what is not a size is refused, and named in the message', async t => {
  for (const text of ['', 'MB', '-1', '10M', '1e9', '0x10', '10 MB MB', '1,5GB', '99999PB', '∞']) {
    t.ok(
      refuses(() => parseSize(text)),
      text,
    )
  }
  t.throws(() => parseSize('10Mo'), { message: /"10Mo"/ })
})

t.test('rates are bytes a second, with bits where they are asked for', async t => {
  t.equal(parseRate('10MB'), 10_000_000)
  t.equal(parseRate('10MB/s'), 10_000_000)
  t.equal(parseRate('512 KiB / s'), 512 * 1024)
  t.equal(parseRate('100Mbit/s'), 12_500_000)
  t.equal(parseRate('8kbit'), 1000)
  for (const text of ['0', '0MB/s', '10MB/h', '10MB/s/s', '/s', 'fast']) {
    t.ok(
      refuses(() => parseRate(text)),
      text,
    )
  }
})

t.test('durations need a unit, and may have several', async t => {
  for (const [text, ms] of [
    ['0', 0],
    ['500ms', 500],
    ['30s', 30_000],
    ['1h30m', 5_400_000],
    ['1h 30m', 5_400_000],
    ['7d', 604_800_000],
    ['0.5s', 500],
    ['2W', 1_209_600_000],
  ] as const) {
    t.equal(parseDuration(text), ms, text)
  }
  for (const text of ['', '30', '-3s', 's', '3 s x', '1h30', '3y', '9999999999999999999s']) {
    t.ok(
      refuses(() => parseDuration(text)),
      text,
    )
  }
})

t.test('sizes read with three digits', async t => {
  t.equal(formatSize(0), '0 B')
  t.equal(formatSize(999), '999 B')
  t.equal(formatSize(1000), '1 kB')
  t.equal(formatSize(1500), '1.5 kB')
  t.equal(formatSize(12_345_678), '12.3 MB')
  t.equal(formatSize(999_999), '1 MB')
  t.equal(formatSize(2 ** 40), '1.1 TB')
})

t.test('durations read as their two largest units', async t => {
  t.equal(formatDuration(0), '0ms')
  t.equal(formatDuration(350), '350ms')
  t.equal(formatDuration(12_000), '12s')
  t.equal(formatDuration(200_000), '3m 20s')
  t.equal(formatDuration(3_600_000), '1h')
  t.equal(formatDuration(3_600_000 + 5000), '1h')
  t.equal(formatDuration(7_500_000), '2h 5m')
  t.equal(formatDuration(273_600_000), '3d 4h')
})

t.test('a formatted size parses back to within its three digits', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 50 }), bytes => {
      return Math.abs(parseSize(formatSize(bytes)) - bytes) <= bytes * 0.006
    }),
  )
})

t.test('a formatted duration parses back to within its two units', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e11 }), ms => {
      return Math.abs(parseDuration(formatDuration(ms)) - ms) <= Math.max(500, ms / 24)
    }),
  )
})
