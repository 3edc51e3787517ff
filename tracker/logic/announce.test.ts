import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { VolunteerName } from '../../core/ids.ts'
import { announceGapMs, earlyAnswerPauseMs, holdingsHistory } from '../../core/limits.ts'
import { containerNumbers } from '../container-size.ts'
import type { NetworkEvent } from '../events.ts'
import { pictureBytes } from '../fixtures/picture-bytes.ts'
import { repositoryId, sampleRecord, sampleStatus } from '../fixtures/samples.ts'
import { Holdings } from '../holdings.ts'
import { type AnnounceAnswer, type AnnounceRequest, parseAnnounceRequest } from '../messages.ts'
import { decodePicture } from '../picture.ts'
import { type Remembered, stepAnnounce } from './announce.ts'
import { AnnounceClient, pauseBeforePollMs } from './announce-client.ts'
import { applyEvent, emptyNetwork, type NetworkState, sameNumbers } from './network-state.ts'

const name = 'mirror-1' as VolunteerName
const record = sampleRecord(name)
const status = sampleStatus
const contentCount = containerNumbers * 8

/** The tracker's half alone: the fold, the step and the answer that follows. */
class TrackerHalf {
  network: NetworkState = emptyNetwork()
  remembered: Remembered = { last: null, basis: null }
  events: NetworkEvent[] = []

  constructor() {
    this.apply({ type: 'enrolled', volunteer: record })
    this.apply({ type: 'snapshot', repositoryId, epoch: 1, number: 1 })
  }

  apply(event: NetworkEvent): void {
    // As it comes back from the disk.
    this.events.push(JSON.parse(JSON.stringify(event)))
    applyEvent(this.network, event)
  }

  /** Starts again; `lost`: a power cut took that many of the last events. */
  restart(lost: number, viaPicture: boolean): void {
    this.events.length = Math.max(2, this.events.length - lost)
    this.remembered = { last: null, basis: null }
    this.network = emptyNetwork()
    for (const event of this.events) applyEvent(this.network, event)
    if (viaPicture) this.network = decodePicture([pictureBytes(this.network)])
  }

  answer(request: AnnounceRequest): AnnounceAnswer | 'refused' {
    const step = stepAnnounce(this.network, this.remembered, name, request, contentCount)
    if (!step.ok) return 'refused'
    for (const event of step.events) this.apply(event)
    this.remembered = { last: step.stale ? this.remembered.last : request, basis: step.basis }
    const { snapshot } = this.network
    const held = this.network.volunteers.get(name)?.holdings
    const known = held?.session === request.session && sameNumbers(request.manifest, snapshot)
    return {
      nowMs: 0,
      intervalMs: 30_000,
      snapshot: snapshot === null ? null : { epoch: snapshot.epoch, number: snapshot.number },
      holdingsVersion: known ? held.version : null,
      wantFull: step.wantFull,
      torrents: [],
      drain: false,
      state: 'synced',
      tag: 'tag',
    }
  }
}

/** Few places at the end of a container, where changes meet and are shorter than bitmaps. */
const contested = fc.record({
  start: fc.integer({ min: containerNumbers - 12, max: containerNumbers + 2 }),
  count: fc.integer({ min: 1, max: 6 }),
})
const anywhere = fc.record({
  start: fc.integer({ min: 0, max: contentCount - 1 }),
  count: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 100 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: containerNumbers + 500 }) },
  ),
})
const block = fc.oneof({ weight: 4, arbitrary: contested }, { weight: 1, arbitrary: anywhere })
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('hold' as const), block }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drop' as const), block }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('send' as const) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('round-trip' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      which: fc.nat(),
      keep: fc.boolean(),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('hear' as const), which: fc.nat(), keep: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lose' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart-volunteer' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('restart-tracker' as const),
      lost: fc.nat({ max: 5 }),
      picture: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('new-epoch' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('follow-epoch' as const) }) },
)
const actionList = fc.array(action, { minLength: 20, maxLength: 60, size: 'max' })
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

