import fc from 'fast-check'
import t from 'tap'
import {
  rangesAnswerBytes,
  rangesContents,
  rangesHashedBytes,
  rangesRuns,
} from '../../core/delta-limits.ts'
import { isMirrorswarmError } from '../../core/errors.ts'
import type { Sha256 } from '../../core/ids.ts'
import {
  askedBytes,
  askedRuns,
  encodeNumber,
  encodeRequest,
  parseRequest,
  type RangesAsk,
  requestsFor,
  shortHashes,
} from './ranges-wire.ts'
import type { Run } from './runs.ts'

const sha256 = 'ab'.repeat(32) as Sha256

/** Runs from gaps and lengths, which may touch. */
const runsOf = (parts: readonly (readonly [number, number])[], unit: number): Run[] => {
  const runs: Run[] = []
  let end = 0
  for (const [gap, length] of parts) {
    runs.push({ offset: end + gap * unit, length: length * unit })
    end += (gap + length) * unit
  }
  return runs
}

const anyParts = fc.array(fc.tuple(fc.nat(70_000), fc.integer({ min: 1, max: 300 })), {
  minLength: 1,
  maxLength: 20,
})
const anyRuns = fc
  .tuple(anyParts, fc.constantFrom(1, 64, 1024), fc.nat(63))
  .map(([parts, unit, cut]) => {
    const runs = runsOf(parts, unit)
    return runs.map((run, index) =>
      index === runs.length - 1 && unit > 1 ? { ...run, length: run.length - cut } : run,
    )
  })
const anyChunks = fc.record({
  chunkBytes: fc.constantFrom(64, 256, 1024, 65_536),
  hashBytes: fc.integer({ min: 1, max: 8 }),
  runs: anyParts.map(parts => runsOf(parts, 1)),
})
const anyAsk: fc.Arbitrary<RangesAsk> = fc
  .record(
    {
      runs: anyRuns,
      chunks: fc.array(anyChunks, { minLength: 1, maxLength: 3 }),
      anchors: fc.constant(true),
    },
    { requiredKeys: [] },
  )
  .chain(ask =>
    fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map(bytes => ({ sha256: Buffer.from(bytes).toString('hex') as Sha256, ...ask })),
  )

const refuses = (body: Uint8Array): boolean => {
  try {
    parseRequest(body)
    return false
  } catch (error) {
    if (isMirrorswarmError(error, 'MS_REQUEST_INVALID')) return true
    throw error
  }
}

t.test('a request is read as it was written', async () => {
  fc.assert(
    fc.property(fc.array(anyAsk, { maxLength: 5 }), all => {
      // One list of anchors at most, and one form.
      const asks = all.map(({ anchors, ...ask }, i) => {
        if (i === 0) return anchors ? { ...ask, anchors } : ask
        return i === 1 ? { ...ask, form: true } : ask
      })
      t.same(parseRequest(encodeRequest(asks)), asks)
    }),
    { numRuns: 300 },
  )
})

t.test('runs in large units take few bytes', async t => {
  const runs = Array.from({ length: 1000 }, (_, i) => ({ offset: i * 4096 + 64, length: 128 }))
  const bytes = encodeRequest([{ sha256, runs }]).length
  t.ok(bytes < 2 * 1000 + 64, `${bytes} bytes for 1000 runs`)
})

t.test('every truncation of a request is refused', async t => {
  const body = encodeRequest([
    {
      sha256,
      runs: runsOf([[1, 2]], 64),
      chunks: [{ chunkBytes: 1024, hashBytes: 8, runs: runsOf([[300, 2]], 1) }],
      anchors: true,
    },
  ])
  t.notOk(refuses(body))
  for (let length = 0; length < body.length; length += 1) {
    t.ok(refuses(body.subarray(0, length)), `${length} bytes`)
  }
  t.ok(refuses(Buffer.concat([body, Buffer.of(0)])), 'a byte more')
})

t.test('changed bytes give another valid request or a refusal, and never a large one', async () => {
  const body = encodeRequest([
    { sha256, runs: runsOf([[1, 2]], 64), anchors: true },
    { sha256, chunks: [{ chunkBytes: 1024, hashBytes: 3, runs: runsOf([[300, 2]], 1) }] },
  ])
  const change = fc.tuple(fc.nat(body.length - 1), fc.nat(255))
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), changes => {
      const bytes = Buffer.from(body)
      for (const [at, value] of changes) bytes[at] = value
      if (refuses(bytes)) return true
      const asks = parseRequest(bytes)
      return asks.reduce((sum, ask) => sum + askedBytes(ask), 0) <= rangesAnswerBytes
    }),
    { numRuns: 5000 },
  )
})

t.test('random bytes are refused or small', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      const body = Buffer.concat([Buffer.of(1), bytes])
      return refuses(body) || parseRequest(body).length <= rangesContents
    }),
    { numRuns: 5000 },
  )
})

