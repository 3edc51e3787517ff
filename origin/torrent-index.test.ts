import { join } from 'node:path'
import t from 'tap'
import type { InfoHash } from '../core/ids.ts'
import { TorrentIndex } from './torrent-index.ts'

const hash = (digit: string): InfoHash => digit.repeat(40) as InfoHash

t.test('torrents are remembered over a restart, the newest of them', async t => {
  const file = join(t.testdir(), 'torrents.db')
  const first = new TorrentIndex(file, 2)
  first.remember(hash('a'), 1)
  first.remember(hash('a'), 1)
  first.remember(hash('b'), 2)
  first.remember(hash('c'), 3)
  first.close()
  const second = new TorrentIndex(file, 2)
  t.teardown(() => second.close())
  t.equal(second.find(hash('a')), null)
  t.equal(second.find(hash('b')), 2)
  t.equal(second.find(hash('c')), 3)
  t.equal(second.find(hash('d')), null)
})
