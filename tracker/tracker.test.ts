import t from 'tap'
import { brokenPollGraceMs, peerNewsDelayMs, pendingAnnounces } from '../core/limits.ts'
import { intervalMs, startNetwork, TestVolunteer } from './fixtures/network.ts'
import {
  downloading,
  idleSync,
  infoHash,
  position,
  repositoryId,
  sampleRequest,
  sampleStatus,
} from './fixtures/samples.ts'
import { noTotals } from './logic/totals.ts'

const a = infoHash('a')
const b = infoHash('b')

t.test('an idle volunteer is held, and its announces leave nothing in the log', async t => {
  const { tracker, log, join } = await startNetwork(t)
  const volunteer = await join('a')
  volunteer.hold(1, 2, 3)
  t.equal((await volunteer.announce()).holdingsVersion, 2)
  await volunteer.announce()
  const before = await log.last()
  const started = performance.now()
  const answer = await volunteer.announce(100)
  t.ok(performance.now() - started >= 80, 'nothing is said before the time is over')
  t.match(answer, { state: 'synced', intervalMs, wantFull: false, drain: false, torrents: [] })
  for (let k = 0; k < 20; k++) {
    volunteer.status = {
      ...sampleStatus,
      load: { clientBytesPerSecond: k, syncBytesPerSecond: k, activeClients: k },
    }
    await volunteer.announce()
  }
  t.equal(await log.last(), before)
  t.equal(tracker.candidates()[0]?.clientBytesPerSecond, 19)
})

t.test('a new snapshot reaches all who wait within milliseconds', async t => {
  const { tracker, join } = await startNetwork(t)
  const polls = await Promise.all(
    ['a', 'b', 'c'].map(async name => (await join(name)).poll()),
  ).then(polls => polls.map(({ answer }) => answer))
  const started = performance.now()
  await tracker.publishSnapshot({ repositoryId, epoch: 1, number: 2 })
  for (const answer of await Promise.all(polls)) {
    t.match(answer, { snapshot: { epoch: 1, number: 2 }, state: 'syncing' })
  }
  const elapsed = performance.now() - started
  t.comment(`${elapsed.toFixed(1)} ms`)
  t.ok(elapsed < peerNewsDelayMs, 'not gathered as other news are')
  t.equal(tracker.stateSize.openPolls, 0)
})

t.test('news that came between two polls are told at once', async t => {
  const { tracker, join } = await startNetwork(t)
  const volunteer = await join('a')
  await volunteer.announce()
  await tracker.publishSnapshot({ repositoryId, epoch: 1, number: 2 })
  t.match(await volunteer.announce(intervalMs), { snapshot: { number: 2 } })
})

t.test('a newer poll replaces the older; other announces leave it alone', async t => {
  const { tracker, join } = await startNetwork(t)
  const volunteer = await join('a')
  const { answer } = await volunteer.poll()
  await volunteer.announce()
  t.equal(tracker.stateSize.openPolls, 1, 'still held')
  const newer = volunteer.announce(intervalMs)
  t.equal((await answer).state, 'synced')
  t.equal(tracker.stateSize.openPolls, 1, 'the newer one is held')
  await tracker.setOwner(volunteer.name, { drain: true })
  t.match(await newer, { drain: true, state: 'draining' })
})

t.test('an announce that was overtaken is answered and does not count', async t => {
  const { tracker, join } = await startNetwork(t)
  const volunteer = await join('a')
  const late = volunteer.client.nextRequest(volunteer.status, 0)
  volunteer.status = { ...sampleStatus, draining: true, reasons: ['outside its hours'] }
  await volunteer.announce()
  t.equal((await tracker.announce(volunteer, late)).state, 'draining')
  t.equal(tracker.counters.staleAnnounces, 1)
  t.strictSame(tracker.volunteers()[0]?.reasons, ['outside its hours'])
})

t.test('a poll that other announces overtook is still held, an older poll is not', async t => {
  const { tracker, join } = await startNetwork(t)
  const volunteer = await join('a')
  await volunteer.announce()
  const older = volunteer.client.nextRequest(volunteer.status, intervalMs)
  const poll = volunteer.client.nextRequest(volunteer.status, intervalMs)
  await volunteer.announce()
  const held = tracker.announce(volunteer, poll)
  t.match(await tracker.announce(volunteer, older), { state: 'synced' })
  t.equal(tracker.stateSize.openPolls, 1)
  await tracker.publishSnapshot({ repositoryId, epoch: 1, number: 2 })
  t.match(await held, { snapshot: { number: 2 } })
})