t.test('huge counts, numbers and sizes are refused at once', async t => {
  const hash = Buffer.alloc(32)
  const huge = encodeNumber(Number.MAX_SAFE_INTEGER)
  const request = (...parts: readonly (Uint8Array | number)[]): Buffer =>
    Buffer.concat(parts.map(part => (typeof part === 'number' ? Buffer.of(part) : part)))
  for (const [name, body] of Object.entries({
    'another version': request(2, 0),
    'too many contents': request(1, encodeNumber(rangesContents + 1)),
    'unknown kind': request(1, 1, hash, 16),
    'anchors of a form': request(1, 1, hash, 12),
    'too many forms': request(1, 2, hash, 8, hash, 8),
    'too many runs': request(1, 1, hash, 1, 0, encodeNumber(rangesRuns + 1)),
    'no runs': request(1, 1, hash, 1, 0, 0, 0),
    'a huge count of runs': request(1, 1, hash, 1, 0, huge),
    'a run beyond all files': request(1, 1, hash, 1, 16, 1, huge, 0, 0),
    'a run too long': request(1, 1, hash, 1, 0, 1, 0, huge, 0),
    'too many bytes': request(1, 1, hash, 1, 0, 1, 0, encodeNumber(rangesAnswerBytes), 0),
    'a unit too large': request(1, 1, hash, 1, 17, 1, 0, 0, 0),
    'a cut as long as a unit': request(1, 1, hash, 1, 6, 1, 0, 0, 64),
    'a chunk size too small': request(1, 1, hash, 2, 1, 5, 8, 1, 0, 0),
    'a chunk size too large': request(1, 1, hash, 2, 1, 17, 8, 1, 0, 0),
    'no hash bytes': request(1, 1, hash, 2, 1, 10, 0, 1, 0, 0),
    'too many hash bytes': request(1, 1, hash, 2, 1, 10, 9, 1, 0, 0),
    'chunks beyond all files': request(1, 1, hash, 2, 1, 16, 8, 1, huge, 0),
    'too many hashes': request(1, 1, hash, 2, 1, 10, 8, 1, 0, encodeNumber(rangesAnswerBytes / 8)),
    'hashes that all of a disk must be read for': request(
      ...[1, 1, hash, 2, 1, 16, 1, 1, 0],
      encodeNumber(rangesHashedBytes / 65_536),
    ),
    'anchors of two contents': request(1, 2, hash, 4, hash, 4),
    'lists of no chunks': request(1, 1, hash, 2, 0),
    'an endless number': request(1, Buffer.alloc(40, 0xff)),
    'a number in a longer form': request(1, 0x80, 0),
    nothing: Buffer.alloc(0),
  })) {
    t.ok(refuses(body), name)
  }
})

t.test(
  'what is too large for a request is split without losing or reordering anything',
  async t => {
    const chunks = [{ chunkBytes: 64, hashBytes: 8, runs: [{ offset: 0, length: 20_000_000 }] }]
    const many = Array.from({ length: rangesRuns + 10 }, (_, i) => ({ offset: 3 * i, length: 2 }))
    const asks: RangesAsk[] = [
      { sha256, runs: [{ offset: 5, length: 3 * rangesAnswerBytes }], chunks, anchors: true },
      { sha256, runs: many },
      {
        sha256,
        chunks: [{ chunkBytes: 65_536, hashBytes: 1, runs: [{ offset: 0, length: 1e6 }] }],
      },
      { sha256, anchors: true },
      { sha256, runs: [{ offset: 0, length: 1 }] },
    ]
    const requests = requestsFor(asks)
    for (const request of requests) {
      const sum = (of: (ask: RangesAsk) => number): number =>
        request.reduce((total, ask) => total + of(ask), 0)
      t.ok(sum(askedBytes) <= rangesAnswerBytes && sum(askedRuns) <= rangesRuns)
      t.same(parseRequest(encodeRequest(request)), request)
    }
    const flat = requests.flat()
    const bytes = (list: readonly RangesAsk[]): number =>
      list.reduce((total, ask) => total + askedBytes(ask), 0)
    t.equal(bytes(flat), bytes(asks))
    t.equal(flat.filter(ask => ask.anchors === true).length, 2)
    const last = flat.at(-1)?.runs
    t.same(last?.at(-1), { offset: 0, length: 1 })
    t.same(requestsFor([]), [])
  },
)

t.test('short hashes keep the strong part first', async t => {
  const hashes = Buffer.from('0001020304050607' + '08090a0b0c0d0e0f', 'hex')
  const short = (bytes: number): string => Buffer.from(shortHashes(hashes, bytes)).toString('hex')
  t.equal(short(8), hashes.toString('hex'))
  t.equal(short(3), '0405060c0d0e')
  t.equal(short(4), '040506070c0d0e0f')
  t.equal(short(6), '00010203040508090a0b0c0d')
})
