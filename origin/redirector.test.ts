import t from 'tap'
import type { Clock } from '../core/clock.ts'
import type { RepoPath, Sha256, VolunteerName } from '../core/ids.ts'
import { repeatWindowMs, stickyMs } from '../core/limits.ts'
import { verifyLink } from '../delivery/links.ts'
import type { Content } from '../manifest/model.ts'
import type { Candidate } from '../tracker/logic/views.ts'
import { Redirector, type RedirectorParts, type RedirectRequest } from './redirector.ts'

const name = (text: string): VolunteerName => text as VolunteerName
const secret = Buffer.alloc(32, 7)

const volunteer = (text: string, change: Partial<Candidate> = {}): Candidate => ({
  name: name(text),
  url: `http://${text}.example`,
  record: {
    name: name(text),
    url: `http://${text}.example`,
    publicKey: 'k'.repeat(43),
    linkKey: secret.toString('base64'),
    trust: 'full',
    reachable: true,
    enrolledMs: 0,
    weight: 1,
    disabled: false,
    draining: false,
  },
  state: 'synced',
  snapshot: 1,
  limits: { uploadBytesPerSecond: null, maxClients: null },
  lastAnnounceMs: 1,
  reasons: [],
  clientBytesPerSecond: 0,
  syncBytesPerSecond: 0,
  activeClients: 0,
  has: () => true,
  ...change,
})

const content: Content = {
  number: 3,
  sha256: 'ab'.repeat(32) as Sha256,
  sizeBytes: 10_000,
  sha1: '',
  md5: '',
  md4: '',
  modifiedSeconds: 0,
  firstSnapshot: 1,
}

const asked = (change: Partial<RedirectRequest> = {}): RedirectRequest => ({
  client: '192.0.2.1 apt',
  https: false,
  path: 'pool/a.deb' as RepoPath,
  content,
  range: undefined,
  ...change,
})

const make = (volunteers: Candidate[], more: Partial<RedirectorParts> = {}) => {
  const time = { ms: 1_000_000 }
  const clock: Clock = { nowMs: () => time.ms, monotonicMs: () => time.ms }
  const list = { current: volunteers }
  const redirector = new Redirector({
    source: { candidates: () => list.current },
    clock,
    random: () => 0,
    ...more,
  })
  const ask = (request = asked()): string | null => {
    const decision = redirector.decide(request)
    redirector.record(request, decision)
    return decision.serveHere ? null : decision.chosen.candidate.name
  }
  return { redirector, time, list, ask }
}

t.test('a redirect carries a link that its volunteer accepts', async t => {
  const { redirector } = make([volunteer('ada')])
  const decision = redirector.decide(asked())
  if (decision.serveHere) throw new Error('nobody was chosen')
  const url = new URL(decision.location)
  t.equal(`${url.origin}${url.pathname}`, 'http://ada.example/pool/a.deb')
  const key = { volunteer: name('ada'), secret }
  t.same(verifyLink(key, asked().path, url.search, 1_000), { ok: true, sha256: content.sha256 })
})

t.test('a client that repeats itself gets another volunteer, then the origin', async t => {
  const { ask } = make([volunteer('ada'), volunteer('bob'), volunteer('cyd')])
  const first = ask()
  const second = ask()
  t.ok(first !== null && second !== null)
  t.not(first, second)
  t.equal(ask(), null, 'now the origin itself')
  t.ok(ask() !== null, 'and then it begins anew')
})

t.test('a volunteer that has left meanwhile was tried all the same', async t => {
  const { redirector, list, ask } = make([volunteer('ada')])
  t.equal(ask(), 'ada')
  list.current = [volunteer('bob'), volunteer('cyd')]
  t.strictSame(redirector.decide(asked()).tried, [], 'nobody can be told of it')
  t.not(ask(), null)
  t.equal(ask(), null, 'but it counts')
})

t.test('asking why changes nothing', async t => {
  const { redirector, ask } = make([volunteer('ada'), volunteer('bob')])
  const first = ask()
  for (let round = 0; round < 5; round++) redirector.decide(asked())
  const second = ask()
  t.ok(second !== null && second !== first)
})