/** Both halves and a channel that loses, repeats and reorders. */
class World {
  readonly tracker = new TrackerHalf()
  sessions = 1
  client = new AnnounceClient({ session: 's1' })
  held = new Holdings()
  requests: AnnounceRequest[] = []
  answers: { request: AnnounceRequest; answer: AnnounceAnswer }[] = []

  constructor() {
    this.client.setManifest({ repositoryId, epoch: 1, snapshot: 1 })
  }

  session(): string {
    return `s${++this.sessions}`
  }

  deliver(request: AnnounceRequest): void {
    const answer = this.tracker.answer(request)
    if (answer !== 'refused') this.answers.push({ request, answer })
    else if (request.session === `s${this.sessions}`) this.client.restart(this.session())
  }

  followEpoch(): void {
    const { snapshot } = this.tracker.network
    if (snapshot === null || this.client.manifest?.epoch === snapshot.epoch) return
    this.client.setManifest({ repositoryId, epoch: snapshot.epoch, snapshot: snapshot.number })
    this.held = new Holdings()
  }

  take<T>(from: T[], which: number, keep: boolean): T | undefined {
    const index = which % Math.max(1, from.length)
    return keep ? from[index] : from.splice(index, 1)[0]
  }

  exchange(): void {
    const request = this.client.nextRequest(status, 30_000)
    const before = this.answers.length
    this.deliver(parseAnnounceRequest(JSON.parse(JSON.stringify(request))))
    for (const heard of this.answers.splice(before)) this.client.heed(heard.request, heard.answer)
  }

  act(action: Action): void {
    if (action.do === 'hold' || action.do === 'drop') {
      const end = Math.min(contentCount, action.block.start + action.block.count)
      for (let n = action.block.start; n < end; n++) {
        if (action.do === 'hold') this.client.hold(n)
        else this.client.drop(n)
        if (action.do === 'hold') this.held.add(n)
        else this.held.remove(n)
      }
    } else if (action.do === 'send') {
      const request = this.client.nextRequest(status, 30_000)
      this.requests.push(parseAnnounceRequest(JSON.parse(JSON.stringify(request))))
    } else if (action.do === 'round-trip') this.exchange()
    else if (action.do === 'deliver') {
      const request = this.take(this.requests, action.which, action.keep)
      if (request !== undefined) this.deliver(request)
    } else if (action.do === 'hear') {
      const heard = this.take(this.answers, action.which, action.keep)
      if (heard !== undefined) this.client.heed(heard.request, heard.answer)
    } else if (action.do === 'lose') {
      this.take(this.requests, action.which, false)
      this.take(this.answers, action.which, false)
    } else if (action.do === 'restart-tracker') this.tracker.restart(action.lost, action.picture)
    else if (action.do === 'follow-epoch') this.followEpoch()
    else if (action.do === 'new-epoch') {
      const epoch = (this.tracker.network.snapshot?.epoch ?? 0) + 1
      this.tracker.apply({ type: 'snapshot', repositoryId, epoch, number: 1 })
    } else {
      const manifest = this.client.manifest
      this.client = new AnnounceClient({ session: this.session() })
      this.client.setManifest(manifest)
      this.client.replace(this.held.clone())
    }
  }

  /** The channel works again: how many requests until both agree? */
  settle(): number {
    this.requests = []
    this.followEpoch()
    for (let trips = 0; trips <= 6; trips++) {
      const holdings = this.tracker.network.volunteers.get(name)?.holdings ?? null
      const agree = holdings?.contents.equals(this.held) ?? this.held.count === 0
      if (agree && this.client.upToDate) return trips
      this.exchange()
    }
    return Number.POSITIVE_INFINITY
  }
}

