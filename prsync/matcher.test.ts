import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { zerosBasis } from '../core/kernel/chunk-scanner.ts'
import { noise } from '../core/kernel/fixtures/bytes.ts'
import { kernel } from '../core/kernel/kernel.ts'
import { waitingMatches } from '../core/limits.ts'
import { type BasisFile, Matcher, type MatcherOptions, type WantedChunks } from './matcher.ts'

const GiB = 2 ** 30
const never = new AbortController().signal

const matcherOf = (t: Test, options: MatcherOptions = {}): Matcher => {
  const matcher = new Matcher(options)
  t.teardown(() => matcher.stop())
  return matcher
}

const wantedOf = (content: Uint8Array, chunkBytes: number): WantedChunks => {
  const hashes = kernel.chunkHashes(content, chunkBytes)
  return {
    chunkBytes,
    chunks: Uint32Array.from({ length: hashes.length / 8 }, (_, i) => i),
    hashes,
  }
}

const basisOf = (file: string): BasisFile => {
  const { size, mtimeNs } = statSync(file, { bigint: true })
  return { file, sizeBytes: Number(size), modifiedNs: mtimeNs }
}

/** A file, described as it is now. */
const written = (file: string, bytes: Uint8Array): BasisFile => {
  writeFileSync(file, bytes)
  return basisOf(file)
}

const sparse = (file: string, bytes: Uint8Array, size: number): BasisFile => {
  writeFileSync(file, bytes)
  truncateSync(file, size)
  return basisOf(file)
}

t.test('chunks are found in several files, at any offset', async t => {
  const root = t.testdir()
  const content = Buffer.concat([noise(3_000_000, 1), Buffer.alloc(10_000), noise(2_000_000, 2)])
  const bases = [
    written(join(root, 'unrelated'), noise(100_000, 9)),
    written(join(root, 'empty'), Buffer.alloc(0)),
    written(join(root, 'begin'), Buffer.concat([noise(123, 3), content.subarray(0, 2_500_000)])),
    written(join(root, 'rest'), content.subarray(2_400_001)),
  ]
  const wanted = wantedOf(content, 1024)
  const { chunks, bases: where, offsets, ...rest } = await matcherOf(t).match(wanted, bases, never)
  t.same(chunks, wanted.chunks, 'all, in order')
  const end = Math.floor((2_500_000 - 1024) / 1024)
  t.same([where[0], offsets[0]], [2, 123])
  t.same([where[end], offsets[end]], [2, 123 + end * 1024])
  t.equal(where.indexOf(zerosBasis) * 1024 - 3_000_000 < 1024, true)
  t.same([where.at(-1), offsets.at(-1)], [3, (chunks.length - 1) * 1024 - 2_400_001])
  t.same(rest.unusable, [])
  t.ok(rest.scannedBytes > 2_500_000)
})

t.test('only the runs that were named are looked at', async t => {
  const content = noise(65_536 * 8, 1)
  const image = Buffer.concat([noise(1_000_000, 2), content, noise(1_000_000, 3), content])
  const whole = written(join(t.testdir(), 'image'), image)
  const matcher = matcherOf(t)
  const second = 2_000_000 + content.length
  const runs = [
    { offset: 0, length: 10_000 },
    { offset: second, length: content.length },
    { offset: image.length - 100, length: 10_000_000 },
  ]
  const wanted = wantedOf(content, 65_536)
  const found = await matcher.match(wanted, [{ ...whole, runs }], never)
  t.same(
    Array.from(found.offsets),
    Array.from(wanted.chunks, chunk => second + chunk * 65_536),
  )
  t.ok(found.scannedBytes <= 10_000 + content.length)
  const outside = [{ offset: image.length + 1, length: 5 }]
  t.equal((await matcher.match(wanted, [{ ...whole, runs: outside }], never)).chunks.length, 0)
})

t.test('once all has been found, nothing more is read', async t => {
  const root = t.testdir()
  const content = noise(8192, 1)
  const bases = [
    written(join(root, 'same'), content),
    { file: join(root, 'nowhere'), sizeBytes: 1, modifiedNs: 1n },
  ]
  const found = await matcherOf(t).match(wantedOf(content, 1024), bases, never)
  t.equal(found.scannedBytes, 8192)
  t.same(found.unusable, [])
})