t.test('other clients, other paths and later times are no repeats', async t => {
  const { ask, time } = make([volunteer('ada')])
  t.equal(ask(), 'ada')
  t.equal(ask(asked({ client: '192.0.2.2 apt' })), 'ada')
  t.equal(ask(asked({ path: 'pool/b.deb' as RepoPath })), 'ada')
  time.ms += repeatWindowMs + content.sizeBytes
  t.equal(ask(), 'ada')
})

t.test('a client stays with its volunteer for a while', async t => {
  const { ask, time, list } = make([volunteer('bob')])
  t.equal(ask(asked({ path: 'pool/0' as RepoPath })), 'bob')
  list.current = [volunteer('ada'), volunteer('bob'), volunteer('cyd')]
  for (let file = 1; file < 10; file++) {
    t.equal(ask(asked({ path: `pool/${file}` as RepoPath })), 'bob')
  }
  time.ms += stickyMs + 1
  t.not(ask(asked({ path: 'pool/10' as RepoPath })), 'bob', 'the least loaded of two then')
})

t.test('what was sent to a volunteer weighs until it can have been sent on', async t => {
  const limits = { uploadBytesPerSecond: 1_000_000, maxClients: null }
  const { redirector, list, time } = make([volunteer('ada', { limits })])
  const big = asked({ content: { ...content, sizeBytes: 15_000_000 } })
  redirector.record(big, redirector.decide(big))
  t.ok((redirector.explain(asked({ client: 'other' })).selection.accepted[0]?.load ?? 0) > 1)
  redirector.noteSent(name('ada'), 20_000_000)
  const other = redirector.explain(asked({ client: 'other' }))
  t.match(other.selection.refused, [{ reason: 'full-rate' }])
  time.ms += 10_000
  list.current = [volunteer('ada', { limits, lastAnnounceMs: 2 })]
  t.notOk(redirector.decide(asked({ client: 'other' })).serveHere)
})

t.test('a named volunteer is linked to only if it may serve', async t => {
  const { redirector } = make([volunteer('ada'), volunteer('bob', { has: () => false })])
  t.notOk(redirector.wasSentTo(asked(), name('ada')))
  t.match(redirector.linkIfAble(asked(), name('ada')), /^http:\/\/ada\.example\/pool\/a\.deb\?c=/)
  t.ok(redirector.wasSentTo(asked(), name('ada')), 'who comes back is sent elsewhere')
  t.notOk(redirector.wasSentTo(asked(), name('bob')))
  t.equal(redirector.linkIfAble(asked(), name('bob')), null)
  t.equal(redirector.linkIfAble(asked(), name('zoe')), null)
  t.equal(redirector.linkIfAble(asked({ https: true }), name('ada')), null)
})

t.test('where a mirror’s proof has just ended, somebody else is asked', async t => {
  const plain = (text: string): Candidate => {
    const one = volunteer(text)
    const mirror = { capacityBytesPerSecond: null, allowOpen: false }
    return { ...one, record: { ...one.record, mirror } }
  }
  const proved = new Map<string, RepoPath>([['right', 'other/path.deb' as RepoPath]])
  const parts = { provedPathOf: (of: VolunteerName) => proved.get(of) ?? null }
  const names = ['gone-a', 'gone-b', 'right', 'ada']
  const all = (): Candidate[] => [...names.slice(0, 3).map(plain), volunteer('ada')]
  const reached = new Set<string>()
  for (let client = 0; client < 40; client++) {
    const random = () => client / 40
    const { redirector } = make(all(), { ...parts, random })
    const decision = redirector.decide(asked({ client: `192.0.2.1 ${client}` }))
    if (decision.serveHere) throw new Error('two could serve it')
    reached.add(decision.location.split('?')[0] ?? '')
  }
  t.strictSame([...reached].sort(), [
    'http://ada.example/pool/a.deb',
    'http://right.example/other/path.deb',
  ])
  proved.clear()
  const { redirector } = make(all().slice(0, 3), parts)
  const { serveHere, selection } = redirector.explain(asked())
  t.equal(serveHere, true)
  t.strictSame(
    selection.refused.map(({ reason }) => reason),
    ['not-proved', 'not-proved', 'not-proved'],
  )
})
