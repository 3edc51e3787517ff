import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import type { VolunteerName } from '../core/ids.ts'
import { pictureEvents } from '../core/limits.ts'
import { type Logger, silentLogger } from '../core/log.ts'
import type { EventLog } from './event-log.ts'
import { type NetworkEvent, parseNetworkEvent } from './events.ts'
import { startNetwork, TestVolunteer } from './fixtures/network.ts'
import { pictureBytes } from './fixtures/picture-bytes.ts'
import { repositoryId, sampleRecord } from './fixtures/samples.ts'
import { Holdings } from './holdings.ts'
import { applyEvent, emptyNetwork } from './logic/network-state.ts'
import { MemoryEventLog } from './memory-event-log.ts'
import { decodePicture } from './picture.ts'
import { Replica } from './replica.ts'
import { SqliteEventLog } from './sqlite-event-log.ts'

const newReplica = (log: EventLog<NetworkEvent>, logger: Logger = silentLogger) =>
  new Replica({ log, logger, onEvent: () => undefined })

const snapshot: NetworkEvent = { type: 'snapshot', repositoryId, epoch: 1, number: 1 }
const enrolled = (name: string): NetworkEvent => ({
  type: 'enrolled',
  volunteer: sampleRecord(name),
})
const reachable = (value: boolean): NetworkEvent => ({
  type: 'reachable',
  name: 'a' as VolunteerName,
  reachable: value,
})
const holds = (name: string, contents: Holdings): NetworkEvent => ({
  type: 'holdings',
  name: name as VolunteerName,
  repositoryId,
  epoch: 1,
  session: 's',
  version: 1,
  after: null,
  containers: contents.encode(),
})

t.test('after a restart holdings are known and volunteers offline until they announce', async t => {
  const log = new MemoryEventLog<NetworkEvent>()
  const { tracker, join } = await startNetwork(t, log)
  const volunteer = await join('a')
  volunteer.hold(1, 70_000)
  await volunteer.announce()
  await tracker.setOwner(volunteer.name, { weight: 2 })
  await tracker.stop()

  const { tracker: again } = await startNetwork(t, log)
  const candidate = () => again.candidates()[0]
  t.match(candidate(), { state: 'offline', lastAnnounceMs: null, record: { weight: 2 } })
  t.ok(candidate()?.has(1))
  t.ok(candidate()?.has(70_000))
  t.equal(again.volunteer(volunteer.name)?.linkKey, sampleRecord('a').linkKey)

  const same = new TestVolunteer(again, 'a', volunteer.session)
  const before = await log.last()
  const request = volunteer.client.nextRequest(volunteer.status, 0)
  t.strictSame(request.holdings?.containers, [], 'the same daemon need not repeat itself')
  t.match(await again.announce(same, request), { wantFull: false, state: 'synced' })
  t.equal(await log.last(), before)
  t.equal(candidate()?.state, 'synced')
})

t.test('40 volunteers of 100,000 contents are restored well under a second', async t => {
  const file = join(t.testdir(), 'state.db')
  const open = () => new SqliteEventLog(file, parseNetworkEvent)
  const log = open()
  await log.append([snapshot])
  for (let v = 0; v < 40; v++) {
    const contents = new Holdings()
    // No ranges and no full containers: what takes most to read.
    for (let n = 0; n < 100_000 * 1.5; n++) if ((n + v) % 3 > 0) contents.add(n)
    await log.append([enrolled(`v${v}`), holds(`v${v}`, contents)])
  }
  await log.close()

  const restore = async () => {
    const log = open()
    const started = performance.now()
    const replica = newReplica(log)
    await replica.start()
    const elapsed = performance.now() - started
    const { volunteers } = replica.network
    t.equal(volunteers.size, 40)
    t.equal(volunteers.get('v7' as VolunteerName)?.holdings?.contents.count, 100_000)
    await replica.stop()
    await log.close()
    return elapsed
  }
  const fromEvents = await restore()
  const fromPicture = await restore()
  t.comment(`${fromEvents.toFixed()} ms from events, ${fromPicture.toFixed()} ms from a picture`)
  t.ok(fromEvents < 1000 && fromPicture < 1000)
})

t.test('pictures are taken as the log grows, and a restart continues from them', async t => {
  const log = new MemoryEventLog<NetworkEvent>({ retained: 10 })
  const replica = newReplica(log)
  await replica.start()
  await replica.append([snapshot, enrolled('a')])
  t.equal(await log.picture(), null)
  for (let k = 0; k < pictureEvents; k++) await replica.append([reachable(k % 2 === 0)])
  for (let turns = 0; (await log.picture()) === null && turns < 100; turns++) await nextTurn()
  const picture = await log.picture()
  t.ok((picture?.sequence ?? 0) >= pictureEvents)
  t.ok(((await log.read(0, 1))[0]?.sequence ?? 0) > pictureEvents / 2, 'old events are gone')

  await replica.append([reachable(true)])
  const other = newReplica(log)
  await other.start()
  t.strictSame(other.network, replica.network)
})

