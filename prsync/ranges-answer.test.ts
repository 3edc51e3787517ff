import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { answerPartBytes } from '../core/delta-limits.ts'
import { isMirrorswarmError, MirrorswarmError } from '../core/errors.ts'
import type { Sha256 } from '../core/ids.ts'
import { kernel } from '../core/kernel/kernel.ts'
import { silentLogger } from '../core/log.ts'
import { ChunkCache } from './chunk-cache.ts'
import { answererOf, CountedSource, contentOf, memoryContents } from './fixtures/delta-world.ts'
import { encodeRequest, type RangesAsk, shortHashes } from './logic/ranges-wire.ts'
import { type OpenContent, RangesAnswerer } from './ranges-answer.ts'
import { askSource, ContentAsker, type RangesSource } from './ranges-client.ts'

const never = new AbortController().signal
const bytes = randomBytes(3_000_000)
const content = contentOf(bytes)
const { sha256 } = content
const unknown = 'ff'.repeat(32) as Sha256

const collect = async (parts: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const all: Uint8Array[] = []
  for await (const part of parts) all.push(part)
  return Buffer.concat(all)
}

const ask = (source: RangesSource, asks: readonly RangesAsk[]): Promise<Buffer> =>
  collect(askSource(source, asks, never))

const rejectsWith = async (t: Test, work: Promise<unknown>, code: string): Promise<void> => {
  await t.rejects(work, { code })
}

t.test('what is asked for is answered, in order', async t => {
  const source = new CountedSource('origin', [bytes])
  const runs = [
    { offset: 0, length: 1 },
    { offset: 100, length: 2_000_000 },
    { offset: 2_999_999, length: 1 },
  ]
  const chunks = [
    { chunkBytes: 1024, hashBytes: 8, runs: [{ offset: 5, length: 300 }] },
    {
      chunkBytes: 64,
      hashBytes: 3,
      runs: [
        { offset: 0, length: 1 },
        { offset: 46_874, length: 1 },
      ],
    },
  ]
  const answer = await ask(source, [
    { sha256, runs, chunks },
    { sha256, runs },
  ])
  const hashes = chunks.flatMap(({ chunkBytes, hashBytes, runs }) =>
    runs.map(({ offset, length }) => {
      const part = bytes.subarray(offset * chunkBytes, (offset + length) * chunkBytes)
      return shortHashes(kernel.chunkHashes(part, chunkBytes), hashBytes)
    }),
  )
  const wanted = runs.map(({ offset, length }) => bytes.subarray(offset, offset + length))
  t.ok(answer.equals(Buffer.concat([...wanted, ...hashes, ...wanted])))
})

t.test('anchors are those of the whole content, and are computed once', async t => {
  const cache = new ChunkCache(1024 * 1024)
  let reads = 0
  const source = memoryContents([bytes])
  const counting = {
    open: async (sha256: Sha256): Promise<OpenContent | null> => {
      const open = await source.open(sha256)
      if (open === null) return null
      const read = (offset: number, length: number): Promise<Buffer> => {
        reads += 1
        return open.read(offset, length)
      }
      return { ...open, read }
    },
  }
  const answerer = new RangesAnswerer({ source: counting, kernel, cache })
  const stream = kernel.anchors()
  const expected = Buffer.concat([stream.update(bytes), stream.end()])
  const from: RangesSource = {
    name: 'origin',
    send: async (body, signal) => answerer.answer(body, signal),
  }
  const asker = new ContentAsker(content, [from], silentLogger)
  const lists = await Promise.all([1, 2, 3, 4].map(() => asker.anchors(never)))
  for (const list of lists) t.ok(list.equals(expected))
  t.ok(reads <= 6, `${reads} reads of a megabyte for four lists`)
})

t.test('stored coarse hashes are used, unless they cannot be right', async t => {
  const stored = Buffer.alloc(Math.floor(bytes.length / 65_536) * 8, 7)
  const chunks = [{ chunkBytes: 65_536, hashBytes: 8, runs: [{ offset: 1, length: 3 }] }]
  for (const [coarse, isUsed] of [
    [stored, true],
    [stored.subarray(8), false],
  ] as const) {
    const open = await memoryContents([bytes]).open(sha256)
    const source = { open: async () => (open === null ? null : { ...open, coarse }) }
    const answerer = new RangesAnswerer({ source, kernel, cache: new ChunkCache(1000) })
    const answer = await collect(answerer.answer(encodeRequest([{ sha256, chunks }]), never))
    t.equal(answer.subarray(2).equals(stored.subarray(8, 32)), isUsed)
  }
})

