import t from 'tap'
import { seededRandom } from '../../core/clock.ts'
import { backoffMs } from './backoff.ts'
import { emptyMeter, meterRate, meterWindowMs, readMeter } from './meter.ts'

t.test('a steady counter gives its rate, an idle one falls to nothing', async t => {
  let meter = emptyMeter
  t.equal(meterRate(meter), 0)
  for (let atMs = 0; atMs <= 20_000; atMs += 500) meter = readMeter(meter, atMs * 2, atMs)
  t.equal(meterRate(meter), 2000)
  t.ok(meter.samples.length <= meterWindowMs / 500 + 2)
  for (let atMs = 20_500; atMs <= 27_000; atMs += 500) meter = readMeter(meter, 40_000, atMs)
  t.equal(meterRate(meter), 0)
})

t.test('after a pause of the process the rate is averaged over the pause', async t => {
  const meter = readMeter(readMeter(emptyMeter, 0, 0), 60_000, 60_000)
  t.equal(meterRate(meter), 1000)
})

t.test('back-off doubles to its bound and is spread', async t => {
  const random = seededRandom(1)
  for (let failures = 1; failures < 100; failures++) {
    const full = Math.min(60_000, 1000 * 2 ** (failures - 1))
    const wait = backoffMs(failures, random, 1000, 60_000)
    t.ok(wait >= full / 2 && wait <= full, `${failures}: ${wait}`)
  }
})
