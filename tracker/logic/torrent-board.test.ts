import t from 'tap'
import { seededRandom } from '../../core/clock.ts'
import type { InfoHash, VolunteerName } from '../../core/ids.ts'
import { infoHash } from '../fixtures/samples.ts'
import { Holdings } from '../holdings.ts'
import { type BoardPeer, TorrentBoard } from './torrent-board.ts'

const random = seededRandom(1)
const torrents = new Map([
  [infoHash('a'), [1, 2, 3]],
  [infoHash('b'), [70_000]],
])
const newBoard = () => new TorrentBoard(hash => torrents.get(hash) ?? null)

const peer = (name: string, change: Partial<BoardPeer> = {}): BoardPeer => ({
  name: name as VolunteerName,
  address: { name: name as VolunteerName, host: name, port: 1 },
  reachable: true,
  gives: true,
  downloads: [],
  contents: null,
  losses: 0,
  ...change,
})
const downloader = (name: string, ...downloads: InfoHash[]) => peer(name, { downloads })
const peerNames = (board: TorrentBoard, name: string) =>
  board.handOut(name as VolunteerName, random).map(({ peers }) => peers.map(one => one.name))
const news = (board: TorrentBoard, name: string) => board.newsFor(name as VolunteerName)

t.test('downloaders hear of each other and of who holds everything', async t => {
  const board = newBoard()
  board.update(peer('full', { contents: Holdings.of([1, 2, 3]) }))
  board.update(peer('part', { contents: Holdings.of([1, 3]) }))
  board.update(peer('rest', { contents: Holdings.of([1, 2, 3]), gives: false }))
  board.update(downloader('one', infoHash('a')))
  board.update(downloader('two', infoHash('a'), infoHash('b')))
  t.strictSame(peerNames(board, 'one'), [['full', 'two']])
  t.strictSame(peerNames(board, 'two'), [['full', 'one'], []])
  t.strictSame(
    board.handOut('two' as VolunteerName, random).map(({ share }) => share),
    [
      { index: 1, count: 2, names: ['one', 'two'] },
      { index: 0, count: 1, names: ['two'] },
    ],
  )
  t.strictSame(peerNames(board, 'full'), [], 'who downloads nothing is told nothing')
})

t.test('torrents of others are not answered and cost nothing', async t => {
  const board = newBoard()
  board.update(downloader('one', infoHash('f'), infoHash('a')))
  t.equal(board.size, 1)
  t.strictSame(
    board.handOut('one' as VolunteerName, random).map(torrent => torrent.infoHash),
    [infoHash('a')],
  )
})

t.test('a torrent leaves the board with its last downloader', async t => {
  const board = newBoard()
  board.update(downloader('one', infoHash('a')))
  board.update(downloader('two', infoHash('a')))
  board.update(downloader('one'))
  t.equal(board.size, 1)
  board.remove('two' as VolunteerName)
  t.equal(board.size, 0)
})

t.test('there is news when peers or shares change, and none when only contents grow', async t => {
  const board = newBoard()
  const held = Holdings.of([1])
  board.update({ ...downloader('one', infoHash('a')), contents: held })
  board.update(downloader('two', infoHash('a')))
  const before = news(board, 'one')
  t.ok(before > 0)
  held.add(2)
  board.update({ ...downloader('one', infoHash('a')), contents: held })
  board.refreshAll()
  t.equal(news(board, 'one'), before)

  board.update(peer('new', { contents: Holdings.of([1, 2, 3]) }))
  board.refreshAll()
  const withHolder = news(board, 'one')
  t.ok(withHolder > before, 'a new holder')
  board.update(peer('new', { contents: Holdings.of([1, 2, 3]), address: null }))
  board.refreshAll()
  t.ok(news(board, 'one') > withHolder, 'it takes no connections any more')
  const last = news(board, 'one')
  board.update(downloader('two'))
  board.refreshAll()
  t.ok(news(board, 'one') > last, 'the other share has to be taken over')
})

t.test('joining a torrent is news to the joiner at once', async t => {
  const board = newBoard()
  board.update(downloader('one', infoHash('a')))
  board.update(downloader('two', infoHash('b')))
  const before = news(board, 'two')
  board.update(downloader('two', infoHash('b'), infoHash('a')))
  t.ok(news(board, 'two') > before)
})

t.test('a holder that loses a member is a holder no more', async t => {
  const board = newBoard()
  const held = Holdings.of([1, 2, 3])
  board.update(peer('full', { contents: held }))
  board.update(downloader('one', infoHash('a')))
  t.strictSame(peerNames(board, 'one'), [['full']])
  held.remove(1)
  board.update(peer('full', { contents: held, losses: 1 }))
  t.strictSame(peerNames(board, 'one'), [[]])
  held.add(1)
  t.strictSame(peerNames(board, 'one'), [['full']])
})
