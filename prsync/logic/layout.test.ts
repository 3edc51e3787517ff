import fc from 'fast-check'
import t from 'tap'
import { hashedLength, layoutOf, piecesOf, placeOf } from './layout.ts'

const sizes = fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 40 })

t.test('every byte of every member lies in exactly one piece, in order', t => {
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 700 }), (sizes, pieceLengthBytes) => {
      const layout = layoutOf(pieceLengthBytes, sizes)
      const covered = sizes.map(() => 0)
      for (let index = 0; index < layout.pieceCount; index++) {
        const place = placeOf(layout, index)
        if (covered[place.member] !== place.offset) return false
        if (place.lengthBytes < 1 || place.lengthBytes > pieceLengthBytes) return false
        covered[place.member] = place.offset + place.lengthBytes
        if (piecesOf(layout, place.member).first + place.ordinal !== index) return false
      }
      return covered.every((bytes, member) => bytes === sizes[member])
    }),
  )
  t.end()
})

t.test('only the very last piece of a bundle is hashed without padding', t => {
  const layout = layoutOf(100, [150, 30, 250])
  t.equal(layout.pieceCount, 6)
  t.strictSame(
    [0, 1, 2, 3, 4, 5].map(index => hashedLength(layout, index)),
    [100, 100, 100, 100, 100, 50],
  )
  t.equal(placeOf(layout, 1).lengthBytes, 50)
  t.end()
})

t.test('an empty member or a piece out of range is a fault of the caller', t => {
  t.throws(() => layoutOf(100, [0]))
  t.throws(() => layoutOf(0, [1]))
  t.throws(() => placeOf(layoutOf(100, [100]), 1))
  t.throws(() => placeOf(layoutOf(100, [100]), -1))
  t.end()
})
