import fc from 'fast-check'
import t from 'tap'
import { pieceCountFor, pieceLengthFor } from './piece-length.ts'

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB

t.test('the table of the wire format', async t => {
  const rows: [number, number][] = [
    [0, 64 * KiB],
    [1, 64 * KiB],
    [256 * KiB, 64 * KiB],
    [256 * KiB + 1, 256 * KiB],
    [4 * MiB, 256 * KiB],
    [4 * MiB + 1, MiB],
    [32 * MiB - 1, MiB],
    [32 * MiB, MiB],
    [1000 * MiB, MiB],
    [1000 * MiB + 1, 2 * MiB],
    [8 * GiB, 16 * MiB],
    [100 * GiB, 16 * MiB],
  ]
  for (const [size, length] of rows) t.equal(pieceLengthFor(size), length, `${size} bytes`)
})

t.test('pieces cover a content, and only just', async t => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 45 }), size => {
      const length = pieceLengthFor(size)
      const count = pieceCountFor(size)
      return count * length >= size && (count - 1) * length < size
    }),
  )
  t.equal(pieceCountFor(0), 0)
})
