import type Wire from 'bittorrent-protocol'
import t from 'tap'
import { wholeRun } from './logic/runs.ts'
import { MemberPiece } from './member-piece.ts'

const KiB = 1024
const one = { name: 'one' } as unknown as Wire
const two = { name: 'two' } as unknown as Wire

t.test('only what is lacking is reserved, in blocks, and given back', async t => {
  const lacking = [
    { offset: 5, length: 10 },
    { offset: 1000, length: 20 * KiB },
  ]
  const piece = new MemberPiece(64 * KiB, { lacking })
  t.ok(piece.open)
  t.ok(piece.isPartlyLocal)
  t.equal(piece.lackingBytes, 10 + 20 * KiB)
  const blocks = [piece.reserve(), piece.reserve(), piece.reserve()]
  t.strictSame(
    blocks.map(block => [piece.chunkOffset(block), piece.chunkLength(block)]),
    [
      [5, 10],
      [1000, 16 * KiB],
      [1000 + 16 * KiB, 4 * KiB],
    ],
  )
  t.equal(piece.reserve(), -1)
  t.notOk(piece.open)
  piece.cancel(1)
  t.ok(piece.open)
  t.strictSame(piece.reserveAll(), [1])
  t.equal(piece.take(), null, 'not complete')
  t.equal(piece.set(0, Buffer.alloc(10, 1), one), false)
  t.equal(piece.set(2, Buffer.alloc(4 * KiB, 3), one), false)
  t.equal(piece.set(1, Buffer.alloc(16 * KiB, 2), two), true)
  t.strictSame(piece.sources, [one, two])
  t.strictSame(
    piece.take()?.map(({ offset, data }) => [offset, data.length, data[0]]),
    [
      [5, 10, 1],
      [1000, 16 * KiB, 2],
      [1000 + 16 * KiB, 4 * KiB, 3],
    ],
  )
  t.notOk(piece.open)
  t.equal(piece.reserve(), -1)
})

t.test('a piece of which nothing is here is as it was', async t => {
  for (const lacking of [null, wholeRun(40 * KiB)]) {
    const piece = new MemberPiece(40 * KiB, { lacking })
    t.notOk(piece.isPartlyLocal)
    t.equal(piece.lackingBytes, 40 * KiB)
    t.strictSame(piece.reserveAll(), [0, 1, 2])
    t.equal(piece.set(0, Buffer.alloc(40 * KiB, 7), one), true)
  }
})

t.test('the right bytes show who lied', async t => {
  const bad = new MemberPiece(48 * KiB, { lacking: [{ offset: 100, length: 32 * KiB }] })
  bad.reserveAll()
  bad.set(0, Buffer.alloc(16 * KiB, 1), one)
  bad.set(1, Buffer.alloc(16 * KiB, 2), two)
  const suspects = bad.suspectsIn(bad.take() ?? [])
  const piece = new MemberPiece(48 * KiB, { sole: true, suspects })
  const right = Buffer.alloc(48 * KiB, 1)
  t.strictSame([...piece.liarsAgainst(right)], [two])
  right.fill(2, 100 + 16 * KiB)
  t.strictSame([...piece.liarsAgainst(right)], [], 'the local bytes were wrong')
  right[100] = 9
  t.strictSame([...piece.liarsAgainst(right)], [one])
})

t.test('a sole piece is for one connection until it gives up', async t => {
  const piece = new MemberPiece(48 * KiB, { sole: true, lacking: wholeRun(48 * KiB) })
  t.ok(piece.mayAsk(one))
  piece.reserve()
  piece.asked(one)
  t.ok(piece.mayAsk(one))
  t.notOk(piece.mayAsk(two))
})