t.test('over a channel that loses, repeats and reorders, the holdings converge', async t => {
  let worst = 0
  fc.assert(
    fc.property(actionList, actions => {
      const world = new World()
      for (const one of actions) world.act(one)
      worst = Math.max(worst, world.settle())
      return worst <= 4
    }),
    { numRuns: 300 },
  )
  t.ok(worst > 0, `after at most ${worst} undisturbed announces`)
})

t.test('what the tracker has at any moment, the volunteer held at some moment', async t => {
  fc.assert(
    fc.property(actionList, actions => {
      const world = new World()
      const past: { epoch: number | undefined; held: Holdings }[] = []
      for (const one of actions) {
        world.act(one)
        if (one.do === 'send' || one.do === 'round-trip') {
          past.push({ epoch: world.client.manifest?.epoch, held: world.held.clone() })
        }
        const { snapshot } = world.tracker.network
        const known = world.tracker.network.volunteers.get(name)?.holdings?.contents
        if (known === undefined) continue
        if (!past.some(then => then.epoch === snapshot?.epoch && then.held.equals(known))) {
          return false
        }
      }
      return true
    }),
    { numRuns: 100 },
  )
  t.pass('no mixture of versions')
})

const roundTrip = (tracker: TrackerHalf, client: AnnounceClient): AnnounceRequest => {
  const request = client.nextRequest(status, 30_000)
  const answer = tracker.answer(request)
  if (answer === 'refused') throw new Error('refused')
  client.heed(request, answer)
  return request
}

const prepared = (): { tracker: TrackerHalf; client: AnnounceClient } => {
  const tracker = new TrackerHalf()
  const client = new AnnounceClient({ session: 's' })
  client.setManifest({ repositoryId, epoch: 1, snapshot: 1 })
  return { tracker, client }
}

t.test('full state first, then changes, then silence', async t => {
  const { tracker, client } = prepared()
  for (let n = 0; n < 100_000; n++) client.hold(n)
  const first = roundTrip(tracker, client)
  t.equal(first.holdings?.base, null)
  t.equal(first.waitMs, 0, 'changes are acknowledged at once')
  client.hold(200_000)
  const second = roundTrip(tracker, client)
  t.match(second.holdings, { base: 1, version: 2 })
  t.equal(second.holdings?.containers.length, 1)
  const third = roundTrip(tracker, client)
  t.strictSame(third.holdings, { base: 2, version: 2, containers: [] })
  t.equal(third.waitMs, 30_000)
  t.ok(client.upToDate)
})

t.test('an idle volunteer of 100,000 contents announces in less than 1 KB', async t => {
  const { tracker, client } = prepared()
  for (let n = 0; n < 100_000; n++) client.hold(n)
  roundTrip(tracker, client)
  const before = tracker.events.length
  const request = roundTrip(tracker, client)
  const bytes = Buffer.byteLength(JSON.stringify(request))
  t.comment(`${bytes} bytes; headers and signature have the rest of 2 KB`)
  t.ok(bytes < 1024)
  t.equal(tracker.events.length, before, 'and leaves nothing in the log')
})

t.test('changes sent before the last ones were acknowledged need no full state', async t => {
  const { tracker, client } = prepared()
  client.hold(60_001)
  roundTrip(tracker, client)
  const late: AnnounceRequest[] = []
  for (let n = 60_002; n <= 60_005; n++) {
    client.hold(n)
    if (n === 60_004) client.drop(60_002)
    late.push(client.nextRequest(status, 0))
  }
  for (const request of late) {
    t.equal(request.holdings?.base, 1, 'all on the same base')
    t.equal(request.holdings?.containers[0]?.kind, 'change')
    t.match(tracker.answer(request), { wantFull: false, holdingsVersion: request.sequence })
  }
  const held = tracker.network.volunteers.get(name)?.holdings?.contents
  t.strictSame([...(held?.numbers() ?? [])], [60_001, 60_003, 60_004, 60_005])
})

