import { Readable } from 'node:stream'
import t from 'tap'
import { seededRandom } from '../core/clock.ts'
import { MirrorswarmError } from '../core/errors.ts'
import type { Sha256 } from '../core/ids.ts'
import {
  originBatchBytes,
  originBatches,
  originInFlightBytes,
  originRetryMs,
  originSharedBytes,
} from '../core/limits.ts'
import { RateLimiter } from '../core/rate-limiter.ts'
import { CountedSource, contentOf } from './fixtures/delta-world.ts'
import { mergeRuns, runEnd } from './logic/runs.ts'
import { OriginGate } from './origin-gate.ts'
import { OriginRuns, type OriginRunsFetch, runsByRanges } from './origin-runs.ts'
import { askSource } from './ranges-client.ts'
import { until } from './swarm-fixture.ts'

const content = 'a'.repeat(64) as Sha256
const other = 'b'.repeat(64) as Sha256
const signal = new AbortController().signal
const never = new Promise<never>(() => undefined)

const runsFor = (fetch: OriginRunsFetch) => {
  let nowMs = 0
  const gate = new OriginGate({
    fetch: () => Promise.reject(new Error('not asked for')),
    downloadLimiter: new RateLimiter(null),
    clock: { monotonicMs: () => nowMs },
    random: () => 0.5,
    onFree: () => undefined,
  })
  const pass = (ms: number): void => {
    nowMs += ms
  }
  return { runs: new OriginRuns({ fetch, gate }), gate, pass }
}

/** Each byte tells its place: that of `content` is its offset, of others 255 minus it. */
const byteAt = (sha256: Sha256, offset: number): number =>
  (sha256 === content ? offset : 255 - offset) & 255

const bytesOf = (sha256: Sha256, offset: number, length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, k) => byteAt(sha256, offset + k)))

const answer: OriginRunsFetch = async asks =>
  (async function* () {
    for (const { sha256, runs } of asks) {
      for (const { offset, length } of runs) yield bytesOf(sha256, offset, length)
    }
  })()

t.test('what is asked for within a moment travels in one request', async t => {
  let requests = 0
  const { runs, gate } = runsFor((asks, signal) => {
    requests++
    t.strictSame(asks, [
      {
        sha256: content,
        runs: [
          { offset: 0, length: 5 },
          { offset: 7, length: 3 },
        ],
      },
      { sha256: other, runs: [{ offset: 1, length: 2 }] },
    ])
    return answer(asks, signal)
  })
  const [late, strange, early] = await Promise.all([
    runs.get(content, [{ offset: 7, length: 3 }], signal),
    runs.get(other, [{ offset: 1, length: 2 }], signal),
    runs.get(content, [{ offset: 0, length: 5 }], signal),
  ])
  t.ok(bytesOf(content, 7, 3).equals(late))
  t.ok(bytesOf(other, 1, 2).equals(strange))
  t.ok(bytesOf(content, 0, 5).equals(early))
  t.equal(requests, 1)
  t.equal(gate.receivedBytes, 10)
  t.equal(runs.freeBytes(false), originInFlightBytes)
})

t.test('each is answered as soon as its bytes are here, however they are cut', async t => {
  const { runs } = runsFor(async () =>
    (async function* () {
      yield bytesOf(content, 0, 1)
      yield bytesOf(content, 1, 10)
      await never
    })(),
  )
  const first = runs.get(content, [{ offset: 0, length: 4 }], signal)
  const second = runs.get(content, [{ offset: 4, length: 5 }], signal)
  const third = new AbortController()
  const hanging = runs.get(content, [{ offset: 9, length: 5 }], third.signal)
  hanging.catch(() => undefined)
  t.ok(bytesOf(content, 0, 4).equals(await first))
  t.ok(bytesOf(content, 4, 5).equals(await second))
  third.abort(new Error('enough'))
  await t.rejects(hanging, { message: 'enough' })
})

