import t from 'tap'
import { parseNetwork } from '../core/networks.ts'
import { RequestLimit } from './request-limit.ts'

const make = (perSecond: number | null, exempt: string[] = []) => {
  const time = { ms: 0 }
  const limit = new RequestLimit(
    { perSecond, exempt: exempt.map(parseNetwork) },
    { monotonicMs: () => time.ms },
  )
  return { time, limit }
}

t.test('a burst passes, a flood is told when to come again', async t => {
  const { time, limit } = make(1000)
  for (let count = 0; count < 5000; count++) t.equal(limit.take('192.0.2.1'), 0)
  t.equal(limit.take('192.0.2.1'), 1)
  t.equal(limit.take('192.0.2.2'), 0, 'others have their own')
  time.ms += 10
  let passed = 0
  while (limit.take('192.0.2.1') === 0) passed++
  t.equal(passed, 10)
  time.ms += 3_600_000
  passed = 0
  while (limit.take('192.0.2.1') === 0) passed++
  t.equal(passed, 5000, 'a pause earns one burst, not more')
})

t.test('an IPv6 /64 is one client, and own networks have no limit', async t => {
  const { limit } = make(1, ['10.0.0.0/8'])
  for (let count = 0; count < 5; count++) t.equal(limit.take(`2001:db8:0:1::${count}`), 0)
  t.equal(limit.take('2001:db8:0:1:ffff::1'), 1)
  t.equal(limit.take('2001:db8:0:2::1'), 0)
  for (let count = 0; count < 100; count++) t.equal(limit.take('10.1.2.3'), 0)
  const { limit: none } = make(null)
  for (let count = 0; count < 100; count++) t.equal(none.take('192.0.2.1'), 0)
})

t.test('whether there is room is told without counting', async t => {
  const limit = new RequestLimit({ perSecond: 1, exempt: [] }, { monotonicMs: () => 0 })
  for (let count = 0; count < 100; count++) t.equal(limit.hasRoom('192.0.2.1'), true)
  while (limit.take('192.0.2.1') === 0) t.equal(limit.take('192.0.2.1', 0), 0)
  t.equal(limit.hasRoom('192.0.2.1'), false)
  t.equal(limit.hasRoom('192.0.2.2'), true)
})

t.test('what costs nothing passes while there is room, and punishment uses it up', async t => {
  const { time, limit } = make(2)
  t.equal(limit.take('192.0.2.1', 0), 0)
  limit.take('192.0.2.1', 20)
  t.ok(limit.take('192.0.2.1', 0) > 0, 'not even what costs nothing')
  t.ok(limit.take('192.0.2.1') > 0)
  time.ms += 60_000
  t.equal(limit.take('192.0.2.1'), 0)
})