t.test('nothing wanted, no basis, zeros only', async t => {
  const matcher = matcherOf(t)
  const nothing = await matcher.match(wantedOf(Buffer.alloc(0), 1024), [], never)
  t.equal(nothing.chunks.length, 0)
  const zeros = await matcher.match(wantedOf(Buffer.alloc(4096), 1024), [], never)
  t.same(Array.from(zeros.bases), Array(4).fill(zerosBasis))
})

t.test('many chunks take turns, with the same result', async t => {
  const root = t.testdir()
  const content = noise(300_000, 1)
  const bases = [written(join(root, 'a'), content.subarray(777)), written(join(root, 'b'), content)]
  const wanted = wantedOf(content, 256)
  const found = await matcherOf(t, { chunksAtOnce: 100 }).match(wanted, bases, never)
  t.same(found.chunks, wanted.chunks)
  const starts = [777, 0]
  const wrong = found.chunks.findIndex((chunk, index) => {
    const start = starts[found.bases[index] as number] as number
    return (found.offsets[index] as number) + start !== chunk * 256
  })
  t.equal(wrong, -1)
  t.same(new Set(found.bases), new Set([0, 1]))
})

t.test('what is not the announced file is named, and nothing refers to it', async t => {
  const root = t.testdir()
  const content = noise(100_000, 1)
  const path = (name: string): string => join(root, name)
  const good = written(path('good'), content)
  mkdirSync(path('folder'))
  symlinkSync('good', path('link'))
  execFileSync('mkfifo', [path('fifo')])
  const gone = written(path('gone'), content)
  unlinkSync(path('gone'))
  const unreadable = written(path('unreadable'), content)
  chmodSync(path('unreadable'), 0)
  const bad: BasisFile[] = [
    gone,
    { ...good, file: path('folder') },
    { ...good, file: path('link') },
    { ...good, file: path('fifo') },
    { ...good, file: path('good/below') },
    { ...good, file: Buffer.from([0x2f, 0xff, 0xfe]) },
    { ...good, sizeBytes: good.sizeBytes + 1 },
    { ...good, sizeBytes: good.sizeBytes - 1 },
    { ...good, modifiedNs: good.modifiedNs + 1n },
    // Root reads everything.
    ...(process.getuid?.() === 0 ? [] : [unreadable]),
  ]
  const wanted = wantedOf(content, 1024)
  const found = await matcherOf(t).match(wanted, [...bad, good], never)
  t.same(found.unusable, Array.from(bad.keys()))
  t.same(found.chunks, wanted.chunks)
  t.ok(found.bases.every(basis => basis === bad.length))
})

t.test('a basis that shrinks while it is read loses its chunks to the next', async t => {
  const root = t.testdir()
  const content = noise(65_536, 1)
  const shrinking = sparse(join(root, 'shrinking'), content, 64 * GiB)
  const other = written(join(root, 'other'), content.subarray(0, 40_000))
  const wanted = wantedOf(Buffer.concat([content, noise(1024, 2)]), 1024)
  const matching = matcherOf(t).match(wanted, [shrinking, other], never)
  truncateSync(join(root, 'shrinking'), 100_000)
  const found = await matching
  t.same(found.unusable, [0])
  t.same(found.chunks, wanted.chunks.subarray(0, 39))
  t.ok(found.bases.every(basis => basis === 1))
})

t.test('a basis that is touched while it is read does not count', async t => {
  const content = noise(65_536, 1)
  const file = join(t.testdir(), 'touched')
  const touched = sparse(file, content, 64 * 2 ** 20)
  const wanted = wantedOf(Buffer.concat([content, noise(1024, 2)]), 1024)
  let over = false
  const matching = matcherOf(t)
    .match(wanted, [touched], never)
    .finally(() => {
      over = true
    })
  while (!over) {
    utimesSync(file, 1, 1)
    // Even when the time is put back: the change of the entry shows.
    utimesSync(file, Number(touched.modifiedNs / 1_000_000_000n), 0)
    await new Promise(setImmediate)
  }
  const found = await matching
  t.same(found.unusable, [0])
  t.equal(found.chunks.length, 0)
})

t.test('an abort ends a long search at once, and others go on', async t => {
  const root = t.testdir()
  const huge = sparse(join(root, 'huge'), Buffer.alloc(0), 2 ** 42)
  const content = noise(4096, 1)
  const small = written(join(root, 'small'), content)
  const matcher = matcherOf(t)
  const stop = new AbortController()
  const wanted = wantedOf(content, 1024)
  const long = t.rejects(matcher.match(wanted, [huge], stop.signal), { message: 'enough' })
  const waits = t.rejects(matcher.match(wanted, [huge], stop.signal), { message: 'enough' })
  const next = matcher.match(wanted, [small], never)
  stop.abort(new Error('enough'))
  await Promise.all([long, waits])
  t.equal((await next).chunks.length, 4)
  await t.rejects(matcher.match(wanted, [small], stop.signal), { message: 'enough' })
})

