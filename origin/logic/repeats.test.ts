import t from 'tap'
import { repeatWindowMostMs, repeatWindowMs } from '../../core/limits.ts'
import {
  adviseRepeat,
  type Repeat,
  rangeOffset,
  recordAnswer,
  repeatedRange,
  repeatWindow,
} from './repeats.ts'

const ada = 1
const bob = 2
const cyd = 3

const at = (nowMs: number, offset = 0) => ({ nowMs, offset })

t.test('a repeat gets another volunteer, then the origin, then volunteers again', async t => {
  t.match(adviseRepeat(undefined, at(0), true), { serveHere: false, tried: [] })
  const once = recordAnswer(undefined, ada, 10, at(0))
  t.match(adviseRepeat(once, at(1), true), { serveHere: false, tried: [ada], mayServe: true })
  const twice = recordAnswer(once, bob, 10, at(1))
  t.match(adviseRepeat(twice, at(2), true), { serveHere: true, tried: [ada, bob] })
  const served = recordAnswer(twice, null, 10, at(2))
  t.match(adviseRepeat(served, at(3), true), { serveHere: false, tried: [], mayServe: false })
})

t.test('what nobody but the origin could serve is not remembered', async t => {
  t.equal(recordAnswer(undefined, null, 10, at(0)), undefined)
})

t.test('many clients behind one address get one answer of the origin in a window', async t => {
  const volunteers = [ada, bob, cyd]
  let repeat: Repeat | undefined
  let here = 0
  const sent: (number | null)[] = []
  for (let client = 0; client < 500; client++) {
    const now = at(client * 100)
    const advice = adviseRepeat(repeat, now, true)
    const to = advice.serveHere
      ? null
      : (volunteers.find(each => !advice.tried.includes(each)) ?? null)
    if (to === null) here++
    sent.push(to)
    repeat = recordAnswer(repeat, to, 1000, now)
  }
  t.equal(here, 1)
  const stayed = sent.filter((each, index) => index > 0 && each === sent[index - 1])
  t.equal(stayed.length, 0, 'each repeat goes elsewhere than the one before')
})

t.test('when the share for repeats is used up, volunteers go on', async t => {
  const once = recordAnswer(undefined, ada, 10, at(0))
  const twice = recordAnswer(once, bob, 10, at(1))
  const advice = adviseRepeat(twice, at(2), false)
  t.strictSame(advice, { serveHere: false, tried: [bob], mayServe: false })
  t.strictSame(recordAnswer(twice, ada, 10, at(2))?.tried, [bob, ada], 'and it is bounded')
})

t.test('what lies behind the window is forgotten', async t => {
  const once = recordAnswer(undefined, ada, 0, at(0))
  t.match(adviseRepeat(once, at(repeatWindowMs - 1), true), { tried: [ada] })
  t.strictSame(adviseRepeat(once, at(repeatWindowMs), true).tried, [])
  t.strictSame(recordAnswer(once, bob, 0, at(repeatWindowMs))?.tried, [bob])
  const served = recordAnswer(once, null, 0, at(1))
  const later = recordAnswer(served, bob, 0, at(repeatWindowMs))
  t.equal(later?.untilMs, served?.untilMs, 'an answer of the origin does not last longer')
})

t.test('large files are remembered longer, within a bound', async t => {
  t.equal(repeatWindow(200_000_000), repeatWindowMs + 200_000)
  t.equal(repeatWindow(5e12), repeatWindowMostMs)
})

t.test('a part further on than anything can have arrived is no repeat', async t => {
  const size = 4e9
  const first = recordAnswer(undefined, ada, size, at(0))
  const part = at(20, 2e9)
  t.strictSame(adviseRepeat(first, part, true).tried, [])
  t.equal(recordAnswer(first, ada, size, part), first, 'and changes nothing')
  t.strictSame(adviseRepeat(first, at(60_000, 2e9), true).tried, [ada], 'a resume is one')
  const resumed = recordAnswer(first, bob, size, at(60_000, 2e9))
  t.strictSame(adviseRepeat(resumed, at(60_010, 2e9), true).tried, [ada, bob], 'without progress')
  t.strictSame(adviseRepeat(resumed, at(60_010), true).tried, [ada, bob], 'from the start again')
})

t.test('resuming repeats the whole file, fetching one bounded part does not', async t => {
  for (const whole of [undefined, 'bytes=0-', 'bytes=1234-']) t.equal(repeatedRange(whole), '')
  for (const part of ['bytes=0-99', 'bytes=-99', 'bytes=0-,5-', 'bytes=100-199']) {
    t.equal(repeatedRange(part), part)
  }
  t.equal(rangeOffset('bytes=1234-'), 1234)
  for (const range of [undefined, 'bytes=0-', 'bytes=5-9', 'bytes=-5', 'nonsense']) {
    t.equal(rangeOffset(range), 0, range ?? 'none')
  }
})
