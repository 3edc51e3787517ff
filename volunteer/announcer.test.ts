// The announcer against an origin that fails, forgets and answers nonsense.

import t, { type Test } from 'tap'
import { systemClock } from '../core/clock.ts'
import { MirrorswarmError } from '../core/errors.ts'
import type { RepositoryId } from '../core/ids.ts'
import { silentLogger } from '../core/log.ts'
import { AnnounceClient, type VolunteerStatus } from '../tracker/logic/announce-client.ts'
import type { AnnounceAnswer, AnnounceRequest } from '../tracker/messages.ts'
import { Announcer, wireReasons } from './announcer.ts'
import { until } from './test-mirror.ts'

const status: VolunteerStatus = {
  peerPort: null,
  scope: null,
  sync: { state: 'idle', wantedFiles: 0, wantedBytes: 0, heldFiles: 0, heldBytes: 0, torrents: [] },
  load: { clientBytesPerSecond: 0, syncBytesPerSecond: 0, activeClients: 0 },
  limits: { uploadBytesPerSecond: null, maxClients: null },
  draining: false,
  reasons: [],
}

const answerTo = (request: AnnounceRequest): AnnounceAnswer => ({
  nowMs: 1_000_000,
  intervalMs: 10_000,
  snapshot: { epoch: 1, number: 1 },
  holdingsVersion: request.holdings?.version ?? null,
  wantFull: false,
  torrents: [],
  drain: false,
  state: 'synced',
  tag: 'tag',
})

/** An origin that holds long polls until they are aborted, unless `answer` says otherwise. */
const prepare = (t: Test, answer: (request: AnnounceRequest) => AnnounceAnswer | null) => {
  const client = new AnnounceClient({ session: 'one' })
  client.setManifest({ repositoryId: 'a'.repeat(64) as RepositoryId, epoch: 1, snapshot: 1 })
  const requests: AnnounceRequest[] = []
  const heard: AnnounceAnswer[] = []
  const announcer = new Announcer(
    {
      client,
      send: async (request, signal) => {
        requests.push(structuredClone(request))
        const now = answer(request)
        if (now !== null) return now
        return await new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true })
        })
      },
      status: () => ({ ...status }),
      onAnswer: each => heard.push(each),
      newSession: () => 'two',
      clock: systemClock,
      random: () => 0,
      logger: silentLogger,
    },
    { intervalMs: 10_000 },
  )
  let stopping: Promise<void> | null = null
  const stop = (): Promise<void> => {
    stopping ??= announcer.stop()
    return stopping
  }
  t.teardown(stop)
  return { announcer, client, requests, heard, stop }
}

const holdPolls = (request: AnnounceRequest): AnnounceAnswer | null =>
  request.waitMs > 0 ? null : answerTo(request)

t.test('when idle there is one long poll and nothing else', async t => {
  const { announcer, requests } = prepare(t, holdPolls)
  announcer.start()
  await until('the poll stands', () => requests.some(request => request.waitMs > 0))
  const count = requests.length
  await new Promise(resolve => setTimeout(resolve, 1200))
  t.equal(requests.length, count)
  t.ok(count <= 2, 'the full state, and the poll')
  t.equal(requests.at(-1)?.waitMs, 10_000)
})

t.test('what changed is announced at once, beside the poll', async t => {
  const { announcer, client, requests } = prepare(t, holdPolls)
  announcer.start()
  await until('the poll stands', () => requests.some(request => request.waitMs > 0))
  const start = performance.now()
  for (let content = 0; content < 500; content++) {
    client.hold(content)
    announcer.nudge()
  }
  await until('it is told', () => client.upToDate)
  t.ok(performance.now() - start < 400)
  t.ok(requests.length <= 5, 'many changes, few announces')
})

t.test('a nudge without news is not worth an announce', async t => {
  const { announcer, requests } = prepare(t, holdPolls)
  announcer.start()
  await until('the poll stands', () => requests.some(request => request.waitMs > 0))
  const count = requests.length
  announcer.nudge()
  await new Promise(resolve => setTimeout(resolve, 300))
  t.equal(requests.length, count)
})

t.test('a failing origin is asked again, and nothing is lost', async t => {
  let failures = 2
  const { announcer, client, requests } = prepare(t, request => {
    if (failures-- > 0) throw new MirrorswarmError('MS_ANSWER_INVALID', 'garbage')
    return holdPolls(request)
  })
  announcer.start()
  client.hold(7)
  await until('it is heard', () => announcer.isHeard && client.upToDate)
  t.ok(requests.length >= 3)
})

t.test('a replaced session begins anew', async t => {
  let refused = false
  const { announcer, requests, client } = prepare(t, request => {
    if (request.session !== 'one') return holdPolls(request)
    refused = true
    throw new MirrorswarmError('MS_NAME_TAKEN', 'another daemon')
  })
  announcer.start()
  await until('it is heard', () => announcer.isHeard && client.upToDate)
  t.ok(refused)
  t.equal(requests.at(-1)?.session, 'two')
})

t.test('the origin’s clock is learned, absurd intervals are not followed', async t => {
  const { announcer } = prepare(t, request =>
    request.sequence > 2 ? holdPolls(request) : { ...answerTo(request), intervalMs: 2 ** 40 },
  )
  announcer.start()
  await until('it is heard', () => announcer.isHeard)
  t.equal(announcer.originClock?.originMs, 1_000_000)
})

t.test('stopping says goodbye once, and does not hang on a dead origin', async t => {
  const { announcer, requests, stop } = prepare(t, holdPolls)
  announcer.start()
  await until('the poll stands', () => requests.some(request => request.waitMs > 0))
  const before = requests.length
  await stop()
  t.equal(requests.length, before + 1)
  t.equal(requests.at(-1)?.waitMs, 0)
  const dead = prepare(t, () => {
    throw new MirrorswarmError('MS_REMOTE_UNREACHABLE', 'down')
  })
  dead.announcer.start()
  await until('it was asked', () => dead.requests.length > 0)
  const start = performance.now()
  await dead.stop()
  t.ok(performance.now() - start < 1000)
})

t.test('reasons fit the wire', async t => {
  const reasons = wireReasons(['a\nb\u0000c', 'x'.repeat(500), ...Array(50).fill('y')])
  t.equal(reasons[0], 'a b c')
  t.equal(reasons[1]?.length, 200)
  t.ok(reasons.length <= 16)
})
