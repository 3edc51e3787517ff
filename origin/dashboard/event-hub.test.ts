import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { VolunteerName } from '../../core/ids.ts'
import { silentLogger } from '../../core/log.ts'
import { parseEvents, parseStart, type StreamEvent } from '../../dashboard/logic/event-text.ts'
import type { NetworkEvent } from '../../tracker/events.ts'
import { MemoryEventLog } from '../../tracker/memory-event-log.ts'
import { eventually } from '../fixtures/test-network.ts'
import { EventHub, type EventHubOptions } from './event-hub.ts'
import type { StreamReader } from './event-stream.ts'

const removed = (name: string): NetworkEvent => ({ type: 'removed', name: name as VolunteerName })
const reader: StreamReader = { address: '192.0.2.1', operator: false, full: true }

/** Reads a stream in the background. */
class Reading {
  readonly events: StreamEvent[] = []
  readonly answer: IncomingMessage
  ended = false

  constructor(answer: IncomingMessage) {
    this.answer = answer
    let state = parseStart()
    answer.setEncoding('utf8')
    answer.on('data', (text: string) => {
      const parsed = parseEvents(state, text)
      state = parsed.state
      this.events.push(...parsed.events)
    })
    answer.on('close', () => {
      this.ended = true
    })
    answer.on('error', () => undefined)
  }

  get names(): string[] {
    return this.events.map(({ event, id }) => (id === undefined ? event : `${event} ${id}`))
  }

  has(...names: readonly string[]): Promise<true> {
    return eventually(names.join(), async () => this.names.join() === names.join() || null)
  }
}

const serve = async (t: Test, options: EventHubOptions = {}) => {
  const log = new MemoryEventLog<NetworkEvent>({ retained: 5 })
  const ticks = { count: 0 }
  const hub = new EventHub(
    {
      ...{ log, logger: silentLogger, picture: ({ full }) => ({ full }) },
      tick: () => {
        ticks.count++
      },
    },
    options,
  )
  await hub.start()
  const as: { reader: StreamReader; after: number | null } = { reader, after: null }
  const refusals: string[] = []
  const server = createServer((_request, response) => {
    hub.open(response, as.reader, as.after).catch((error: { code: string }) => {
      refusals.push(error.code)
      response.writeHead(503).end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    hub.stop()
    server.closeAllConnections()
    server.close()
  })
  const connect = async (
    change: Partial<StreamReader> = {},
    after: number | null = null,
  ): Promise<IncomingMessage> => {
    as.reader = { ...reader, ...change }
    as.after = after
    const sent = request({ port: (server.address() as AddressInfo).port, agent: false })
    sent.end()
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    return answer
  }
  const open = async (...args: Parameters<typeof connect>): Promise<Reading> =>
    new Reading(await connect(...args))
  return { hub, log, open, connect, refusals, ticks }
}

t.test('a reader gets the picture, then what happens', async t => {
  const { hub, log, open } = await serve(t)
  await log.append([removed('a'), removed('b')])
  const reading = await open()
  await reading.has('overview 2')
  t.equal(reading.events[0]?.data, '{"full":true}')
  await log.append([removed('c')])
  hub.tell('traffic', { rate: 1 })
  await reading.has('overview 2', 'removed 3', 'traffic')
  t.equal(hub.newest, 3)
})

t.test('who resumes is told what it missed, once each; who cannot is told so', async t => {
  const { log, open } = await serve(t, { replayed: 4 })
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) await log.append([removed(name)])
  await (await open({}, 5)).has('removed 6', 'removed 7', 'removed 8', 'overview 8')
  await (await open({}, 8)).has('overview 8')
  await (await open({}, 2)).has('reset', 'overview 8')
  await (await open({}, 99)).has('reset', 'overview 8')
  await log.savePicture(8, [Buffer.of(1)])
  await (await open({}, 4)).has('removed 5', 'removed 6', 'removed 7', 'removed 8', 'overview 8')
})

t.test('nothing is lost or told twice while events are appended all the time', async t => {
  const { log, open } = await serve(t)
  let appending = true
  const work = (async () => {
    for (let index = 0; appending; index++) {
      await log.append([removed(`v${index}`)])
      await new Promise(resolve => setImmediate(resolve))
    }
  })()
  const readings = await Promise.all(Array.from({ length: 10 }, () => open({}, 0)))
  await eventually('some events', async () => readings.every(({ names }) => names.length > 30))
  appending = false
  await work
  const last = await log.last()
  for (const reading of readings) {
    await eventually('the last', async () => reading.names.at(-1) === `removed ${last}`)
    const ids = reading.events
      .filter(({ event }) => event === 'removed')
      .map(({ id }) => Number(id))
    t.same(
      ids,
      ids.map((_, index) => (ids[0] ?? 0) + index),
      'one after the other',
    )
  }
})

t.test('each is told what is meant for it', async t => {
  const { hub, open } = await serve(t)
  const some = await open({ full: false })
  const operator = await open({ operator: true })
  const other = await open()
  await eventually('three', async () => hub.size === 3)
  t.equal(hub.operators, 1)
  for (const to of ['all', 'full', 'limited', 'operators', 'others'] as const) hub.tell(to, {}, to)
  await some.has('overview 0', 'all', 'limited', 'others')
  await operator.has('overview 0', 'all', 'full', 'operators')
  await other.has('overview 0', 'all', 'full', 'others')
})

t.test('streams are bounded, altogether and of one address; places come back', async t => {
  const { hub, open, connect, refusals } = await serve(t, { most: 3, mostPerAddress: 2 })
  const first = await open()
  await open()
  t.equal((await connect()).statusCode, 503)
  await open({ address: '192.0.2.2' })
  t.equal((await connect({ address: '192.0.2.3' })).statusCode, 503)
  t.same(refusals, ['MS_TOO_MANY_REQUESTS', 'MS_ORIGIN_BUSY'])
  first.answer.destroy()
  await eventually('a place', async () => hub.size === 2)
  await (await open()).has('overview 0')
  t.same(hub.counters, { opened: 4, refused: 2, slow: 0 })
})

t.test('who does not read is cut; the others go on', async t => {
  const { hub, open, connect } = await serve(t)
  const stalled = await connect()
  stalled.pause()
  const reading = await open()
  await eventually('both', async () => hub.size === 2)
  const data = { text: 'x'.repeat(100_000) }
  for (let round = 0; hub.counters.slow === 0 && round < 2_000; round++) {
    hub.tell('large', data)
    await new Promise(resolve => setImmediate(resolve))
  }
  t.equal(hub.counters.slow, 1)
  await eventually('one is gone', async () => hub.size === 1)
  hub.tell('last', {})
  await eventually('the other is told', async () => reading.names.at(-1) === 'last')
})

t.test('nobody is looked for while nobody reads, and stopping ends all streams', async t => {
  const { hub, open, ticks } = await serve(t, { tickMs: 1, beatMs: 1 })
  const reading = await open()
  await eventually('ticks', async () => ticks.count > 3)
  reading.answer.destroy()
  await eventually('it is gone', async () => hub.size === 0)
  const { count } = ticks
  await new Promise(resolve => setTimeout(resolve, 20))
  t.equal(ticks.count, count)
  const other = await open()
  hub.stop()
  await eventually('the end', async () => other.ended)
})
