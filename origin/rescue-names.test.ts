import t, { type Test } from 'tap'
import type { Clock } from '../core/clock.ts'
import { rescueCheckMs, rescueRetryMs } from '../core/healing-limits.ts'
import type { RepoPath, Sha256, VolunteerName } from '../core/ids.ts'
import { silentLogger } from '../core/log.ts'
import { signLink } from '../delivery/links.ts'
import type { VolunteerRecord } from '../tracker/events.ts'
import type { Candidate } from '../tracker/logic/views.ts'
import { RescueNames } from './rescue-names.ts'

const ada = 'ada' as VolunteerName
const zone = 'mirrors.example.org'
const path = 'pool/a.deb' as RepoPath
const secret = Buffer.alloc(32, 7)

const make = (t: Test, change: Partial<VolunteerRecord> = {}) => {
  const record: VolunteerRecord = {
    ...{ name: ada, url: 'http://192.0.2.1', publicKey: 'k'.repeat(43), trust: 'full' },
    ...{ linkKey: secret.toString('base64'), reachable: true, enrolledMs: 0, weight: 1 },
    ...{ disabled: false, draining: false, ...change },
  }
  const time = { ms: 1_000_000 }
  const clock: Clock = { nowMs: () => time.ms, monotonicMs: () => time.ms }
  const state = { alive: true, probed: [] as string[] }
  const dns = new Map([
    [`ada.${zone}`, ['192.0.2.1', '192.0.2.9']],
    [`only-ada.${zone}`, ['192.0.2.1']],
    ['192.0.2.1', ['192.0.2.1']],
  ])
  const names = new RescueNames(
    {
      ...{ clock, logger: silentLogger },
      tracker: {
        volunteer: name => (name === ada ? record : null),
        candidates: () => [{ record } as Candidate],
      },
      prober: {
        probe: async ({ url }) => {
          state.probed.push(url)
          return state.alive ? { reachable: true } : { reachable: false, reason: 'silence' }
        },
      },
      addressesOf: async host => {
        const found = dns.get(host)
        if (found === undefined) throw new Error(`no such name: ${host}`)
        return found
      },
    },
    { zone, originUrl: 'http://repo.example.org/' },
  )
  t.teardown(() => names.stop())
  return { names, dns, state, time, url: record.url }
}

t.test('a name is used once it is known to lead to the volunteer and the origin', async t => {
  const { names, dns, state, time, url } = make(t)
  t.equal(names.baseOf(ada, url), null)
  await names.check()
  t.equal(names.baseOf(ada, url), `http://ada.${zone}`)
  t.strictSame(state.probed, [`http://only-ada.${zone}`], 'by that name')
  t.equal(names.baseOf(ada, 'http://192.0.2.7'), null, 'not for another URL')
  dns.set(`ada.${zone}`, ['192.0.2.1'])
  time.ms += rescueCheckMs
  await names.check()
  t.equal(names.baseOf(ada, url), null, 'the origin is missing')
  dns.delete(`ada.${zone}`)
  time.ms += rescueCheckMs
  await names.check()
  t.equal(names.baseOf(ada, url), null)
})

t.test('where it cannot be, or does not answer by the name, its own URL is used', async t => {
  const other = make(t, { url: 'http://192.0.2.1:81' })
  await other.names.check()
  t.equal(other.names.baseOf(ada, other.url), null)
  t.strictSame(other.state.probed, [])
  const deaf = make(t)
  deaf.state.alive = false
  await deaf.names.check()
  t.equal(deaf.names.baseOf(ada, deaf.url), null)
})

t.test('a name that did not work is looked at again soon, then less and less often', async t => {
  const { names, state, time, url } = make(t)
  state.alive = false
  const looks: number[] = []
  for (const endMs = time.ms + 4 * rescueCheckMs; time.ms < endMs; time.ms += rescueRetryMs) {
    const before = state.probed.length
    await names.check()
    if (state.probed.length > before) looks.push(time.ms)
  }
  const waits = looks.slice(1).map((atMs, index) => atMs - (looks[index] ?? 0))
  t.equal(waits[0], rescueRetryMs)
  t.equal(waits[1], 2 * rescueRetryMs)
  t.ok(waits.every(wait => wait <= rescueCheckMs))
  t.equal(waits.at(-1), rescueCheckMs)
  state.alive = true
  time.ms += rescueCheckMs
  await names.check()
  t.equal(names.baseOf(ada, url), `http://ada.${zone}`)
})

t.test('a client is sent on once, and to the living only', async t => {
  const { names } = make(t)
  t.equal(await names.sendOn('client', ada, path), null, 'unchecked')
  await names.check()
  t.equal(await names.sendOn('client', ada, path), `http://only-ada.${zone}`)
  t.equal(await names.sendOn('client', ada, path), null, 'it came back')
  t.equal(await names.sendOn('other', ada, path), `http://only-ada.${zone}`)
  t.equal(await names.sendOn('client', 'zoe' as VolunteerName, path), null)
  const dead = make(t)
  await dead.names.check()
  dead.state.alive = false
  t.equal(await dead.names.sendOn('client', ada, path), null)
})

t.test('only genuine links count', async t => {
  const { names, time } = make(t)
  const sha256 = 'ab'.repeat(32) as Sha256
  const expiresSeconds = time.ms / 1000 + 100
  const query = signLink({ volunteer: ada, secret }, { path, sha256, expiresSeconds })
  t.equal(names.linkedContent(ada, path, query), sha256)
  t.equal(names.linkedContent(ada, 'pool/b.deb' as RepoPath, query), null)
  t.equal(names.linkedContent('zoe' as VolunteerName, path, query), null)
  t.equal(names.linkedContent(ada, path, ''), null)
  time.ms += 200_000
  t.equal(names.linkedContent(ada, path, query), null, 'expired')
})