t.test(
  'answers that are too short or too long are no answers, and all pieces come back',
  async t => {
    for (const length of [0, 5, 12]) {
      const { runs, gate } = runsFor(async () => Readable.from([bytesOf(content, 0, length)]))
      const asked = [
        runs.get(content, [{ offset: 0, length: 4 }], signal),
        runs.get(content, [{ offset: 4, length: 5 }], signal),
      ]
      const settled = await Promise.allSettled(asked)
      const rejected = settled.filter(({ status }) => status === 'rejected')
      t.equal(rejected.length, length === 0 ? 2 : length === 5 ? 1 : 0)
      await until(() => gate.mood === 'paused')
      t.equal(runs.freeBytes(false), 0, 'and the origin is left alone for a while')
    }
  },
)

t.test('after a failure one goes ahead to see whether the origin is back', async t => {
  let dead = true
  const { runs, pass } = runsFor((asks, signal) =>
    dead ? Promise.reject(new Error('dead')) : answer(asks, signal),
  )
  const ask = () => runs.get(content, [{ offset: 0, length: 1 }], signal)
  await Promise.all([t.rejects(ask()), t.rejects(ask())])
  t.equal(runs.freeBytes(false), 0)
  await t.rejects(ask(), { code: 'MS_REMOTE_UNREACHABLE' }, 'nobody asks meanwhile')
  pass(originRetryMs)
  t.equal(runs.freeBytes(false), 1)
  dead = false
  await ask()
  t.equal(runs.freeBytes(true), originSharedBytes)
})

t.test('the origin is left alone as long as it asks for', async t => {
  const busy = Object.assign(new MirrorswarmError('MS_ORIGIN_BUSY', 'busy'), {
    retryAfterMs: 30_000,
  })
  const { runs, pass } = runsFor(() => Promise.reject(busy))
  await t.rejects(runs.get(content, [{ offset: 0, length: 1 }], signal), { code: 'MS_ORIGIN_BUSY' })
  pass(29_999)
  t.equal(runs.freeBytes(false), 0)
  pass(10_000)
  t.equal(runs.freeBytes(false), 1)
})

t.test('a content that the origin does not hold is left alone, the others are not', async t => {
  const { runs, gate } = runsFor(async asks =>
    (async function* () {
      for (const { sha256, runs } of asks) {
        if (sha256 === other) throw new MirrorswarmError('MS_CONTENT_NOT_HELD', 'not here')
        for (const { offset, length } of runs) yield bytesOf(sha256, offset, length)
      }
    })(),
  )
  const [good, bad, later] = await Promise.allSettled([
    runs.get(content, [{ offset: 0, length: 1 }], signal),
    runs.get(other, [{ offset: 0, length: 1 }], signal),
    runs.get('c'.repeat(64) as Sha256, [{ offset: 0, length: 1 }], signal),
  ])
  t.equal(good.status, 'fulfilled')
  t.equal(bad.status, 'rejected')
  t.equal(later.status, 'rejected', 'it comes back and may be asked for again')
  t.equal(gate.mood, 'well')
  t.equal(gate.mayAsk(other), false)
  t.equal(gate.mayAsk('c'.repeat(64) as Sha256), true)
})

t.test('what nobody waits for any more is not asked for, or ended', async t => {
  const signals: AbortSignal[] = []
  const { runs, gate } = runsFor((_asks, signal) => {
    signals.push(signal)
    return never
  })
  const [early, first, second] = [0, 1, 2].map(() => new AbortController())
  const ask = (abort: AbortController | undefined, offset: number) =>
    runs.get(content, [{ offset, length: 1 }], abort?.signal ?? signal)
  const none = ask(early, 0)
  early?.abort(new Error('no more'))
  await t.rejects(none, { message: 'no more' })
  const asked = [ask(first, 1), ask(second, 2)].map(each => t.rejects(each, { message: 'enough' }))
  await until(() => signals.length > 0)
  first?.abort(new Error('enough'))
  t.equal(signals[0]?.aborted, false, 'somebody still waits')
  second?.abort(new Error('enough'))
  t.equal(signals[0]?.aborted, true)
  await Promise.all(asked)
  t.equal(signals.length, 1)
  t.equal(gate.mood, 'well', 'nobody is blamed')
  t.equal(runs.freeBytes(false), originInFlightBytes)
})

