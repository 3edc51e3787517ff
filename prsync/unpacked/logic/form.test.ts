import { execFileSync } from 'node:child_process'
import { constants, deflateRawSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { missing } from '../../../loadtest/programs.ts'
import { noise } from '../../../loadtest/sample/noise.ts'
import { type FormInMemory, formInMemory, indexText, packedInMemory } from '../test-form.ts'
import { beginsAsGzip, formLimits } from './form.ts'

t.setTimeout(120_000)

const formOf = (file: Uint8Array): FormInMemory => {
  const form = formInMemory(file)
  if (typeof form === 'string') throw new Error(form)
  return form
}

/** The file has a form, and the form gives it back. */
const isKept = (file: Buffer, atOnce?: number): boolean => {
  const form = formInMemory(file, undefined, atOnce)
  if (typeof form === 'string') return false
  const packed = packedInMemory(form, file.length, atOnce)
  return typeof packed !== 'string' && packed.equals(file)
}

const text = fc
  .array(
    fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes).toString('latin1')),
      fc.tuple(fc.string({ minLength: 1, maxLength: 9 }), fc.nat(900)).map(([s, n]) => s.repeat(n)),
      fc.nat(120).map(entries => indexText(entries, 3)),
    ),
    { maxLength: 8 },
  )
  .map(parts => Buffer.from(parts.join(''), 'latin1'))

const options = fc.record({
  level: fc.integer({ min: 0, max: 9 }),
  memLevel: fc.integer({ min: 1, max: 9 }),
  windowBits: fc.integer({ min: 9, max: 15 }),
  strategy: fc.constantFrom(
    constants.Z_DEFAULT_STRATEGY,
    constants.Z_FILTERED,
    constants.Z_HUFFMAN_ONLY,
    constants.Z_RLE,
    constants.Z_FIXED,
  ),
})

t.test('what zlib packs in any way comes back bit for bit', async t => {
  const kept = fc.property(text, options, fc.integer({ min: 1, max: 5000 }), (bytes, how, atOnce) =>
    isKept(gzipSync(bytes, how), atOnce),
  )
  fc.assert(kept, { numRuns: 150 })
  t.pass('150 files')
})

t.test('a form has the inflated text, and further members and what follows them', async t => {
  const one = Buffer.from(indexText(400))
  const two = noise('two', 100_000)
  const zeros = Buffer.alloc(300_000)
  const rest = Buffer.from([0x1f, 0x8b, 0, 0, 0, 0])
  const file = Buffer.concat([gzipSync(one), gzipSync(two), gzipSync(zeros), rest])
  t.ok(isKept(file))
  t.ok(formOf(file).text.equals(Buffer.concat([one, two, zeros])))
  t.ok(isKept(Buffer.concat([gzipSync(one), Buffer.from([0x1f])])))
  t.ok(isKept(Buffer.concat([gzipSync(''), Buffer.from([0x1f, 0x8c, 1])])))
})

t.test('all fields that a head may have are kept', async t => {
  const body = deflateRawSync('the text')
  const head = [0x1f, 0x8b, 8, 31, 1, 2, 3, 4, 2, 255, 3, 0, 7, 8, 9]
  const names = [...Buffer.from('a name\0a comment\0'), 0x12, 0x34]
  const end = Buffer.from([9, 9, 9, 9, 9, 9, 9, 9])
  t.ok(isKept(Buffer.concat([Buffer.from([...head, ...names]), body, end])))
})

t.test('an edit changes the form near the edit only', async t => {
  const before = indexText(6000)
  const at = 200_000
  const after = `${before.slice(0, at)}one line that is new\n${before.slice(at)}`
  for (const level of [1, 6, 9]) {
    const [old, fresh] = [before, after].map(each => formOf(gzipSync(each, { level })).tokens)
    if (old === undefined || fresh === undefined) return
    let start = 0
    while (old[start] === fresh[start]) start += 1
    let end = 0
    while (old.at(-1 - end) === fresh.at(-1 - end)) end += 1
    // Matches refer to at most 32 KiB before them.
    const most = (60_000 / before.length) * old.length
    t.ok(fresh.length - start - end < most, `level ${level}: ${fresh.length - start - end} bytes`)
  }
})

