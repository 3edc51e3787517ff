import fc from 'fast-check'
import t from 'tap'
import { chunkHashBytes } from './chunk-map.ts'
import { type ChunkPlaces, type WantedChunks, zerosBasis } from './chunk-scanner.ts'
import { noise, periodic } from './fixtures/bytes.ts'
import { type Kernel, kernel, plainKernel } from './kernel.ts'

/** The chunk map of a content, whole. */
const wantedOf = (content: Uint8Array, chunkBytes: number): WantedChunks => {
  const hashes = kernel.chunkHashes(content, chunkBytes)
  const chunks = Uint32Array.from({ length: hashes.length / chunkHashBytes }, (_, index) => index)
  return { chunkBytes, chunks, hashes }
}

interface Scanned {
  readonly places: ChunkPlaces
  readonly missing: number
}

const scan = (
  one: Kernel,
  wanted: WantedChunks,
  bases: readonly Uint8Array[],
  portion = Number.POSITIVE_INFINITY,
): Scanned => {
  const scanner = one.scanner(wanted)
  for (const [number, basis] of bases.entries()) {
    scanner.begin(number, 0)
    const step = Math.min(portion, scanner.room.length)
    for (let start = 0; start < basis.length; start += step) {
      const part = basis.subarray(start, start + step)
      scanner.room.set(part)
      scanner.scan(part.length)
    }
    scanner.finish()
  }
  return { places: scanner.places(), missing: scanner.missing }
}

const listed = ({ chunks, bases, offsets }: ChunkPlaces): string =>
  Array.from(chunks, (chunk, index) => `${chunk}=${bases[index]}@${offsets[index]}`).join(' ')

/** Every place really holds the chunk's bytes. */
const areTrue = (
  places: ChunkPlaces,
  content: Uint8Array,
  bases: readonly Uint8Array[],
  size: number,
): boolean =>
  places.chunks.every((chunk, index) => {
    const bytes = content.subarray(chunk * size, (chunk + 1) * size)
    if (places.bases[index] === zerosBasis) return bytes.every(byte => byte === 0)
    const offset = places.offsets[index] as number
    const basis = bases[places.bases[index] as number] as Uint8Array
    return Buffer.compare(bytes, basis.subarray(offset, offset + size)) === 0
  })

/** Both kernels agree in every place, what they found is there, and what is there was found. */
const isRight = (content: Buffer, bases: readonly Buffer[], size: number, portion: number) => {
  const wanted = wantedOf(content, size)
  const found = scan(kernel, wanted, bases, portion)
  const plain = scan(plainKernel, wanted, bases, portion)
  if (listed(found.places) !== listed(plain.places) || found.missing !== plain.missing) return false
  if (!areTrue(found.places, content, bases, size)) return false
  const has = new Set(found.places.chunks)
  return wanted.chunks.every(chunk => {
    const bytes = content.subarray(chunk * size, (chunk + 1) * size)
    const occurs = bases.some(basis => basis.includes(bytes)) || bytes.every(byte => byte === 0)
    return has.has(chunk) === occurs
  })
}

/** A file put together from shared and own parts, as edits, moves and repeats make them. */
const parts = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('own'), seed: fc.nat(50), length: fc.nat(700) }),
    fc.record({ kind: fc.constant('shared'), seed: fc.nat(3), length: fc.nat(3000) }),
    fc.record({ kind: fc.constant('zeros'), seed: fc.constant(0), length: fc.nat(1500) }),
    fc.record({ kind: fc.constant('periodic'), seed: fc.nat(9), length: fc.nat(1500) }),
  ),
  { maxLength: 12 },
)

type Part = { kind: string; seed: number; length: number }

const assemble = (list: readonly Part[], side: number): Buffer =>
  Buffer.concat(
    list.map(({ kind, seed, length }) => {
      if (kind === 'own') return noise(length, 1000 * side + seed)
      if (kind === 'shared') return noise(length, seed)
      return kind === 'zeros' ? Buffer.alloc(length) : periodic(length, seed + 1)
    }),
  )

t.test('every chunk that occurs anywhere is found, true places only, by both kernels', async t => {
  fc.assert(
    fc.property(
      parts,
      fc.array(parts, { maxLength: 3 }),
      fc.constantFrom(256, 512),
      fc.constantFrom(Number.POSITIVE_INFINITY, 999, 257, 31),
      (content, bases, size, portion) =>
        isRight(
          assemble(content, 1),
          bases.map(basis => assemble(basis, 2)),
          size,
          portion,
        ),
    ),
    { numRuns: 300 },
  )
  t.pass()
})

t.test('both kernels agree on larger files, whatever the size of a chunk', async t => {
  const content = Buffer.concat([noise(300_000, 1), Buffer.alloc(200_000), noise(700_000, 2)])
  const basis = Buffer.concat([noise(777, 3), content.subarray(70_000, 900_000), noise(99, 4)])
  for (const size of [256, 1024, 8192, 65_536]) {
    t.ok(isRight(content, [basis, content.subarray(0, 100_000)], size, 500_000), `${size}`)
  }
})

t.test('bases shorter than a chunk, and empty ones, hold nothing', async t => {
  const content = noise(1024, 1)
  const bases = [Buffer.alloc(0), content.subarray(0, 255), content.subarray(256, 512)]
  const { places } = scan(kernel, wantedOf(content, 256), bases)
  t.equal(listed(places), '1=2@0')
})

