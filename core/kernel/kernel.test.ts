import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { xxh64 } from '@node-rs/xxhash'
import fc from 'fast-check'
import t from 'tap'
import { anchorBytes, anchorChunkCeiling, anchorChunkFloor } from './anchors.ts'
import { chunkCount, chunkHashBytes, isChunkBytes } from './chunk-map.ts'
import { noise, periodic } from './fixtures/bytes.ts'
import { type Kernel, kernel, kernelProblem, plainKernel } from './kernel.ts'
import { leavingWeight, mixedSum, roll, rollingSum } from './rolling-sum.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Bytes i × i + i ÷ 256, modulo 256: the pattern of the vectors in docs/PROTOCOL.md. */
const pattern = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => index * index + (index >>> 8))

const listOf = (one: Kernel, bytes: Uint8Array, portion = bytes.length): Buffer => {
  const stream = one.anchors()
  const parts: Uint8Array[] = []
  // Like a reader: the same buffer each time.
  const buffer = Buffer.alloc(portion)
  for (let start = 0; start < bytes.length; start += portion) {
    const part = bytes.subarray(start, start + portion)
    buffer.set(part)
    parts.push(stream.update(buffer.subarray(0, part.length)))
  }
  parts.push(stream.end())
  return Buffer.concat(parts)
}

const vectors = {
  sum: '9064f275',
  small: '809e285a89c6e78280852fd86eef5680806c3656849845a1',
  zeros: '0000e7aca41557f1',
  large: '0080f30147584ffc',
  anchors: 'bfa61a873462df219b79e412d9ff20b08c4732b38be67d462c',
}

t.test('WebAssembly is used here', async t => t.equal(kernelProblem, null))

t.test('without WebAssembly the plain TypeScript takes its place', async t => {
  // What strips the types of TypeScript is WebAssembly too, so it must have begun before.
  const program = `
    await import('./rolling-sum.ts')
    delete globalThis.WebAssembly
    const { kernel, kernelProblem, plainKernel } = await import('./kernel.ts')
    console.log(kernel === plainKernel, kernelProblem.name)`
  const words = ['--input-type=module', '--eval', program]
  const options = { cwd: import.meta.dirname, encoding: 'utf8' } as const
  t.equal(execFileSync(process.execPath, words, options), 'true ReferenceError\n')
})

t.test('the vectors of the protocol', async t => {
  t.equal(rollingSum(Buffer.from('abc')).toString(16), vectors.sum)
  for (const one of [kernel, plainKernel]) {
    t.equal(hex(one.chunkHashes(pattern(1023), 256)), vectors.small)
    t.equal(hex(one.chunkHashes(new Uint8Array(65_536), 65_536)), vectors.zeros)
    t.equal(hex(one.chunkHashes(pattern(65_536), 65_536)), vectors.large)
    t.equal(hex(listOf(one, pattern(20_000))), vectors.anchors)
  }
})

t.test('the rolled sum equals the sum computed anew', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2, maxLength: 600 }), fc.nat(), (bytes, pick) => {
      const window = 1 + (pick % (bytes.length - 1))
      const weight = leavingWeight(window)
      let sum = rollingSum(bytes, 0, window)
      for (let start = 1; start + window <= bytes.length; start++) {
        const [out, into] = [bytes[start - 1] as number, bytes[start + window - 1] as number]
        sum = roll(sum, weight, out, into)
        if (sum !== rollingSum(bytes, start, start + window)) return false
      }
      return true
    }),
  )
  t.pass()
})

t.test('runs of one byte have different sums, and differ in the bits that tables use', async t => {
  for (const window of [256, 4096, 65_536]) {
    const sums = Array.from({ length: 256 }, (_, byte) =>
      rollingSum(new Uint8Array(window).fill(byte)),
    )
    t.equal(new Set(sums).size, 256)
    t.not(sums[0], 0)
    t.ok(new Set(sums.map(sum => mixedSum(sum) >>> 16)).size > 200, 'spread over 16 bits')
  }
  const last = Array.from({ length: 256 }, (_, byte) => {
    const bytes = new Uint8Array(4096).fill(7)
    bytes[4095] = byte
    return mixedSum(rollingSum(bytes)) >>> 16
  })
  t.ok(new Set(last).size > 200, 'the last byte reaches them')
})

