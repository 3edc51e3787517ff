import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { systemClock } from '../../core/clock.ts'
import {
  answerLines,
  isLong,
  open,
  partsOf,
  plainServer,
  requestStreams,
  talk,
} from '../../delivery/fixtures/request-streams.ts'
import { type FrontLimits, frontLimits, QuickFront } from '../../delivery/quick-front.ts'
import { AddressConnections } from '../../delivery/server-limits.ts'
import { Carrier } from './carrier.ts'
import { WorkerDesk } from './desk.ts'
import type { ConnectionEnds } from './preface.ts'
import { passOn, TunnelEntrance } from './tunnel.ts'

const skip = process.platform === 'linux' ? false : 'abstract sockets exist on Linux only'

const listen = async (t: Test, server: Server, at: string | number): Promise<number> => {
  if (typeof at === 'string') server.listen(at)
  else server.listen(at, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const bound = server.address()
  return bound === null || typeof bound === 'string' ? 0 : bound.port
}

/** A carrier, and a main thread's part that answers what lies below /quick, all in one thread. */
const carried = async (t: Test, limits: FrontLimits = frontLimits) => {
  const counts = { answered: 0, passedOn: 0, refused: 0, silent: 0 }
  const server = plainServer()
  server.on('clientError', (_error, socket) => {
    counts.refused++
    socket.destroy()
  })
  const takers = server.listeners('connection') as ((socket: Socket) => void)[]
  const front = new QuickFront({
    answer: ({ target, headers }) => {
      if (!target.startsWith('/quick') || isLong(target)) return null
      counts.answered++
      const saw = answerLines(headers, target)[3]
      return (
        `HTTP/1.1 302 Found\r\nContent-Length: 0\r\nX-Saw: ${saw}\r\n` +
        'Connection: keep-alive\r\nKeep-Alive: timeout=72\r\n\r\n'
      )
    },
    handOver: (socket, bytes) => {
      if (bytes.length > 0) socket.unshift(bytes)
      for (const take of takers) take.call(server, socket)
      socket.resume()
    },
    refuse: socket => socket.destroy(),
    clock: systemClock,
  })
  const entrance = new TunnelEntrance()
  server.removeAllListeners('connection')
  server.on('connection', socket =>
    entrance.take(socket, taken => {
      front.adopt(taken)
      taken.resume()
    }),
  )
  await listen(t, server, entrance.place.path)
  const desk = new WorkerDesk({
    answer: (text, ends) => front.answerAll(text, ends),
    connections: new AddressConnections(() => ({ perAddress: null, exempt: [] })),
    onSilent: () => undefined,
    post: message => {
      if (message.type !== 'answers') return
      const { asking, texts, lengths } = message
      asking.forEach((number, index) => {
        carrier.answered(number, texts[index] ?? '', lengths[index] ?? 0)
      })
    },
  })
  const nothing = { came: [], addresses: [], gone: [], silent: 0 }
  const carrier = new Carrier(
    {
      ask: (number, text, ends: ConnectionEnds | null) => {
        const batch = { ...nothing, asking: [number], texts: [text], ends: [ends], left: [] }
        // As messages between threads: later, in order.
        setImmediate(() => desk.take({ type: 'batch', ...batch }))
      },
      left: number => {
        const batch = { ...nothing, asking: [], texts: [], ends: [], left: [number] }
        setImmediate(() => desk.take({ type: 'batch', ...batch }))
      },
      passOn: (socket, bytes) => {
        counts.passedOn++
        passOn(socket, bytes, entrance.place, false)
      },
      refuse: socket => {
        counts.silent++
        socket.destroy()
      },
      ...{ tls: false, clock: systemClock },
    },
    limits,
  )
  const outside = createServer({ allowHalfOpen: true, noDelay: true }, socket =>
    carrier.adopt(socket),
  )
  const port = await listen(t, outside, 0)
  t.teardown(() => {
    carrier.stop()
    server.closeAllConnections()
  })
  return { port, counts, carrier, desk }
}

t.test('what comes by a worker is answered as node:http would have', { skip }, async t => {
  const { port, counts, carrier, desk } = await carried(t)
  const bare = plainServer()
  let refused = 0
  bare.on('clientError', (_error, socket) => {
    refused++
    socket.destroy()
  })
  const plain = await listen(t, bare, 0)
  await fc.assert(
    fc.asyncProperty(requestStreams, async some => {
      const parts = partsOf(some)
      const expected = await talk(plain, parts)
      const found = await talk(port, parts, expected.length)
      const broken = refused > 0
      Object.assign(counts, { refused: 0 })
      refused = 0
      // Nor is it sure that node:http answers all that was asked before the end.
      const alike = found.startsWith(expected) || (broken && expected.startsWith(found))
      if (!alike) throw new Error(`${expected}\n---\n${found}`)
    }),
    { numRuns: 150 },
  )
  // Both ways were gone, whatever the random streams were.
  t.ok(counts.answered > 5 && counts.passedOn > 5, JSON.stringify(counts))
  while (carrier.open > 0 || desk.asking > 0) await new Promise(resolve => setImmediate(resolve))
  t.pass('and nothing of it is left')
})

t.test('what comes while an answer is awaited waits, and keeps its order', { skip }, async t => {
  const { port, counts } = await carried(t)
  const one = (target: string) => Buffer.from(`GET ${target} HTTP/1.1\r\nHost: o\r\n\r\n`)
  const targets = ['/quick/1', '/quick/2', '/slow', '/quick/3']
  const text = await talk(port, targets.map(one))
  const saw = [...text.matchAll(/X-Saw: (\S+)/g)].map(
    ([, saw = '']) => JSON.parse(Buffer.from(saw, 'base64').toString())[0],
  )
  t.same(saw, targets)
  t.equal(counts.passedOn, 1)
})

t.test('who does not read is not asked for more, and gets everything', { skip }, async t => {
  const { port, counts } = await carried(t)
  const socket = await open(port)
  socket.pause()
  const one = `GET /quick/${'x'.repeat(1_500)} HTTP/1.1\r\nHost: o\r\n\r\n`
  const count = 5_000
  socket.write(one.repeat(count))
  socket.end()
  let seen = -1
  for (let turns = 0; counts.answered !== seen || turns < 100; turns++) {
    if (counts.answered !== seen) turns = 0
    seen = counts.answered
    await new Promise(resolve => setImmediate(resolve))
  }
  t.ok(counts.answered < count, `${counts.answered} answered`)
  let bytes = 0
  for await (const part of socket) bytes += part.length
  t.ok(bytes > count * 1_500)
})

t.test('silent connections end, and idle ones', { skip }, async t => {
  const { port, counts } = await carried(t, {
    ...frontLimits,
    ...{ firstRequestMs: 20, idleMs: 40, sweepMs: 5 },
  })
  const silent = await open(port)
  await once(silent.resume(), 'close')
  t.equal(counts.silent, 1)
  const idle = await open(port)
  idle.write('GET /quick/a HTTP/1.1\r\nHost: o\r\n\r\n')
  await once(idle.resume(), 'close')
  t.equal(counts.silent, 1, 'once it was answered, without a word')
})

t.test('a client that breaks off while an answer is awaited is forgotten', { skip }, async t => {
  const { port, carrier, desk } = await carried(t)
  const socket = await open(port)
  socket.write('GET /quick/a HTTP/1.1\r\nHost: o\r\n\r\n')
  while (desk.asking === 0) await new Promise(resolve => setImmediate(resolve))
  socket.write('GET /quick/a HTTP/1.1\r\nHost: o\r\n\r\n')
  socket.resetAndDestroy()
  while (carrier.open > 0 || desk.asking > 0) await new Promise(resolve => setImmediate(resolve))
  carrier.answered(0, 'late', 0)
  t.pass('nothing is left')
})
