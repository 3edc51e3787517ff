import t from 'tap'
import { MirrorswarmError } from '../core/errors.ts'
import type { ContentNumber, Sha256 } from '../core/ids.ts'
import { concurrentPrefills, mostPrefills } from '../core/limits.ts'
import { silentLogger } from '../core/log.ts'
import type { BundleMember } from './bundle.ts'
import { type Prefill, Prefills } from './prefills.ts'
import { until } from './swarm-fixture.ts'

const target = { writeLocal: async () => undefined, setCoverage: async () => undefined }
const never = new AbortController().signal

const member = (number: number): BundleMember => ({
  number: number as ContentNumber,
  sha256: String(number).padStart(64, '0') as Sha256,
  sizeBytes: 1,
})

const prefillsOf = (prefill: Prefill): Prefills =>
  new Prefills({ prefill, target, logger: silentLogger })

t.test('a few run at once, and all run', async t => {
  let running = 0
  let most = 0
  const done: number[] = []
  const prefills = prefillsOf(async ({ number }) => {
    most = Math.max(most, ++running)
    await new Promise(resolve => setImmediate(resolve))
    running--
    done.push(number)
  })
  await Promise.all(Array.from({ length: 50 }, (_, k) => prefills.run(member(k), never)))
  t.equal(most, concurrentPrefills)
  t.strictSame(
    done,
    Array.from({ length: 50 }, (_, k) => k),
  )
})

t.test('slow ones lend their places, but not without end', async t => {
  const abort = new AbortController()
  let begun = 0
  const prefills = prefillsOf(async (_member, signal) => {
    begun++
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  })
  const all = Array.from({ length: mostPrefills + 5 }, (_, k) =>
    prefills.run(member(k), abort.signal),
  )
  const settled = Promise.allSettled(all)
  await until(() => begun === concurrentPrefills)
  await until(() => begun === mostPrefills)
  abort.abort(new Error('enough'))
  for (const each of await settled) t.match(each, { reason: { message: 'enough' } })
  t.equal(begun, mostPrefills, 'those that waited never began')
})

t.test('one whose turn never comes is given up without a trace', async t => {
  const gate = Promise.withResolvers<void>()
  const prefills = prefillsOf(() => gate.promise)
  const first = Array.from({ length: concurrentPrefills }, (_, k) => prefills.run(member(k), never))
  const abort = new AbortController()
  const waiting = prefills.run(member(90), abort.signal)
  const last = prefills.run(member(91), never)
  abort.abort(new Error('enough'))
  await t.rejects(waiting, { message: 'enough' })
  await t.rejects(prefills.run(member(92), abort.signal), { message: 'enough' })
  gate.resolve()
  await Promise.all([...first, last])
})

t.test('failures are done without, but for a full disk', async t => {
  await prefillsOf(() => Promise.reject(new Error('no'))).run(member(1), never)
  const full = new MirrorswarmError('MS_DISK_FULL', 'full')
  await t.rejects(prefillsOf(() => Promise.reject(full)).run(member(1), never), {
    code: 'MS_DISK_FULL',
  })
})