t.test('chunk sizes are powers of two from 64 to 65,536', async t => {
  const sizes = Array.from({ length: 65_537 }, (_, size) => size).filter(isChunkBytes)
  t.same(sizes, [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536])
  for (const size of [Number.NaN, -256, 0.5, 2 ** 31, 2 ** 32]) t.notOk(isChunkBytes(size))
  t.throws(() => kernel.chunkHashes(new Uint8Array(512), 300), RangeError)
})

t.test('chunk hashes are those of the plain TypeScript, and of whole chunks only', async t => {
  const sources = [
    new Uint8Array(600_000),
    new Uint8Array(600_000).fill(255),
    periodic(600_000, 3),
    noise(700_001, 5),
  ]
  for (const bytes of sources) {
    for (const size of [64, 256, 1024, 65_536]) {
      const hashes = kernel.chunkHashes(bytes, size)
      t.equal(hashes.length, chunkCount(bytes.length, size) * chunkHashBytes)
      t.ok(Buffer.from(hashes).equals(plainKernel.chunkHashes(bytes, size)))
      const last = chunkCount(bytes.length, size) - 1
      const chunk = bytes.subarray(last * size, (last + 1) * size)
      const strong = Buffer.from(hashes).readUInt32LE(last * chunkHashBytes + 4)
      t.equal(strong, Number(xxh64(chunk) & 0xffffffffn))
    }
  }
  t.equal(kernel.chunkHashes(new Uint8Array(255), 256).length, 0)
  t.equal(kernel.chunkHashes(new Uint8Array(0), 65_536).length, 0)
})

t.test('anchors do not depend on the portions, nor on who computes them', async t => {
  const sources = [
    new Uint8Array(0),
    noise(1, 1),
    noise(anchorChunkFloor, 2),
    new Uint8Array(300_000),
    periodic(300_000, 7),
    noise(1_000_000, 3),
  ]
  for (const bytes of sources) {
    const whole = listOf(kernel, bytes)
    for (const portion of [1000, 65_536, 100_001]) {
      t.ok(whole.equals(listOf(kernel, bytes, portion)), `${bytes.length} by ${portion}`)
    }
    t.ok(whole.equals(listOf(plainKernel, bytes, 77_777)), `${bytes.length}, plain`)
    t.ok(whole.length <= (bytes.length / anchorChunkFloor + 1) * anchorBytes)
    t.ok(whole.length >= (bytes.length / anchorChunkCeiling) * anchorBytes)
  }
})

t.test('two lists may be made at the same time', async t => {
  const [first, second] = [noise(300_000, 1), noise(300_000, 2)]
  const [a, b] = [kernel.anchors(), kernel.anchors()]
  const [partsA, partsB]: [Uint8Array[], Uint8Array[]] = [[], []]
  for (let start = 0; start < first.length; start += 50_000) {
    partsA.push(a.update(first.subarray(start, start + 50_000)))
    partsB.push(b.update(second.subarray(start, start + 50_000)))
  }
  t.ok(Buffer.concat([...partsA, a.end()]).equals(listOf(kernel, first)))
  t.ok(Buffer.concat([...partsB, b.end()]).equals(listOf(kernel, second)))
})

const anchorSet = (list: Buffer): Set<string> => {
  const set = new Set<string>()
  for (let at = 0; at < list.length; at += anchorBytes) {
    set.add(list.toString('hex', at, at + anchorBytes))
  }
  return set
}

t.test('the same bytes elsewhere have the same anchors, but for a few at the ends', async t => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 100_000 }), (seed, before) => {
      const common = noise(400_000, seed)
      const elsewhere = Buffer.concat([noise(before, seed + 1), common, noise(50_000, seed + 2)])
      const list = anchorSet(listOf(kernel, common))
      const others = anchorSet(listOf(kernel, elsewhere))
      const lost = [...list].filter(anchor => !others.has(anchor)).length
      return list.size > 60 && list.size < 160 && lost < 20
    }),
    { numRuns: 30 },
  )
  t.pass()
})

t.test('the noise of these tests is noise', async t => {
  t.not(createHash('sha1').update(noise(1000, 1)).digest('hex'), hex(noise(20, 1)))
  t.ok(new Set(noise(100_000, 4)).size === 256)
})
