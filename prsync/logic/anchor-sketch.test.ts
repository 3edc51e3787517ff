import fc from 'fast-check'
import t from 'tap'
import { seededRandom } from '../../core/clock.ts'
import { anchorBytes } from '../../core/kernel/anchors.ts'
import {
  entryAt,
  entryCount,
  findAnchor,
  mergeRows,
  packSketch,
  sortEntries,
} from './anchor-bucket.ts'
import {
  beginSketch,
  positionSteps,
  sampledCount,
  sketchCount,
  sketchEntryBytes,
  sketchFloorBytes,
} from './anchor-sketch.ts'

const MiB = 1024 * 1024

const sketchOf = (anchors: Uint8Array, sizeBytes: number, portion = anchors.length): Uint8Array => {
  const stream = beginSketch(sizeBytes)
  const count = Math.max(1, anchors.length)
  for (let at = 0; at < anchors.length; at += portion) {
    const part = anchors.subarray(at, at + portion)
    stream.add(part, (at / count) * sizeBytes, (part.length / count) * sizeBytes)
  }
  return stream.end()
}

const anchorsIn = (sketch: Uint8Array): string[] =>
  Array.from({ length: sketch.length / sketchEntryBytes }, (_, index) =>
    Buffer.from(sketch)
      .subarray(index * sketchEntryBytes, index * sketchEntryBytes + anchorBytes)
      .toString('hex'),
  )

const anchorList = (most: number) =>
  fc
    .array(fc.uint8Array({ minLength: anchorBytes, maxLength: anchorBytes }), { maxLength: most })
    .map(list => new Uint8Array(Buffer.concat(list)))

t.test('how many anchors stand for a content', t => {
  t.equal(sketchCount(sketchFloorBytes - 1), 0)
  t.equal(sketchCount(sketchFloorBytes), 2)
  t.equal(sketchCount(10 * MiB), 22)
  t.equal(sketchCount(2 ** 50), 65_536, 'bounded for any size')
  t.equal(sampledCount(10 * MiB, 1), 11)
  t.equal(sampledCount(sketchFloorBytes, 5), 1)
  t.equal(sampledCount(100, 0), 0)
  t.end()
})

t.test('a sketch does not hang on how the bytes came, and has the right length', t => {
  fc.assert(
    fc.property(anchorList(200), fc.integer({ min: 1, max: 50 }), (anchors, portion) => {
      const size = 4 * MiB
      const whole = anchorsIn(sketchOf(anchors, size))
      const found = anchors.length / anchorBytes
      const distinct = new Set(
        Array.from({ length: found }, (_, index) =>
          Buffer.from(anchors.subarray(index * anchorBytes, (index + 1) * anchorBytes)).toString(
            'hex',
          ),
        ).slice(found < 3 ? 0 : 1, found < 3 ? found : found - 1),
      )
      return (
        whole.length === Math.min(sketchCount(size), distinct.size) &&
        whole.every(anchor => distinct.has(anchor)) &&
        whole.join() === anchorsIn(sketchOf(anchors, size, portion * anchorBytes)).join()
      )
    }),
  )
  t.end()
})

t.test('two contents that share most of their bytes share most of their sketch', t => {
  fc.assert(
    fc.property(fc.integer(), anchorList(20), (seed, own) => {
      const random = seededRandom(seed)
      const common = Uint8Array.from({ length: 400 * anchorBytes }, () => random() * 256)
      const size = 8 * MiB
      const one = new Set(anchorsIn(sketchOf(common, size)))
      const other = anchorsIn(sketchOf(new Uint8Array(Buffer.concat([own, common])), size))
      const shared = other.filter(anchor => one.has(anchor)).length
      // Each of the others' anchors, and the one at the edge, displaces at most one.
      return shared >= one.size - own.length / anchorBytes - 1
    }),
  )
  t.end()
})

t.test('repeated anchors count once', t => {
  const zeros = new Uint8Array(100_000 * anchorBytes)
  t.equal(anchorsIn(sketchOf(zeros, 100 * MiB)).length, 1)
  t.end()
})

t.test('positions and levels are kept in the packed form', t => {
  fc.assert(
    fc.property(anchorList(300), fc.integer({ min: 0, max: 2 ** 32 - 1 }), (anchors, prefix) => {
      const size = 16 * MiB
      const sketch = sketchOf(anchors, size)
      const packed = packSketch(sketch, prefix, 0).map(({ entry }) => entryAt(entry, 0))
      for (let halvings = 0; halvings < 4; halvings++) {
        const left = packed.filter(({ level }) => level >= halvings).length
        if (packed.length > 0 && left !== Math.max(1, Math.ceil(packed.length / 2 ** halvings))) {
          return false
        }
      }
      return packed.every(entry => entry.prefix === prefix && entry.position < positionSteps)
    }),
  )
  t.end()
})

const entries = fc
  .array(
    fc.record({ rest: fc.integer({ min: 0, max: 20 }), prefix: fc.integer({ min: 0, max: 5 }) }),
    { maxLength: 60 },
  )
  .map(
    list =>
      new Uint8Array(
        Buffer.concat(
          list.map(({ rest, prefix }) => {
            const sketch = new Uint8Array(sketchEntryBytes)
            sketch[4] = rest
            return packSketch(sketch, prefix, 0)[0]?.entry ?? new Uint8Array(0)
          }),
        ),
      ),
  )

const pairsOf = (row: Uint8Array): string[] =>
  Array.from({ length: entryCount(row) }, (_, index) => {
    const { rest, prefix } = entryAt(row, index)
    return `${rest} ${prefix}`
  })

t.test('merged rows are the sorted union, without what is not kept', t => {
  fc.assert(
    fc.property(entries, entries, (left, right) => {
      const empty = new Uint8Array(0)
      const clean = (row: Uint8Array): Uint8Array => mergeRows(sortEntries(row), empty, () => true)
      const row = mergeRows(clean(left), sortEntries(right), ({ prefix }) => prefix !== 3)
      const pairs = pairsOf(row)
      const expected = new Set(
        [...pairsOf(left), ...pairsOf(right)].filter(pair => !pair.endsWith(' 3')),
      )
      return (
        pairs.length === expected.size &&
        pairs.every(pair => expected.has(pair)) &&
        Array.from({ length: 21 }, (_, rest) => findAnchor(row, rest).length).reduce(
          (sum, count) => sum + count,
          0,
        ) === pairs.length
      )
    }),
  )
  t.end()
})
