import t from 'tap'
import { seededRandom } from '../../core/clock.ts'
import type { VolunteerName } from '../../core/ids.ts'
import { peersPerHandout } from '../../core/limits.ts'
import { choosePeers, type HandoutPeer, shareOf } from './peer-handout.ts'

const named = (name: string) => name as VolunteerName
const peer = (name: string, finished: boolean, reachable = true): HandoutPeer => ({
  address: { name: named(name), host: name, port: 1 },
  finished,
  reachable,
})

t.test('finished peers come first, unreachable ones last, the asker never', async t => {
  const peers = [
    peer('far', true, false),
    peer('me', true),
    peer('half', false),
    peer('done', true),
    peer('lost', false, false),
  ]
  for (let seed = 0; seed < 20; seed++) {
    const names = choosePeers(named('me'), peers, seededRandom(seed)).map(({ name }) => name)
    t.strictSame(names, ['done', 'half', 'far', 'lost'])
  }
})

t.test('a handout is bounded, and chance decides within a rank', async t => {
  const peers = Array.from({ length: 200 }, (_, k) => peer(`v${k}`, k % 2 === 0))
  const one = choosePeers(named('x'), peers, seededRandom(1))
  const other = choosePeers(named('x'), peers, seededRandom(2))
  t.equal(one.length, peersPerHandout)
  t.ok(one.every(({ name }) => Number(name.slice(1)) % 2 === 0))
  t.notSame(one, other)
})

t.test('shares divide a torrent among its downloaders, in the order of their names', async t => {
  const names = ['c', 'a', 'b'].map(named)
  t.strictSame(
    names.map(name => shareOf(name, names)),
    [
      { index: 2, count: 3, names: ['a', 'b', 'c'] },
      { index: 0, count: 3, names: ['a', 'b', 'c'] },
      { index: 1, count: 3, names: ['a', 'b', 'c'] },
    ],
  )
  t.strictSame(shareOf(named('z'), []), { index: 0, count: 1, names: ['z'] })
  const many = Array.from({ length: 200 }, (_, k) => named(`v${k}`))
  t.equal(shareOf(named('x'), many).names?.length, peersPerHandout)
})
