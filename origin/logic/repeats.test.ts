import t from 'tap'
import type { VolunteerName } from '../../core/ids.ts'
import { repeatWindowMostMs, repeatWindowMs } from '../../core/limits.ts'
import { adviseRepeat, recordAnswer, repeatKey, repeatWindow } from './repeats.ts'

const ada = 'ada' as VolunteerName
const bob = 'bob' as VolunteerName

t.test('a repeat gets another volunteer, then the origin, then starts afresh', async t => {
  t.strictSame(adviseRepeat(undefined, 0), { serveHere: false, tried: [] })
  const once = recordAnswer(undefined, ada, 10, 0)
  t.strictSame(adviseRepeat(once, 1), { serveHere: false, tried: [ada] })
  const twice = recordAnswer(once, bob, 10, 1)
  t.strictSame(adviseRepeat(twice, 2), { serveHere: true, tried: [ada, bob] })
  t.equal(recordAnswer(twice, null, 10, 2), undefined)
})

t.test('what lies behind the window is forgotten', async t => {
  const once = recordAnswer(undefined, ada, 0, 0)
  t.strictSame(adviseRepeat(once, repeatWindowMs - 1), { serveHere: false, tried: [ada] })
  t.strictSame(adviseRepeat(once, repeatWindowMs), { serveHere: false, tried: [] })
  t.strictSame(recordAnswer(once, bob, 0, repeatWindowMs)?.tried, [bob])
})

t.test('large files are remembered longer, within a bound', async t => {
  t.equal(repeatWindow(200_000_000), repeatWindowMs + 200_000)
  t.equal(repeatWindow(5e12), repeatWindowMostMs)
})

t.test('resuming repeats the whole file, fetching one bounded part does not', async t => {
  const whole = repeatKey('client', 'a.iso', undefined)
  t.equal(repeatKey('client', 'a.iso', 'bytes=0-'), whole)
  t.equal(repeatKey('client', 'a.iso', 'bytes=1234-'), whole)
  t.not(repeatKey('client', 'a.iso', 'bytes=0-99'), whole)
  t.not(repeatKey('client', 'a.iso', 'bytes=-99'), whole)
  t.not(repeatKey('client', 'a.iso', 'bytes=0-,5-'), whole)
  t.not(repeatKey('client', 'a.iso', 'bytes=0-99'), repeatKey('client', 'a.iso', 'bytes=100-199'))
  t.not(repeatKey('other', 'a.iso', undefined), whole)
})