t.test('a downloader hears of new peers soon, and not of their progress', async t => {
  const { join } = await startNetwork(t)
  const first = await join('a')
  const second = await join('b')
  first.status = { ...sampleStatus, sync: downloading(a) }
  const { answer } = await first.poll()
  second.status = { ...sampleStatus, sync: downloading(a, b) }
  const joined = await second.announce()
  t.strictSame(joined.torrents[0]?.peers, [
    { name: 'a', host: 'a.example.org', port: 6881, complete: false },
  ])
  t.strictSame(joined.torrents[0]?.share, { index: 1, count: 2, names: ['a', 'b'] })
  const told = await answer
  t.match(told.torrents, [{ infoHash: a, peers: [{ name: 'b' }], share: { index: 0, count: 2 } }])

  let answers = 0
  const { answer: quiet } = await first.poll()
  quiet.then(() => answers++)
  const deadline = performance.now() + 2 * peerNewsDelayMs
  for (let have = 1; performance.now() < deadline; have++) {
    const sync = downloading(a, b)
    const torrents = sync.torrents.map(torrent => ({ ...torrent, have: have % 100 }))
    second.status = { ...sampleStatus, sync: { ...sync, torrents } }
    await second.announce()
  }
  t.equal(answers, 0)
})

t.test('who has finished is handed out first, and who is gone not at all', async t => {
  const { join, pass } = await startNetwork(t)
  const holder = await join('h')
  holder.hold(1, 2, 3)
  await holder.announce()
  const one = await join('a')
  one.status = { ...sampleStatus, sync: downloading(a) }
  t.match((await one.announce()).torrents[0]?.peers, [{ name: 'h', complete: true }])
  pass(2 * intervalMs)
  await one.announce()
  pass(2 * intervalMs)
  t.strictSame((await one.announce()).torrents[0]?.peers, [])
})

t.test('a volunteer that misses three intervals is offline until it is back', async t => {
  const { tracker, join, pass, clock } = await startNetwork(t)
  const volunteer = await join('a')
  const state = () => tracker.candidates()[0]?.state
  t.equal(state(), 'synced')
  clock.wallMs += 86_400_000
  pass(1000)
  t.equal(state(), 'synced', 'a jump of the clock takes nobody offline')
  clock.advance(3_600_000)
  tracker.sweep()
  t.equal(state(), 'synced', 'nor does a process that was stopped')
  pass(3 * intervalMs)
  t.equal(state(), 'offline')
  await volunteer.announce()
  t.equal(state(), 'synced')
})

t.test('a poll that breaks takes its volunteer offline soon, unless it announces', async t => {
  const { tracker, join, pass } = await startNetwork(t)
  const volunteer = await join('a')
  const state = () => tracker.volunteers()[0]?.state
  const breakPoll = async () => {
    const connection = new AbortController()
    const { answer } = await volunteer.poll(connection.signal)
    connection.abort()
    await t.rejects(answer, { name: 'AbortError' })
  }
  await breakPoll()
  pass(brokenPollGraceMs - 500)
  t.equal(state(), 'synced')
  await volunteer.announce()
  pass(2 * brokenPollGraceMs)
  t.equal(state(), 'synced', 'it came back')

  await breakPoll()
  pass(brokenPollGraceMs + 250)
  t.equal(state(), 'offline')

  const { answer } = await volunteer.poll()
  tracker.pollBroken(volunteer.name, volunteer.session)
  tracker.pollBroken(volunteer.name, 'another')
  pass(2 * brokenPollGraceMs)
  t.equal(state(), 'synced', 'another poll of it is open')
  await tracker.stop()
  await answer
})

t.test('what a volunteer tells of its traffic and its clock is known, for people', async t => {
  const { tracker, join, clock } = await startNetwork(t)
  const volunteer = await join('a')
  t.equal(tracker.skewMs(volunteer.name), null, 'an older one tells neither')
  t.equal(tracker.totals(volunteer.name), null)
  const tell = async (clientBytes: number, clockMs: number) => {
    volunteer.status = { ...sampleStatus, clockMs, totals: { ...noTotals, clientBytes } }
    await volunteer.announce()
  }
  await tell(500, clock.nowMs() + 90_000)
  await tell(800, clock.nowMs() + 90_000)
  t.equal(tracker.skewMs(volunteer.name), 90_000)
  t.match(tracker.totals(volunteer.name), { clientBytes: 300, reusedBytes: 0 })
  t.match(tracker.swarm, { torrents: 0, downloads: 0, unseeded: 0 })
})