t.test('nothing wanted is nothing missing', async t => {
  const { places, missing } = scan(kernel, wantedOf(Buffer.alloc(0), 256), [noise(5000, 1)])
  t.equal(places.chunks.length, 0)
  t.equal(missing, 0)
})

t.test('a chunk found alone moves to where its neighbours lie in a run', async t => {
  const content = noise(4 * 512, 1)
  const alone = content.subarray(512, 1024)
  const basis = Buffer.concat([noise(100, 2), alone, noise(100, 3), content])
  for (const one of [kernel, plainKernel]) {
    const { places } = scan(one, wantedOf(content, 512), [basis])
    t.equal(listed(places), '0=0@712 1=0@1224 2=0@1736 3=0@2248')
  }
})

t.test('a basis that is forgotten gives its chunks to the next', async t => {
  const content = noise(2048, 1)
  for (const one of [kernel, plainKernel]) {
    const scanner = one.scanner(wantedOf(content, 512))
    for (const number of [0, 1]) {
      scanner.begin(number, 2 ** 40)
      scanner.room.set(content)
      scanner.scan(content.length)
      scanner.finish()
      if (number === 1) continue
      t.equal(scanner.missing, 0)
      scanner.forget(0)
      t.equal(scanner.missing, 4)
      t.equal(scanner.places().chunks.length, 0)
    }
    t.equal(
      listed(scanner.places()),
      [0, 1, 2, 3].map(n => `${n}=1@${2 ** 40 + n * 512}`).join(' '),
    )
  }
})

t.test('equal chunks all get a place, and zeros need no basis', async t => {
  const chunk = noise(256, 1)
  const content = Buffer.concat([chunk, Buffer.alloc(512), chunk, noise(256, 2), chunk])
  const { places, missing } = scan(kernel, wantedOf(content, 256), [chunk])
  t.equal(listed(places), `0=0@0 1=${zerosBasis}@0 2=${zerosBasis}@0 3=0@0 5=0@0`)
  t.equal(missing, 1)
})

/** How many bytes of chunks are hashed is not seen from outside; the time they take is. */
const cpuMs = (work: () => void): number => {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** A map that agrees with `content` in the weak half only, as a hostile one might. */
const liesOf = (content: Uint8Array, chunkBytes: number, count: number): WantedChunks => {
  const hashes = Buffer.alloc(count * chunkHashBytes)
  const truth = Buffer.from(kernel.chunkHashes(content, chunkBytes))
  for (let index = 0; index < count; index++) {
    const start = (index * chunkHashBytes) % truth.length
    truth.copy(hashes, index * chunkHashBytes, start, start + 4)
    hashes.writeUInt32LE(index, index * chunkHashBytes + 4)
  }
  return { chunkBytes, chunks: Uint32Array.from({ length: count }, (_, index) => index), hashes }
}

t.test('hostile maps and bases cost a small multiple of honest ones', async t => {
  const length = 16 * 1024 * 1024
  const size = 65_536
  const honest = [wantedOf(noise(length, 1), size), noise(length, 2)] as const
  const zeros = Buffer.alloc(length)
  const period = periodic(length, 3)
  const crowd = liesOf(noise(size, 1), size, 100_000)
  crowd.hashes.forEach((_, at) => {
    // Sums whose mixed values all begin alike: they crowd into one place of the table.
    if (at % 8 !== 0) return
    const close = Math.imul(0x12340000 + at / 8, 0x0e8b2f51) >>> 0
    new DataView(crowd.hashes.buffer, crowd.hashes.byteOffset).setUint32(at, close, true)
  })
  const cases: Record<string, readonly [WantedChunks, Uint8Array]> = {
    'zeros in zeros': [wantedOf(zeros, size), zeros],
    'equal chunks': [wantedOf(Buffer.alloc(length, noise(size, 1)), size), noise(length, 2)],
    'periodic in periodic': [wantedOf(period, size), period],
    'wrong zeros': [liesOf(zeros, size, 1000), zeros],
    'wrong periodic': [liesOf(period, size, 1000), period],
    'one weak sum for all': [liesOf(noise(size, 2), size, 100_000), noise(length, 2)],
    'crowded sums': [crowd, noise(length, 2)],
  }
  scan(kernel, ...([honest[0], [honest[1]]] as const))
  const usual = cpuMs(() => scan(kernel, honest[0], [honest[1]]))
  for (const [name, [wanted, basis]] of Object.entries(cases)) {
    const taken = cpuMs(() => scan(kernel, wanted, [basis]))
    t.ok(taken < 25 * usual + 500, `${name}: ${taken.toFixed(0)} ms, usually ${usual.toFixed(0)}`)
  }
})

t.test('a hostile map is treated alike by both kernels', async t => {
  for (const basis of [Buffer.alloc(3_000_000), periodic(3_000_000, 100)]) {
    const lies = liesOf(basis, 4096, 300)
    const truth = wantedOf(basis.subarray(0, 4096 * 20), 4096)
    const wanted = {
      chunkBytes: 4096,
      chunks: Uint32Array.from({ length: 320 }, (_, index) => index),
      hashes: Buffer.concat([lies.hashes, truth.hashes]),
    }
    const places = [kernel, plainKernel].map(one => listed(scan(one, wanted, [basis]).places))
    t.equal(places[0], places[1])
  }
})