t.test('what is not held, or lies outside the content, is said so', async t => {
  const source = new CountedSource('origin', [bytes])
  for (const odd of [
    { sha256: unknown, runs: [{ offset: 0, length: 1 }] },
    { sha256, runs: [{ offset: 2_999_999, length: 2 }] },
    { sha256, chunks: [{ chunkBytes: 1024, hashBytes: 8, runs: [{ offset: 2929, length: 1 }] }] },
  ]) {
    await rejectsWith(t, ask(source, [odd]), 'MS_CONTENT_NOT_HELD')
  }
  const asks = [{ sha256, runs: [{ offset: 0, length: 1 }] }]
  const both = ask(source, [...asks, { sha256: unknown, runs: asks[0]?.runs ?? [] }])
  await t.rejects(both, { message: new RegExp(unknown) })
})

t.test('a request that is nonsense is refused before the first byte', async t => {
  t.throws(() => answererOf([bytes]).answer(Buffer.of(1, 255), never), {
    code: 'MS_REQUEST_INVALID',
  })
})

t.test('a content that changes on the way breaks the answer off, and is closed', async t => {
  let closed = 0
  const open = await memoryContents([bytes]).open(sha256)
  const changing = {
    open: async (): Promise<OpenContent | null> => {
      if (open === null) return null
      const read = async (offset: number, length: number): Promise<Buffer> => {
        if (offset > 0) throw new MirrorswarmError('MS_FILE_CHANGED', 'it was changed')
        return open.read(offset, length)
      }
      const close = async (): Promise<void> => {
        closed += 1
      }
      return { ...open, read, close }
    },
  }
  const answerer = new RangesAnswerer({ source: changing, kernel, cache: new ChunkCache(1000) })
  const request = encodeRequest([{ sha256, runs: [{ offset: 0, length: bytes.length }] }])
  await rejectsWith(t, collect(answerer.answer(request, never)), 'MS_FILE_CHANGED')
  t.equal(closed, 1)
  for await (const part of answerer.answer(request, never)) {
    t.ok(part.length > 0)
    break
  }
  t.equal(closed, 2, 'also when nobody wants the rest')
})

t.test('an answer that is left is no longer made', async t => {
  const abort = new AbortController()
  const request = encodeRequest([{ sha256, runs: [{ offset: 0, length: bytes.length }] }])
  const answer = answererOf([bytes]).answer(request, abort.signal)
  await t.rejects(
    (async () => {
      for await (const part of answer) {
        t.ok(part.length > 0)
        abort.abort(new Error('left'))
      }
    })(),
    /left/,
  )
})

t.test('an answer is believed only if it has exactly what was asked for', async t => {
  const asks = [{ sha256, runs: [{ offset: 0, length: 4 }] }]
  const saying = (...parts: readonly Uint8Array[]): RangesSource => ({
    name: 'odd',
    send: async () =>
      (async function* () {
        yield* parts
      })(),
  })
  t.same(
    await ask(saying(Buffer.of(1), Buffer.of(0, 1, 2), Buffer.of(3, 4)), asks),
    Buffer.of(1, 2, 3, 4),
  )
  for (const [name, answer] of Object.entries({
    nothing: [],
    'another version': [Buffer.of(2, 0, 1, 2, 3, 4)],
    'an odd status': [Buffer.of(1, 9, 1, 2, 3, 4)],
    'too little': [Buffer.of(1, 0, 1, 2, 3)],
    'too much': [Buffer.of(1, 0, 1, 2, 3, 4, 5)],
  })) {
    await t.rejects(ask(saying(...answer), asks), { code: 'MS_ANSWER_INVALID' }, name)
  }
  await rejectsWith(t, ask(saying(Buffer.of(1, 1)), asks), 'MS_CONTENT_NOT_HELD')
})

t.test('an answer without end is left after what was asked for', async t => {
  let isLeft = false
  const endless: RangesSource = {
    name: 'endless',
    send: async () =>
      (async function* () {
        try {
          yield Buffer.of(1, 0)
          for (;;) yield Buffer.alloc(1000)
        } finally {
          isLeft = true
        }
      })(),
  }
  const asks = [{ sha256, runs: [{ offset: 0, length: 4 }] }]
  await rejectsWith(t, ask(endless, asks), 'MS_ANSWER_INVALID')
  t.ok(isLeft)
  const asker = new ContentAsker(content, [endless], silentLogger)
  await rejectsWith(t, asker.anchors(never), 'MS_ANSWER_INVALID')
})

t.test('a list of anchors longer than the content allows is refused unread', async t => {
  const lying: RangesSource = {
    name: 'lying',
    send: async () =>
      (async function* () {
        yield Buffer.of(1, 0, 0x80, 0x80, 0x80, 0x80, 0x01)
      })(),
  }
  await rejectsWith(
    t,
    new ContentAsker(content, [lying], silentLogger).anchors(never),
    'MS_ANSWER_INVALID',
  )
})