t.test('selection sees holdings, state and load of each volunteer', async t => {
  const { tracker, join } = await startNetwork(t)
  const volunteer = await join('a')
  const candidate = () => tracker.candidates()[0]
  t.equal(candidate()?.has(7), false)
  volunteer.hold(7, 100_000)
  volunteer.status = {
    ...sampleStatus,
    sync: { ...idleSync, state: 'syncing' },
    load: { clientBytesPerSecond: 5, syncBytesPerSecond: 6, activeClients: 7 },
  }
  await volunteer.announce()
  t.match(candidate(), {
    name: 'a',
    url: 'http://a.example.org:8081',
    state: 'syncing',
    snapshot: 1,
    clientBytesPerSecond: 5,
    syncBytesPerSecond: 6,
    activeClients: 7,
    limits: { uploadBytesPerSecond: 12_500_000, maxClients: 100 },
  })
  t.ok(candidate()?.has(7))
  t.ok(candidate()?.has(100_000))
  t.notOk(candidate()?.has(8))
  volunteer.client.drop(7)
  await volunteer.announce()
  t.notOk(candidate()?.has(7))

  await tracker.setOwner(volunteer.name, { disabled: true, weight: 0.5 })
  t.match(candidate(), { state: 'quarantined', record: { weight: 0.5, disabled: true } })
  t.match(tracker.volunteers(), [{ state: 'quarantined', reasons: ['disabled by the operator'] }])
  await tracker.setOwner(volunteer.name, { disabled: false })
  await tracker.setReachable(volunteer.name, false)
  t.equal(candidate()?.state, 'unreachable')

  await tracker.publishSnapshot({ repositoryId, epoch: 2, number: 1 })
  t.notOk(candidate()?.has(100_000), 'numbers of another epoch mean other contents')
})

t.test('who is not enrolled, replaced, or claims too much is refused', async t => {
  const { tracker, join } = await startNetwork(t)
  const volunteer = await join('a')
  const stranger = new TestVolunteer(tracker, 'stranger')
  await t.rejects(stranger.announce(), { code: 'MS_AUTH_REFUSED' })
  await new TestVolunteer(tracker, 'a', 'a-2').announce()
  await t.rejects(volunteer.announce(), { code: 'MS_NAME_TAKEN' })
  const liar = await join('liar')
  liar.hold(300_000)
  await t.rejects(liar.announce(), { code: 'MS_REQUEST_INVALID' })
  await t.rejects(tracker.setOwner('nobody' as never, {}), { code: 'MS_REQUEST_INVALID' })
  t.equal(tracker.counters.refusedAnnounces, 3)
})

t.test('a flood of announces of one volunteer is refused, and the others go on', async t => {
  const { tracker, join } = await startNetwork(t)
  const volunteer = await join('a')
  const other = await join('b')
  const flood = Array.from({ length: 3 * pendingAnnounces }, (_, k) =>
    tracker.announce(volunteer, sampleRequest(k + 10, { session: volunteer.session })),
  )
  const results = await Promise.allSettled([...flood, other.announce()])
  const refused = results.filter(result => result.status === 'rejected')
  t.equal(refused.length, 2 * pendingAnnounces)
  t.match(refused[0], { reason: { code: 'MS_ORIGIN_BUSY' } })
  t.equal(results.at(-1)?.status, 'fulfilled')
})

t.test('a volunteer without the newest epoch keeps its poll and is told of it', async t => {
  const { tracker, join } = await startNetwork(t)
  const volunteer = await join('a')
  volunteer.hold(5)
  await volunteer.announce()
  await tracker.publishSnapshot({ repositoryId, epoch: 2, number: 3 })
  t.match(await volunteer.announce(), { snapshot: { epoch: 2, number: 3 }, wantFull: false })
  volunteer.client.setManifest({ ...position, epoch: 2, snapshot: 3 })
  volunteer.hold(6)
  t.match(await volunteer.announce(), { state: 'synced' })
  t.ok(tracker.candidates()[0]?.has(6))
  t.ok(volunteer.client.upToDate)
})

t.test('what a volunteer wants comes with full holdings and holds until the next ones', async t => {
  const { tracker, join } = await startNetwork(t)
  const volunteer = await join('a')
  const { session } = volunteer
  const scope = { include: ['debian'], exclude: ['*.iso'] }
  const full = { base: null, version: 1, containers: [] }
  const same = { base: 1, version: 1, containers: [] }
  const announce = (sequence: number, change: object) =>
    tracker.announce(volunteer, sampleRequest(sequence, { session, ...change }))
  await announce(11, { holdings: full, scope })
  t.strictSame(tracker.scopes(), [scope])
  await announce(12, { holdings: same })
  t.strictSame(tracker.scopes(), [scope], 'not said again')
  await announce(13, { holdings: { ...full, version: 2 } })
  t.strictSame(tracker.scopes(), [{ include: [], exclude: [] }], 'it wants everything now')
})

t.test('who asks what is popular is told once, in numbers that it knows', async t => {
  const { tracker, join } = await startNetwork(t)
  const volunteer = await join('a')
  for (let i = 0; i < 3; i++) tracker.requested(4)
  t.equal((await volunteer.announce()).popular, undefined, 'it did not ask')
  volunteer.client.setPopular(null)
  const { popular } = await volunteer.announce()
  t.strictSame(popular?.contents, [[4, 3]])
  volunteer.client.setPopular(popular?.tag ?? null)
  t.equal((await volunteer.announce()).popular, undefined, 'it knows this list')
  volunteer.client.setPopular('another')
  await tracker.publishSnapshot({ repositoryId, epoch: 2, number: 3 })
  t.equal((await volunteer.announce()).popular, undefined, 'these would be wrong numbers')
})