t.test('when too many versions were never acknowledged, the full state goes again', async t => {
  const { tracker, client } = prepared()
  client.hold(1)
  roundTrip(tracker, client)
  let lastAnswered: AnnounceRequest | undefined
  for (let n = 2; n < holdingsHistory + 5; n++) {
    client.hold(n)
    const request = client.nextRequest(status, 0)
    if (n === 3) lastAnswered = request
  }
  if (lastAnswered === undefined) throw new Error('no request')
  const answer = tracker.answer(lastAnswered)
  if (answer === 'refused') throw new Error('refused')
  client.heed(lastAnswered, answer)
  t.equal(client.nextRequest(status, 0).holdings?.base, null, 'its version is not at hand any more')
})

const refused = (t: Test, tracker: TrackerHalf, request: AnnounceRequest, reason: string): void => {
  t.strictSame(
    stepAnnounce(tracker.network, tracker.remembered, request.session as never, request, 1),
    {
      ok: false,
      reason,
    },
  )
}

t.test('a volunteer that is not enrolled is refused', async t => {
  const { tracker, client } = prepared()
  refused(t, tracker, client.nextRequest(status, 0), 'unknown')
})

t.test('claims of contents that do not exist are refused', async t => {
  const { tracker, client } = prepared()
  client.hold(containerNumbers * 3)
  const request = client.nextRequest(status, 0)
  const step = stepAnnounce(tracker.network, tracker.remembered, name, request, containerNumbers)
  t.strictSame(step, { ok: false, reason: 'numbers' })
  t.equal(
    stepAnnounce(tracker.network, tracker.remembered, name, request, containerNumbers * 4).ok,
    true,
  )
})

t.test('an announce that arrives late changes neither load nor snapshot', async t => {
  const { tracker, client } = prepared()
  const early = client.nextRequest(status, 0)
  client.setManifest({ repositoryId, epoch: 1, snapshot: 2 })
  roundTrip(tracker, client)
  const late = stepAnnounce(tracker.network, tracker.remembered, name, early, contentCount)
  t.match(late, { ok: true, stale: true, events: [] })
})

t.test('what still comes from a replaced session is refused', async t => {
  const { tracker, client } = prepared()
  client.hold(1)
  const old = roundTrip(tracker, client)
  client.restart('newer')
  roundTrip(tracker, client)
  t.equal(tracker.answer({ ...old, sequence: 99 }), 'refused')
})

t.test('numbers of another epoch are not applied', async t => {
  const { tracker, client } = prepared()
  client.hold(7)
  roundTrip(tracker, client)
  tracker.apply({ type: 'snapshot', repositoryId, epoch: 2, number: 1 })
  t.equal(tracker.network.volunteers.get(name)?.holdings, null, 'what was held is void')
  const request = client.nextRequest(status, 0)
  const answer = tracker.answer(request)
  t.match(answer, { holdingsVersion: null, wantFull: false, snapshot: { epoch: 2 } })
  t.equal(tracker.network.volunteers.get(name)?.holdings, null)
})

t.test('the next poll follows at once after news, later after an early answer without', async t => {
  const asked = { waitMs: 30_000, seen: 'a' }
  t.equal(pauseBeforePollMs(asked, { tag: 'b', intervalMs: 30_000 }, 5_000), 0)
  t.equal(pauseBeforePollMs(asked, { tag: 'b', intervalMs: 30_000 }, 10), announceGapMs - 10)
  t.equal(pauseBeforePollMs(asked, { tag: 'a', intervalMs: 30_000 }, 28_000), 0)
  t.equal(pauseBeforePollMs(asked, { tag: 'a', intervalMs: 30_000 }, 10), earlyAnswerPauseMs)
  t.equal(
    pauseBeforePollMs({ waitMs: 0, seen: 'a' }, { tag: 'a', intervalMs: 30_000 }, 100),
    0,
    'what did not ask to wait was not answered early',
  )
})
