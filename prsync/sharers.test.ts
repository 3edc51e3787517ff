import t from 'tap'
import { claimMs, ownerGoneMs, ownerSilenceMs } from '../core/limits.ts'
import { Sharers } from './sharers.ts'

const pieceCount = 400
const all = Array.from({ length: pieceCount }, (_, piece) => piece)

const make = (self: string, names: readonly string[] | null): Sharers => {
  const sharers = new Sharers({ salt: 'torrent', self, pieceCount })
  sharers.setShare(names === null ? null : { index: 0, count: names.length, names })
  return sharers
}

const owned = (sharers: Sharers): number[] => all.filter(piece => sharers.rank(piece) === 0)

const wishes = (pieces: readonly number[]): Buffer => {
  const bits = Buffer.alloc(pieceCount / 8)
  for (const piece of pieces) bits[piece >> 3] = (bits[piece >> 3] ?? 0) | (0x80 >> (piece & 7))
  return bits
}

t.test('everybody owns other pieces, together all, and each next in line takes over its own', t => {
  const names = ['a', 'b', 'c']
  const each = names.map(name => make(name, names))
  t.strictSame(
    each.flatMap(owned).sort((x, y) => x - y),
    all,
  )
  for (const piece of all) {
    t.strictSame(each.map(sharers => sharers.rank(piece)).sort(), [0, 1, 2])
  }
  const without = owned(make('a', ['a', 'b']))
  const [a] = each
  t.ok(a && owned(a).every(piece => without.includes(piece)), 'only the share of c is divided')
  t.end()
})

t.test('alone, or before the tracker has spoken, everything is one’s own', t => {
  t.strictSame(owned(make('a', null)), all)
  t.strictSame(owned(make('a', ['a'])), all)
  t.strictSame(owned(make('a', ['b'])), [], 'and nothing, for whom the tracker does not name')
  t.end()
})

t.test('a tracker that only counts is understood', t => {
  const sharers = new Sharers({ salt: 'torrent', self: 'a', pieceCount })
  sharers.setShare({ index: 1, count: 4 })
  t.ok(owned(sharers).length > 50 && owned(sharers).length < 150)
  sharers.setShare({ index: 1e9, count: 1e12 })
  t.ok(owned(sharers).length < 50)
  t.end()
})

t.test('who leaves is not waited for, but one of two connections may end', t => {
  const sharers = make('a', ['a', 'b'])
  const half = owned(sharers)
  const first = sharers.join('b', 0)
  const second = sharers.join('b', 0)
  sharers.leave(first, 10)
  sharers.tick(10 + ownerGoneMs)
  t.strictSame(owned(sharers), half)
  sharers.leave(second, 1_000)
  sharers.tick(1_000)
  t.strictSame(owned(sharers), half, 'it may come back at once')
  sharers.tick(1_000 + ownerGoneMs)
  t.strictSame(owned(sharers), all)
  const again = sharers.join('b', 3_000)
  t.strictSame(owned(sharers), half)
  sharers.leave(again, 4_000)
  sharers.tick(4_000 + ownerGoneMs)
  t.strictSame(owned(sharers), all)
  sharers.tick(4_000 + claimMs)
  t.strictSame(owned(sharers), half, 'the tracker has named it all the time')
  t.end()
})

t.test('only those count who want a piece, ask the origin, and say something now and then', t => {
  const sharers = make('a', ['a', 'b'])
  const half = owned(sharers)
  const b = sharers.join('b', 0)
  sharers.told(b, { kind: 'wants', pieces: wishes([]) }, 0)
  t.strictSame(owned(sharers), all)
  sharers.told(b, { kind: 'wants', pieces: wishes(all) }, 0)
  t.strictSame(owned(sharers), half)
  sharers.told(b, { kind: 'fetching', pieces: [], asks: false }, 0)
  t.strictSame(owned(sharers), all)
  sharers.told(b, { kind: 'fetching', pieces: [], asks: true }, 0)
  t.strictSame(owned(sharers), half)
  sharers.tick(ownerSilenceMs)
  t.strictSame(owned(sharers), all)
  sharers.heard(b, ownerSilenceMs)
  t.strictSame(owned(sharers), half)
  t.end()
})

t.test('what others are fetching is known until they have it, fail, leave or take too long', t => {
  const sharers = make('a', ['a', 'b'])
  const b = sharers.join('b', 0)
  const c = sharers.join('c', 0)
  const fetching = (pieces: readonly number[]) =>
    ({ kind: 'fetching', pieces, asks: true }) as const
  sharers.told(b, fetching([1, 2, 3]), 0)
  sharers.told(c, fetching([3, 3]), 0)
  t.strictSame(
    all.filter(piece => sharers.isFetched(piece)),
    [1, 2, 3],
  )
  sharers.has(b, 1)
  sharers.has(b, 1)
  sharers.told(b, fetching([3]), 0)
  t.strictSame(
    all.filter(piece => sharers.isFetched(piece)),
    [3],
  )
  sharers.leave(c, 0)
  sharers.leave(c, 0)
  t.ok(sharers.isFetched(3))
  // It says so again and again, and never has it.
  for (let nowMs = 0; nowMs <= claimMs; nowMs += 1_000) {
    sharers.told(b, fetching([3]), nowMs)
    sharers.tick(nowMs)
  }
  t.notOk(sharers.isFetched(3))
  sharers.told(b, fetching([3, 4]), claimMs)
  t.strictSame(
    all.filter(piece => sharers.isFetched(piece)),
    [4],
  )
  sharers.tick(claimMs + ownerSilenceMs)
  t.notOk(sharers.isFetched(4))
  t.end()
})
