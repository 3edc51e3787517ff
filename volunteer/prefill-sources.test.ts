import t from 'tap'
import { neighbourPauseMs } from '../core/delta-limits.ts'
import { MirrorswarmError } from '../core/errors.ts'
import type { InfoHash, VolunteerName } from '../core/ids.ts'
import { announcedTorrents } from '../core/limits.ts'
import type { Bundle, Content } from '../manifest/model.ts'
import type { TorrentPeers } from '../tracker/messages.ts'
import { PrefillSources } from './prefill-sources.ts'

const never = new AbortController().signal
const infoHash = 'aa'.repeat(20) as InfoHash
const content = { number: 7 } as Content
const other = { number: 8 } as Content

const peer = (name: string, complete: boolean) => ({
  name: name as VolunteerName,
  host: '127.0.0.1',
  port: 1,
  complete,
})

const torrent = (peers: TorrentPeers['peers'], hash = infoHash): TorrentPeers => ({
  infoHash: hash,
  peers,
  share: { index: 0, count: 1 },
})

const world = () => {
  let nowMs = 1000
  const posted: string[] = []
  let failure: unknown = null
  const sources = new PrefillSources({
    roster: {
      urlOf: name => (name === ('unknown' as VolunteerName) ? null : `https://${name}.example`),
    },
    reader: { bundleByInfoHash: () => ({ members: [7] }) as unknown as Bundle },
    post: async ({ url }) => {
      posted.push(url)
      if (failure !== null) throw failure
      return (async function* () {
        yield Buffer.of(1)
      })()
    },
    origin: { name: 'origin', send: async () => t.fail('nobody asked it') as never },
    clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
    random: () => 0,
  })
  return {
    sources,
    posted,
    names: (of: Content = content) => sources.of(of).map(({ name }) => name),
    fail: (error: unknown) => {
      failure = error
    },
    pass: (ms: number) => {
      nowMs += ms
    },
  }
}

t.test('those who hold all of a torrent are asked before the origin', async t => {
  const { sources, names, posted } = world()
  t.same(names(), ['origin'])
  const peers = [peer('half', false), peer('unknown', true), peer('a', true), peer('b', true)]
  sources.update([torrent([...peers, peer('c', true)])])
  t.same(names(), ['a', 'b', 'origin'], 'a few of them')
  t.same(names(other), ['origin'], 'not for other contents')
  await sources.of(content)[0]?.send(Buffer.of(1), never)
  t.same(posted, ['https://a.example'])
  sources.update([torrent([peer('half', false)])])
  t.same(names(), ['origin'], 'as long as the tracker says so')
})

t.test('one that failed is left alone for a while', async t => {
  const { sources, names, fail, pass } = world()
  sources.update([torrent([peer('a', true)])])
  const ask = (signal = never) => sources.of(content)[0]?.send(Buffer.of(1), signal)
  fail(new MirrorswarmError('MS_CONTENT_NOT_HELD', 'not held'))
  await t.rejects(Promise.resolve(ask()), { code: 'MS_CONTENT_NOT_HELD' })
  t.same(names(), ['a', 'origin'], 'not for not holding something')
  fail(new MirrorswarmError('MS_REQUEST_INVALID', 'unknown'))
  await t.rejects(Promise.resolve(ask()), { code: 'MS_REQUEST_INVALID' })
  t.same(names(), ['a', 'origin'], 'nor for being older')
  fail(new Error('stopped'))
  await t.rejects(Promise.resolve(ask(AbortSignal.abort(new Error('stopped')))), /stopped/)
  t.same(names(), ['a', 'origin'], 'nor when the work was cancelled')
  fail(new MirrorswarmError('MS_REMOTE_UNREACHABLE', 'no route'))
  await t.rejects(Promise.resolve(ask()), { code: 'MS_REMOTE_UNREACHABLE' })
  t.same(names(), ['origin'])
  pass(neighbourPauseMs)
  t.same(names(), ['a', 'origin'])
})

t.test('only so many torrents are remembered', async t => {
  const { sources, names } = world()
  sources.update([torrent([peer('first', true)])])
  for (let i = 0; i < announcedTorrents; i += 1) {
    sources.update([torrent([peer('later', true)], String(i).padStart(40, '0') as InfoHash)])
  }
  t.notOk(names().includes('first'))
})