t.test('sources are asked in order, and one that failed is not asked again', async t => {
  const log: string[] = []
  const failing = (
    name: string,
    code: 'MS_CONTENT_NOT_HELD' | 'MS_REMOTE_UNREACHABLE',
  ): RangesSource => ({
    name,
    send: async () => {
      log.push(name)
      throw new MirrorswarmError(code, name)
    },
  })
  const short: RangesSource = {
    name: 'short',
    send: async () => {
      log.push('short')
      return (async function* () {
        yield Buffer.of(1, 0, 5)
      })()
    },
  }
  const good = new CountedSource('good', [bytes])
  const asker = new ContentAsker(
    content,
    [failing('a', 'MS_CONTENT_NOT_HELD'), short, failing('b', 'MS_REMOTE_UNREACHABLE'), good],
    silentLogger,
  )
  const asked = { chunkBytes: 1024, hashBytes: 8, runs: [{ offset: 0, length: 2 }] }
  const expected = kernel.chunkHashes(bytes.subarray(0, 2048), 1024)
  t.ok((await asker.hashes(asked, never)).equals(expected))
  t.ok((await asker.hashes(asked, never)).equals(expected))
  t.same(log, ['a', 'short', 'b'])
  t.equal(good.requests, 2)
  const lonely = new ContentAsker(content, [failing('c', 'MS_REMOTE_UNREACHABLE')], silentLogger)
  await rejectsWith(t, lonely.hashes(asked, never), 'MS_REMOTE_UNREACHABLE')
  await rejectsWith(t, lonely.hashes(asked, never), 'MS_CONTENT_NOT_HELD')
})

t.test(
  'a source that says nothing is left when the time is over or the work is cancelled',
  async t => {
    const silent: RangesSource = {
      name: 'silent',
      send: async () => ({
        [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
      }),
    }
    const abort = new AbortController()
    const asked = { chunkBytes: 1024, hashBytes: 8, runs: [{ offset: 0, length: 2 }] }
    const work = new ContentAsker(content, [silent], silentLogger).hashes(asked, abort.signal)
    abort.abort(new Error('cancelled'))
    await t.rejects(work, /cancelled/)
    const good = new CountedSource('good', [bytes])
    const patient = new ContentAsker(content, [silent, good], silentLogger, 1)
    t.equal((await patient.hashes(asked, never)).length, 16)
  },
)

t.test('the last source is waited for when it is busy, but not for ever', async t => {
  const good = new CountedSource('good', [bytes])
  let left = 2
  let asked = 0
  const busy: RangesSource = {
    name: 'busy',
    send: async (body, signal) => {
      asked += 1
      left -= 1
      if (left < 0) return await good.send(body, signal)
      const error = new MirrorswarmError('MS_ORIGIN_BUSY', 'later')
      throw Object.assign(error, { retryAfterMs: 1 })
    },
  }
  const wanted = { chunkBytes: 1024, hashBytes: 8, runs: [{ offset: 0, length: 2 }] }
  const asker = new ContentAsker(content, [busy], silentLogger)
  t.equal((await asker.hashes(wanted, never)).length, 16)
  t.equal(asked, 3)
  left = 1000
  await rejectsWith(t, asker.hashes(wanted, never), 'MS_ORIGIN_BUSY')
  t.ok(asked < 20)
})

t.test('random answers are refused or have the length asked for', async () => {
  const asks = [
    { sha256, runs: [{ offset: 0, length: 3 }] },
    { sha256, chunks: [{ chunkBytes: 64, hashBytes: 3, runs: [{ offset: 0, length: 1 }] }] },
  ]
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 6 }), { maxLength: 6 }), async parts => {
      const source: RangesSource = {
        name: 'random',
        send: async () =>
          (async function* () {
            yield* parts
          })(),
      }
      try {
        return (await ask(source, asks)).length === 6
      } catch (error) {
        return isMirrorswarmError(error)
      }
    }),
  )
})

t.test('what is remembered stays within its bound', async t => {
  const cache = new ChunkCache(100_000)
  for (let i = 0; i < 1000; i += 1) {
    const name = createHash('sha256').update(String(i)).digest('hex') as Sha256
    cache.set(name, 'anchors', Buffer.alloc(1000))
  }
  t.ok(cache.sizeBytes <= 100_000)
  cache.set(sha256, 'anchors', Buffer.alloc(99_000))
  t.equal(cache.get(sha256, 'anchors'), undefined, 'too large to be kept')
})

t.test('a few bytes of a large read do not keep all of it in memory', async t => {
  const runs = Array.from({ length: 180 }, (_, i) => ({ offset: i * 16_000, length: 1 }))
  const body = encodeRequest([{ sha256, runs }])
  for await (const part of answererOf([bytes]).answer(body, never)) {
    t.ok(part.buffer.byteLength <= answerPartBytes)
  }
})