t.test('few requests are under way at once, each bounded; more wait', async t => {
  let underway = 0
  let most = 0
  let largest = 0
  const gates: PromiseWithResolvers<void>[] = []
  const { runs } = runsFor(async asks => {
    most = Math.max(most, ++underway)
    const bytes = asks.flatMap(({ runs }) => runs).reduce((sum, { length }) => sum + length, 0)
    largest = Math.max(largest, bytes)
    const gate = Promise.withResolvers<void>()
    gates.push(gate)
    await gate.promise
    underway--
    return Readable.from([Buffer.alloc(bytes)])
  })
  const whole = { offset: 0, length: 3.5 * originBatchBytes }
  const asked = runs.get(content, [whole], signal)
  const small = Array.from({ length: 5 }, (_, k) =>
    runs.get(other, [{ offset: k * originBatchBytes, length: originBatchBytes / 2 + 1 }], signal),
  )
  for (let k = 0; k < 9; k++) {
    await until(() => gates.length > k)
    gates[k]?.resolve()
  }
  t.equal((await asked).length, whole.length)
  await Promise.all(small)
  t.equal(most, originBatches)
  t.equal(largest, originBatchBytes)
})

t.test('an origin that only knows single ranges is asked for one after the other', async t => {
  const asked: number[] = []
  const { runs } = runsFor(
    runsByRanges(async (sha256, offset, length) => {
      asked.push(offset)
      return Readable.from([bytesOf(sha256, offset, length)])
    }, new RateLimiter(null)),
  )
  const list = [
    { offset: 3, length: 4 },
    { offset: 100, length: 1 },
  ]
  const data = await runs.get(content, list, signal)
  t.ok(Buffer.concat(list.map(run => bytesOf(content, run.offset, run.length))).equals(data))
  t.strictSame(asked, [3, 100])
  t.equal(
    data.length,
    list.reduce((sum, run) => sum + runEnd(run) - run.offset, 0),
  )
})

t.test('over the real wire the bytes are those of the runs, in two requests at most', async t => {
  const random = seededRandom(5)
  const contents = [700_000, 3_000_000, 90].map(size => {
    const bytes = Buffer.alloc(size)
    for (let at = 0; at < size; at++) bytes[at] = Math.floor(random() * 256)
    return bytes
  })
  const source = new CountedSource('origin', contents)
  const { runs } = runsFor(async (asks, signal) => askSource(source, asks, signal))
  const pieceBytes = 65_536
  const asked = contents.flatMap(bytes => {
    const { sha256, sizeBytes } = contentOf(bytes)
    const pieces = Array.from({ length: Math.ceil(sizeBytes / pieceBytes) }, (_, k) => k)
    return pieces.map(async piece => {
      const from = piece * pieceBytes
      const until = Math.min(sizeBytes, from + pieceBytes)
      const some = Array.from({ length: 4 }, () => {
        const offset = from + Math.floor(random() * (until - from))
        return { offset, length: Math.min(until - offset, 1 + Math.floor(random() * 900)) }
      })
      const list = mergeRuns(some)
      const right = Buffer.concat(list.map(run => bytes.subarray(run.offset, runEnd(run))))
      return right.equals(await runs.get(sha256, list, signal))
    })
  })
  t.ok((await Promise.all(asked)).every(Boolean))
  t.ok(source.requests <= 2)
})

t.test('when one part cannot be had, the others are not waited for', async t => {
  let aborted = 0
  const { runs } = runsFor((asks, signal) => {
    if (asks.some(({ runs }) => runs.some(({ offset }) => offset === 0))) {
      return Promise.reject(new MirrorswarmError('MS_CONTENT_NOT_HELD', 'gone'))
    }
    signal.addEventListener('abort', () => aborted++)
    return never
  })
  const all = [{ offset: 0, length: 2 * originBatchBytes }]
  await t.rejects(runs.get(content, all, signal), { code: 'MS_CONTENT_NOT_HELD' })
  await until(() => aborted === 1)
  t.equal(runs.freeBytes(false), originInFlightBytes, 'nothing is owed any more')
})