t.test('a thread that dies rejects its search, and another takes its place', async t => {
  const content = noise(4096, 1)
  const small = written(join(t.testdir(), 'small'), content)
  const matcher = matcherOf(t)
  const wanted = wantedOf(content, 1024)
  const name = 'x'.repeat(4000)
  const many = Array.from({ length: 30_000 }, (_, index): BasisFile => {
    return { file: `/nowhere/${index}${name}`, sizeBytes: 1, modifiedNs: 1n }
  })
  const dies = t.rejects(matcher.match(wanted, many, never), { code: 'MS_INTERNAL' })
  const next = matcher.match(wanted, [small], never)
  await dies
  t.equal((await next).chunks.length, 4)
})

t.test('lists that do not fit together are refused', async t => {
  const matcher = matcherOf(t)
  const wanted = wantedOf(noise(4096, 1), 1024)
  const few = wanted.hashes.subarray(1)
  for (const wrong of [
    { ...wanted, hashes: few },
    { ...wanted, chunkBytes: 1000 },
  ]) {
    await t.rejects(matcher.match(wrong, [], never), RangeError)
  }
  const bases = Array.from({ length: 70_000 }, () => ({ file: '', sizeBytes: 0, modifiedNs: 0n }))
  await t.rejects(matcher.match(wanted, bases, never), RangeError)
})

t.test('too many at once are refused, and a stopped matcher answers nothing', async t => {
  const huge = sparse(join(t.testdir(), 'huge'), Buffer.alloc(0), 2 ** 42)
  const matcher = new Matcher()
  const wanted = wantedOf(noise(4096, 1), 1024)
  const rejected = Array.from({ length: waitingMatches + 2 }, () =>
    t.rejects(matcher.match(wanted, [huge], never), { code: 'MS_INTERNAL' }),
  )
  await rejected.at(-1)
  await matcher.stop()
  await Promise.all(rejected)
  await t.rejects(matcher.match(wanted, [huge], never), { code: 'MS_INTERNAL' })
})

t.test('copying what matched, and the rest from elsewhere, gives the content', async t => {
  const root = t.testdir()
  const matcher = matcherOf(t)
  const edit = fc.record({ at: fc.nat(50_000), drop: fc.nat(3000), add: fc.nat(3000) })
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.array(edit, { maxLength: 8 }), async (seed, edits) => {
      let content = noise(50_000, seed)
      const bases = [written(join(root, 'old'), content)]
      for (const { at, drop, add } of edits) {
        const rest = content.subarray(Math.min(content.length, at + drop))
        content = Buffer.concat([content.subarray(0, at), noise(add, seed + at), rest])
      }
      const found = await matcher.match(wantedOf(content, 256), bases, never)
      const old = noise(50_000, seed)
      const built = Buffer.from(content)
      // Other bytes where the basis is to be copied from: what matched must bring them back.
      for (const chunk of found.chunks) built.fill(0xaa, chunk * 256, chunk * 256 + 256)
      for (const [index, chunk] of found.chunks.entries()) {
        const offset = found.offsets[index] as number
        old.copy(built, chunk * 256, offset, offset + 256)
      }
      return built.equals(content)
    }),
    { numRuns: 15 },
  )
  t.pass()
})

t.test('a search for 5 GB takes its chunk map and 64 MB at most', async t => {
  const basis = sparse(join(t.testdir(), 'basis'), noise(100_000, 1), 64 * 2 ** 20)
  const program = join(import.meta.dirname, 'fixtures/match-large.ts')
  // The coarse chunks with the thread and all; the next finer ones, should all of them be wanted,
  // besides the idle thread.
  for (const [chunkBytes, warm] of [
    [65_536, ''],
    [8192, 'warm'],
  ] as const) {
    const words = [program, `${basis.file}`, `${chunkBytes}`, warm]
    const text = execFileSync(process.execPath, words, { encoding: 'utf8' })
    const { scannedBytes, mapBytes, peakBytes } = JSON.parse(text)
    t.equal(scannedBytes, basis.sizeBytes)
    t.ok(peakBytes < mapBytes + 64_000_000, `${chunkBytes}: ${peakBytes} for ${mapBytes}`)
  }
})