t.test('what compressors usually do needs no telling', async t => {
  const input = Buffer.from(indexText(4000))
  for (const level of [1, 3, 6, 9]) {
    const { frame } = formOf(gzipSync(input, { level }))
    t.ok(frame.length < 150, `level ${level}: ${frame.length} bytes`)
  }
  // Words of more than 15 bits, and of more than 7 for the lengths.
  const steep = Buffer.concat(
    Array.from({ length: 22 }, (_, i) => Buffer.alloc(Math.floor(1.6 ** i), 3 * i)),
  )
  const { frame } = formOf(gzipSync(steep, { strategy: constants.Z_HUFFMAN_ONLY }))
  t.ok(frame.length < 80, `${frame.length} bytes`)
})

const gzip = (input: Buffer, ...args: string[]): Buffer =>
  execFileSync('gzip', ['-c', ...args], { input, maxBuffer: 2 ** 28 })

t.test('what the gzip program packs comes back', { skip: missing('gzip') }, async t => {
  const input = Buffer.concat([Buffer.from(indexText(3000)), noise('some', 70_000)])
  for (const level of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
    t.ok(isKept(gzip(input, `-${level}n`)), `-${level}`)
  }
  t.ok(isKept(gzip(input, '-9', '--rsyncable')), '--rsyncable')
})

t.test('what is no gzip file, or is cut short, has no form', async t => {
  const file = gzipSync(indexText(50))
  for (const bytes of ['', 'x', 'text', Buffer.from([0x1f, 0x8b]), noise('none', 5000)]) {
    t.type(formInMemory(Buffer.from(bytes)), 'string')
  }
  const lengths = Array.from(file.keys()).filter(length => length < 300 || length % 11 === 0)
  t.ok(lengths.every(length => typeof formInMemory(file.subarray(0, length)) === 'string'))
  t.notOk(beginsAsGzip(Buffer.from([0x1f])))
  t.ok(beginsAsGzip(file))
})

t.test('what is damaged has no form, or one that gives it back', async t => {
  const file = gzipSync(indexText(120))
  const damaged = fc.property(
    fc.nat(file.length - 1),
    fc.integer({ min: 1, max: 255 }),
    (at, by) => {
      const bytes = Buffer.from(file)
      bytes[at] = (bytes[at] ?? 0) ^ by
      return typeof formInMemory(bytes) === 'string' || isKept(bytes)
    },
  )
  fc.assert(damaged, { numRuns: 400 })
  t.pass('400 files')
})

t.test('a bomb has no form', async t => {
  const bomb = gzipSync(Buffer.alloc(30_000_000))
  t.equal(formInMemory(bomb), 'the text is too large')
  const limits = { ...formLimits(bomb.length, 2 ** 30), textBytes: 2 ** 30 }
  t.type(formInMemory(bomb, { ...limits, tokenBytes: 10 }), 'string')
  t.type(formInMemory(bomb, { ...limits, frameBytes: 10 }), 'string')
})

t.test('a form from a stranger gives some file or none', async t => {
  const form = formOf(gzipSync(indexText(150), { level: 9 }))
  const hostile = fc.property(
    fc.constantFrom<keyof FormInMemory>('text', 'tokens', 'frame'),
    fc.array(fc.tuple(fc.nat(20_000), fc.nat(255)), { minLength: 1, maxLength: 5 }),
    fc.option(fc.nat(20_000)),
    (part, edits, cut) => {
      const bytes = Buffer.from(form[part])
      for (const [at, value] of edits) bytes[at % bytes.length] = value
      const changed = { ...form, [part]: cut === null ? bytes : bytes.subarray(0, cut) }
      const packed = packedInMemory(changed, 200_000)
      return typeof packed === 'string' || packed.length <= 200_000
    },
  )
  fc.assert(hostile, { numRuns: 400 })
  const none = { text: Buffer.alloc(0), tokens: Buffer.alloc(0), frame: Buffer.alloc(0) }
  t.type(packedInMemory(none), 'string')
  t.equal(packedInMemory(form, 1000), 'the file is too large')
})

t.test('text that makes every place look alike takes bounded work', async t => {
  const alike = Buffer.from('abcdef'.repeat(40_000).replaceAll('fabc', 'fabd'))
  t.ok(isKept(gzipSync(alike, { level: 9 })))
  const nearly = Buffer.concat(
    Array.from({ length: 30_000 }, (_, i) => Buffer.from([97, 97, 97, 97, 97, 97, i % 251])),
  )
  t.ok(isKept(gzipSync(nearly, { level: 9 })))
})
