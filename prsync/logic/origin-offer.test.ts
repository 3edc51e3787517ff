import fc from 'fast-check'
import t from 'tap'
import {
  firstContactMs,
  firstShareGraceMs,
  originStealMs,
  peerSilenceMs,
} from '../../core/limits.ts'
import { type OfferView, originOffer } from './origin-offer.ts'
import { hashText, pieceWeight } from './rendezvous.ts'

const usual: OfferView = {
  missing: [0, 1, 2, 3, 4, 5, 6, 7],
  ageMs: 60_000,
  introduced: true,
  pending: 0,
  availability: () => 0,
  rank: piece => (piece % 3 === 1 ? 0 : 1),
  isFetched: () => false,
  weight: piece => 100 - piece,
  starvingMs: 0,
  stolen: 0,
  slots: 10,
}

const none = { pieces: [], stolen: false }

t.test('only the own share is asked for, what is surest to stay one’s own first', t => {
  t.strictSame(originOffer(usual), { pieces: [1, 4, 7], stolen: false })
  t.strictSame(originOffer({ ...usual, slots: 2 }).pieces, [1, 4])
  t.strictSame(originOffer({ ...usual, weight: piece => piece }).pieces, [7, 4, 1])
  t.strictSame(originOffer({ ...usual, slots: 0 }), none)
  t.end()
})

t.test('what a peer offers, or is fetching, is left to it, even in the own share', t => {
  t.strictSame(
    originOffer({ ...usual, availability: piece => (piece === 4 ? 1 : 0) }).pieces,
    [1, 7],
  )
  t.strictSame(originOffer({ ...usual, isFetched: piece => piece === 4 }).pieces, [1, 7])
  t.end()
})

t.test('at the start it hears the tracker and the peers first, but not for ever', t => {
  const start = { ...usual, ageMs: 10 }
  t.strictSame(originOffer({ ...start, introduced: false }), none)
  t.strictSame(originOffer({ ...start, pending: 1 }), none)
  t.strictSame(originOffer(start).pieces, [1, 4, 7])
  t.strictSame(
    originOffer({ ...start, introduced: false, ageMs: firstShareGraceMs }).pieces,
    [1, 4, 7],
  )
  t.strictSame(originOffer({ ...start, pending: 1, ageMs: firstContactMs }).pieces, [1, 4, 7])
  t.end()
})

t.test('who starves takes pieces of others’ shares, one after the other', t => {
  const idle = { ...usual, missing: [0, 2, 3, 5] }
  t.strictSame(originOffer(idle), none, 'while something comes there is time')
  const starving = { ...idle, starvingMs: originStealMs }
  t.strictSame(originOffer(starving), { pieces: [0], stolen: true })
  t.strictSame(originOffer({ ...starving, stolen: 1 }), none)
  t.strictSame(originOffer({ ...starving, isFetched: piece => piece === 0 }).pieces, [2])
  t.strictSame(originOffer({ ...starving, missing: [0, 1, 2] }), { pieces: [1], stolen: false })
  const third = { ...starving, rank: (piece: number) => (piece === 3 ? 1 : 2) }
  t.strictSame(originOffer(third).pieces, [3], 'the next in line comes first')
  t.strictSame(originOffer({ ...third, starvingMs: 2 * originStealMs }).pieces, [0])
  t.end()
})

t.test('peers that offer or claim everything and deliver nothing are not waited for', t => {
  const liars = { ...usual, availability: () => 1, isFetched: () => true }
  t.strictSame(originOffer({ ...liars, starvingMs: originStealMs }), none)
  const long = { ...liars, starvingMs: peerSilenceMs }
  t.strictSame(originOffer(long), { pieces: [0], stolen: true })
  t.end()
})

const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 20 }), {
  minLength: 1,
  maxLength: 20,
})

/** To whom a piece belongs; the greater name wins if two have the same weight. */
const ownerOf = (piece: number, all: readonly string[]): string =>
  [...all].sort(
    (a, b) => pieceWeight(hashText(b), piece) - pieceWeight(hashText(a), piece) || (a < b ? 1 : -1),
  )[0] ?? ''

t.test('the shares of all volunteers together are every piece once', t => {
  fc.assert(
    fc.property(names, fc.uniqueArray(fc.nat(500), { maxLength: 100 }), (all, missing) => {
      const asked = all.flatMap(
        name =>
          originOffer({
            ...usual,
            missing,
            rank: piece => (ownerOf(piece, all) === name ? 0 : 1),
            weight: piece => pieceWeight(hashText(name), piece),
            slots: 1_000,
          }).pieces,
      )
      return asked.length === missing.length && new Set(asked).size === missing.length
    }),
  )
  t.end()
})

t.test('who joins or leaves moves only its own pieces', t => {
  fc.assert(
    fc.property(names, fc.string({ minLength: 1, maxLength: 20 }), (all, newcomer) => {
      fc.pre(!all.includes(newcomer))
      for (let piece = 0; piece < 100; piece++) {
        const after = ownerOf(piece, [...all, newcomer])
        if (after !== newcomer && after !== ownerOf(piece, all)) return false
      }
      return true
    }),
  )
  t.end()
})

t.test('the weights are those of docs/PROTOCOL.md', t => {
  const hash = hashText(`${'cd'.repeat(20)} chemistry`)
  t.equal(hash, 71_854_983)
  t.equal(pieceWeight(hash, 0), 4_200_355_935)
  t.equal(pieceWeight(hash, 7), 731_096_860)
  t.end()
})

t.test('shares are about equal', t => {
  const all = Array.from({ length: 10 }, (_, k) => `volunteer-${k}`)
  const counts = new Map<string, number>()
  for (let piece = 0; piece < 2000; piece++) {
    const owner = ownerOf(piece, all)
    counts.set(owner, (counts.get(owner) ?? 0) + 1)
  }
  for (const [name, count] of counts) t.ok(count > 140 && count < 260, `${name}: ${count}`)
  t.equal(counts.size, 10)
  t.end()
})