t.test('what happens while a picture is saved is not lost, and not in it', async t => {
  const file = join(t.testdir(), 'state.db')
  const log = new SqliteEventLog(file, parseNetworkEvent, { retained: 0 })
  const replica = newReplica(log)
  await replica.start()
  const names = Array.from({ length: 60 }, (_, index) => `v${index}`)
  const contents = new Holdings()
  for (let n = 0; n < 65_536 * 40; n += 301) contents.add(n)
  await replica.append([snapshot, ...names.map(enrolled)])
  for (const name of names) await replica.append([holds(name, contents)])
  const saved = { parts: 0, meanwhile: 0 }
  const save = log.savePicture.bind(log)
  log.savePicture = async (sequence, parts) => {
    const watched = async function* () {
      for await (const part of parts) {
        saved.parts++
        yield part
      }
    }
    await save(sequence, watched())
  }
  // Heavy enough for a picture, which then takes some turns.
  const changes = new Holdings()
  for (let n = 1; n < 65_536 * 40; n += 302) changes.add(n)
  const changed = (name: string, version: number): NetworkEvent => ({
    ...(holds(name, changes) as NetworkEvent & { type: 'holdings' }),
    version,
    after: { session: 's', version: version - 1 },
  })
  let version = 2
  for (let turn = 0; saved.parts < names.length + 2; turn++) {
    const name = names[turn % names.length] as string
    await replica.append([changed(name, version)])
    if (turn % names.length === names.length - 1) version++
    if (saved.parts > 0 && saved.parts < names.length + 2) saved.meanwhile++
    if (turn > 10_000) throw new Error(`${saved.parts} parts`)
  }
  t.ok(saved.meanwhile > 0, `${saved.meanwhile} events came meanwhile`)
  const other = newReplica(log)
  await other.start()
  // In whatever order: who changed meanwhile stands first in the picture.
  const told = ({ network }: Replica): string[] =>
    [...network.volunteers.values()]
      .map(({ record, holdings }) =>
        JSON.stringify([record, holdings?.version, holdings?.contents.encode()]),
      )
      .sort()
  const [expected, found] = [told(replica), told(other)]
  t.equal(found.length, names.length)
  t.ok(
    found.every((line, index) => line === expected[index]),
    'the same state',
  )
  await replica.stop()
  await log.close()
})

t.test('replicas that follow the same log agree', async t => {
  const log = new MemoryEventLog<NetworkEvent>()
  const [first, second] = [newReplica(log), newReplica(log)]
  await Promise.all([first.start(), second.start()])
  await first.append([snapshot, enrolled('a')])
  await second.append([holds('a', Holdings.of([1, 2, 3]))])
  t.strictSame(pictureBytes(first.network), pictureBytes(second.network))
  t.equal(first.network.volunteers.get('a' as VolunteerName)?.holdings?.contents.count, 3)
})

t.test('a picture that cannot be saved is a warning, and tried again', async t => {
  const log = new MemoryEventLog<NetworkEvent>()
  const warnings: string[] = []
  const logger = { ...silentLogger, warn: (_: object, text: string) => warnings.push(text) }
  const replica = newReplica(log, logger)
  await replica.start()
  await replica.append([snapshot])
  log.savePicture = async () => {
    throw new Error('disk full')
  }
  await replica.stop()
  t.equal(warnings.length, 1)
})

t.test('a log with a hole and a broken picture are refused', async t => {
  const log = new MemoryEventLog<NetworkEvent>()
  await log.append([snapshot, enrolled('a'), reachable(false)])
  log.read = async after => (after < 3 ? [{ sequence: 3, event: snapshot }] : [])
  await t.rejects(newReplica(log).start(), { code: 'MS_DATA_CORRUPT', message: /lacks the events/ })
  for (const bytes of ['', '{}', '{"format":2}', '\u0000\u0001']) {
    t.throws(() => decodePicture([Buffer.from(bytes)]), { code: 'MS_DATA_CORRUPT' })
  }
})

t.test('events that do not fit the state change nothing', async t => {
  const network = emptyNetwork()
  for (const event of [
    reachable(true),
    holds('a', Holdings.of([1])),
    snapshot,
    holds('a', Holdings.of([1])),
    enrolled('a'),
    { ...holds('a', Holdings.of([1])), after: { session: 's', version: 1 } } as NetworkEvent,
    { ...snapshot, number: 1 } as NetworkEvent,
  ]) {
    applyEvent(network, event)
  }
  t.equal(network.volunteers.get('a' as VolunteerName)?.holdings, null)
  applyEvent(network, { ...snapshot, number: 5 } as NetworkEvent)
  applyEvent(network, { ...snapshot, number: 4 } as NetworkEvent)
  t.equal(network.snapshot?.number, 5, 'snapshots do not go back')
})

t.test('another key under the same name begins with nothing', async t => {
  const network = emptyNetwork()
  for (const event of [snapshot, enrolled('a'), holds('a', Holdings.of([1]))]) {
    applyEvent(network, event)
  }
  applyEvent(network, { type: 'enrolled', volunteer: sampleRecord('a', { weight: 3 }) })
  t.equal(network.volunteers.get('a' as VolunteerName)?.holdings?.contents.count, 1)
  const other = sampleRecord('a', { publicKey: 'B'.repeat(43) })
  applyEvent(network, { type: 'enrolled', volunteer: other })
  t.equal(network.volunteers.get('a' as VolunteerName)?.holdings, null)
})

t.test('a picture that cannot be made is only a warning', async t => {
  const log = new MemoryEventLog<NetworkEvent>()
  const replica = newReplica(log)
  await replica.start()
  const weight = 1n as unknown as number
  await replica.append([{ type: 'enrolled', volunteer: { ...sampleRecord('a'), weight } }])
  await replica.stop()
  t.equal(await log.picture(), null)
  t.equal((await log.read(0, 10)).length, 1, 'the log is kept')
})
