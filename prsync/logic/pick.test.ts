import fc from 'fast-check'
import t from 'tap'
import { pickPiece, pipelineDepth } from './pick.ts'

t.test('the rarest piece that nobody has begun is asked for, else a begun one', t => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          open: fc.boolean(),
          begun: fc.boolean(),
          availability: fc.integer({ min: 0, max: 5 }),
        }),
        { maxLength: 30 },
      ),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (pieces, chance) => {
        const picked = pickPiece({
          missing: pieces.keys(),
          open: piece => pieces[piece]?.open ?? false,
          begun: piece => pieces[piece]?.begun ?? false,
          availability: piece => pieces[piece]?.availability ?? 0,
          chance: () => chance,
        })
        const open = pieces.filter(piece => piece.open)
        if (open.length === 0) return picked === -1
        const fresh = open.filter(piece => !piece.begun)
        const pool = fresh.length > 0 ? fresh : open
        const rarest = Math.min(...pool.map(piece => piece.availability))
        const chosen = pieces[picked]
        return chosen !== undefined && pool.includes(chosen) && chosen.availability === rarest
      },
    ),
  )
  t.end()
})

t.test('between equals, chance decides', t => {
  const seen = new Set<number>()
  let next = 0
  for (let round = 0; round < 200; round++) {
    seen.add(
      pickPiece({
        missing: [1, 2, 3],
        open: () => true,
        begun: () => false,
        availability: () => 1,
        chance: () => {
          next = (next + 0.377) % 1
          return next
        },
      }),
    )
  }
  t.strictSame([...seen].sort(), [1, 2, 3])
  t.end()
})

t.test('a peer owes at most what it takes and what we allow', t => {
  t.equal(pipelineDepth(0, 16_384, undefined, 250), 4)
  t.equal(pipelineDepth(1e9, 16_384, undefined, 250), 250)
  t.equal(pipelineDepth(1e9, 16_384, 100, 250), 100)
  t.equal(pipelineDepth(1e9, 16_384, 'many', 250), 250)
  t.equal(pipelineDepth(1e9, 16_384, -5, 250), 250)
  t.end()
})
