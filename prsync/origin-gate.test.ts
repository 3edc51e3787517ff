import { Readable } from 'node:stream'
import t from 'tap'
import { MirrorswarmError } from '../core/errors.ts'
import type { Sha256 } from '../core/ids.ts'
import { originRequests, originRetryMs } from '../core/limits.ts'
import { RateLimiter } from '../core/rate-limiter.ts'
import { type OriginFetch, OriginGate } from './origin-gate.ts'

const content = 'a'.repeat(64) as Sha256
const other = 'b'.repeat(64) as Sha256
const signal = new AbortController().signal

const gateFor = (fetch: OriginFetch): { gate: OriginGate; pass: (ms: number) => void } => {
  let nowMs = 0
  const gate = new OriginGate({
    fetch,
    downloadLimiter: new RateLimiter(null),
    clock: { monotonicMs: () => nowMs },
    random: () => 0.5,
    onFree: () => undefined,
  })
  return {
    gate,
    pass: ms => {
      nowMs += ms
    },
  }
}

const bodyOf = (...parts: string[]): Promise<Readable> =>
  Promise.resolve(Readable.from(parts.map(part => Buffer.from(part))))

t.test('a range arrives whole, in however many parts', async t => {
  const { gate } = gateFor((sha256, offset, length) => {
    t.strictSame([sha256, offset, length], [content, 7, 6])
    return bodyOf('ab', '', 'cdef')
  })
  t.equal(Buffer.from(await gate.get(content, 7, 6, signal)).toString(), 'abcdef')
  t.equal(gate.receivedBytes, 6)
})

t.test('bodies that are too short or too long are no answers', async t => {
  for (const parts of [['abc'], ['abcdef', 'g'], []]) {
    const { gate } = gateFor(() => bodyOf(...parts))
    await t.rejects(gate.get(content, 0, 6, signal), { code: 'MS_ANSWER_INVALID' })
    t.equal(gate.freeSlots(1), 0, 'and the origin is left alone for a while')
  }
})

t.test('only so many requests are under way, fewer of them when pieces are large', async t => {
  const bodies: PromiseWithResolvers<Readable>[] = []
  const { gate } = gateFor(() => {
    const body = Promise.withResolvers<Readable>()
    bodies.push(body)
    return body.promise
  })
  t.equal(gate.freeSlots(64 * 1024), originRequests)
  t.equal(gate.freeSlots(16 * 1024 * 1024), 4)
  t.equal(gate.freeSlots(2 ** 40), 1, 'one always goes')
  const requests = Array.from({ length: originRequests }, () => gate.get(content, 0, 1, signal))
  t.equal(gate.freeSlots(1), 0)
  for (const body of bodies) body.resolve(Readable.from([Buffer.from('x')]))
  await Promise.all(requests)
  t.equal(gate.freeSlots(1), originRequests)
})

t.test('after failures the pause grows, then one request tries first', async t => {
  let dead = true
  const { gate, pass } = gateFor(() => (dead ? Promise.reject(new Error('dead')) : bodyOf('x')))
  const fail = () => t.rejects(gate.get(content, 0, 1, signal))
  await Promise.all([fail(), fail(), fail()])
  t.equal(gate.freeSlots(1), 0, 'requests that fail together count as one failure')
  pass(originRetryMs)
  t.equal(gate.freeSlots(1), 1)
  await fail()
  pass(originRetryMs)
  t.equal(gate.freeSlots(1), 0)
  pass(originRetryMs)
  t.equal(gate.freeSlots(1), 1)
  dead = false
  await gate.get(content, 0, 1, signal)
  t.equal(gate.freeSlots(1), originRequests)
})

t.test('the origin is left alone as long as it asks for', async t => {
  const busy = Object.assign(new MirrorswarmError('MS_ORIGIN_BUSY', 'busy'), {
    retryAfterMs: 30_000,
  })
  const { gate, pass } = gateFor(() => Promise.reject(busy))
  await t.rejects(gate.get(content, 0, 1, signal), { code: 'MS_ORIGIN_BUSY' })
  pass(29_999)
  t.equal(gate.freeSlots(1), 0)
  pass(10_000)
  t.equal(gate.freeSlots(1), 1)
})

t.test('a content that the origin cannot give does not stop the others', async t => {
  const { gate, pass } = gateFor(sha256 =>
    sha256 === content
      ? Promise.reject(new MirrorswarmError('MS_FILE_CHANGED', 'changed'))
      : bodyOf('x'),
  )
  await t.rejects(gate.get(content, 0, 1, signal), { code: 'MS_FILE_CHANGED' })
  t.equal(gate.freeSlots(1), originRequests)
  t.equal(gate.mayAsk(content), false)
  t.equal(gate.mayAsk(other), true)
  pass(originRetryMs)
  t.equal(gate.mayAsk(content), true)
  gate.distrust(other)
  t.equal(gate.mayAsk(other), false)
})

t.test(
  'an aborted request gives its place back even if the body hangs, and nobody is blamed',
  async t => {
    const { gate } = gateFor(() =>
      Promise.resolve(
        Readable.from(
          (async function* () {
            yield Buffer.from('x')
            await new Promise(() => undefined)
          })(),
        ),
      ),
    )
    const abort = new AbortController()
    const request = gate.get(content, 0, 2, abort.signal)
    setImmediate(() => abort.abort(new Error('enough')))
    await t.rejects(request, { message: 'enough' })
    t.equal(gate.freeSlots(1), originRequests)
  },
)
