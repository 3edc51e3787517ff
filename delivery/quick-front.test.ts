import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { systemClock } from '../core/clock.ts'
import { burstAnswers } from '../core/front-limits.ts'
import {
  answerLines,
  isLong,
  longBody,
  open,
  partsOf,
  plainServer,
  requestStreams,
  talk,
} from './fixtures/request-streams.ts'
import { type FrontLimits, frontLimits, QuickFront } from './quick-front.ts'

/** Fills the kernel's buffers. */
const hugeBody = Buffer.alloc(32_000_000, 'x')
/** The same with a front that answers what lies below /quick. */
const frontedServer = (limits: FrontLimits = frontLimits) => {
  const server = plainServer()
  const takers = server.listeners('connection') as ((socket: Socket) => void)[]
  const counts = { answered: 0, handedOver: 0, refused: 0 }
  const bodies = { begun: 0, sent: 0, broken: 0 }
  const front = new QuickFront(
    {
      answer: ({ method, target, headers }) => {
        if (!target.startsWith('/quick')) return null
        counts.answered++
        const [, length, , saw] = answerLines(headers, target)
        const head =
          `HTTP/1.1 302 Found\r\nContent-Length: ${length}\r\nX-Saw: ${saw}\r\n` +
          'Connection: keep-alive\r\nKeep-Alive: timeout=72\r\n\r\n'
        if (!isLong(target) || method === 'HEAD') return head
        bodies.begun++
        const onEnd = (sent: boolean): void => {
          bodies[sent ? 'sent' : 'broken']++
        }
        return { head, bytes: target.endsWith('huge') ? hugeBody : longBody, onEnd }
      },
      handOver: (socket, bytes) => {
        counts.handedOver++
        if (bytes.length > 0) socket.unshift(bytes)
        for (const take of takers) take.call(server, socket)
        socket.resume()
      },
      refuse: socket => {
        counts.refused++
        socket.destroy()
      },
      clock: systemClock,
    },
    limits,
  )
  server.removeAllListeners('connection')
  server.on('connection', socket => front.adopt(socket))
  return { server, front, counts, bodies }
}

const listen = async (t: Test, server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

t.test('what the front answers, node:http would have answered alike', async t => {
  const { server, counts, bodies } = frontedServer()
  const bare = plainServer()
  const refused = { bare: 0, fronted: 0 }
  // As node:http does it: what comes behind is not read.
  bare.on('clientError', (_error, socket) => {
    refused.bare++
    socket.destroy()
  })
  server.on('clientError', (_error, socket) => {
    refused.fronted++
    socket.destroy()
  })
  const plain = await listen(t, bare)
  const fronted = await listen(t, server)
  await fc.assert(
    fc.asyncProperty(requestStreams, async some => {
      const parts = partsOf(some)
      const [expected, found] = await Promise.all([talk(plain, parts), talk(fronted, parts)])
      const { bare: ofBare, fronted: ofFronted } = refused
      Object.assign(refused, { bare: 0, fronted: 0 })
      // How many answers before a refusal leave in time is a matter of luck, which ones is not.
      const alike =
        ofBare > 0 ? found.startsWith(expected) || expected.startsWith(found) : found === expected
      if (!alike || ofBare !== ofFronted) throw new Error(`${expected}\n---\n${found}`)
    }),
    { numRuns: 300 },
  )
  t.ok(counts.answered > 10 && counts.handedOver > 10, JSON.stringify(counts))
  t.ok(bodies.sent > 20, JSON.stringify(bodies))
})

t.test('pipelined requests are answered in order in one go, and the rest is left', async t => {
  const { server, counts, front } = frontedServer()
  const port = await listen(t, server)
  const one = (target: string) => `GET ${target} HTTP/1.1\r\nHost: o\r\n\r\n`
  const text = await talk(port, [
    Buffer.from(one('/quick/1') + one('/quick/2') + one('/slow') + one('/quick/3')),
  ])
  const saw = [...text.matchAll(/X-Saw: (\S+)/g)].map(
    ([, saw = '']) => JSON.parse(Buffer.from(saw, 'base64').toString())[0],
  )
  t.same(saw, ['/quick/1', '/quick/2', '/slow', '/quick/3'])
  t.same(counts, { answered: 2, handedOver: 1, refused: 0 })
  t.equal(front.open, 0)
})

t.test('of many that ask at once each is answered, in bursts', async t => {
  const { server, counts } = frontedServer()
  const port = await listen(t, server)
  const sockets = await Promise.all(Array.from({ length: 3 * burstAnswers + 5 }, () => open(port)))
  for (let round = 0; round < 3; round++) {
    const answers = sockets.map(socket => once(socket, 'data'))
    for (const socket of sockets) socket.write('GET /quick/a HTTP/1.1\r\nHost: o\r\n\r\n')
    await Promise.all(answers)
  }
  t.equal(counts.answered, 3 * sockets.length)
  for (const socket of sockets) socket.destroy()
})

t.test('who does not read is not asked for more, and gets everything in the end', async t => {
  const { server, counts } = frontedServer()
  const port = await listen(t, server)
  const socket = await open(port)
  socket.pause()
  const one = `GET /quick/${'x'.repeat(1_500)} HTTP/1.1\r\nHost: o\r\n\r\n`
  const count = 5_000
  socket.write(one.repeat(count))
  socket.end()
  // As far as buffers between the two reach.
  let seen = -1
  for (let turns = 0; counts.answered !== seen || turns < 50; turns++) {
    seen = counts.answered
    await nextTurn()
  }
  t.ok(counts.answered < count, `${counts.answered} answered`)
  let bytes = 0
  for await (const part of socket) bytes += part.length
  t.equal(counts.answered + counts.handedOver > 0, true)
  t.ok(bytes > count * 1_500)
})

t.test('what is behind a large body waits until it is out', async t => {
  const { server, counts, bodies, front } = frontedServer()
  const port = await listen(t, server)
  const socket = await open(port)
  socket.pause()
  const one = (target: string) => `GET ${target} HTTP/1.1\r\nHost: o\r\n\r\n`
  socket.write(one('/quick/a') + one('/quick/long/huge') + one('/quick/long') + one('/slow'))
  while (counts.answered < 2) await nextTurn()
  for (let turns = 0; turns < 20; turns++) await nextTurn()
  t.same([counts.answered, bodies], [2, { begun: 1, sent: 0, broken: 0 }])
  let text = ''
  socket.setEncoding('latin1').on('data', part => {
    text += part
  })
  socket.resume()
  socket.end()
  await once(socket, 'close')
  t.same(
    [counts, bodies],
    [
      { answered: 3, handedOver: 1, refused: 0 },
      { begun: 2, sent: 2, broken: 0 },
    ],
  )
  t.equal(front.open, 0)
  const heads = [...text.matchAll(/HTTP\/1\.1 302 Found\r\n/g)].map(({ index }) => index)
  t.equal(heads.length, 4)
  const bodyEnd = heads[2] ?? 0
  t.ok(text.slice(bodyEnd - hugeBody.length, bodyEnd) === hugeBody.toString('latin1'))
})

t.test('who takes nothing of a body is cut off, and so is who leaves', async t => {
  const short = { ...frontLimits, stallMs: 50 }
  const { server, bodies } = frontedServer(short)
  const port = await listen(t, server)
  const request = 'GET /quick/long/huge HTTP/1.1\r\nHost: o\r\n\r\n'
  const stalled = await open(port)
  stalled.pause()
  stalled.write(request)
  while (bodies.broken < 1) await nextTurn()
  stalled.destroy()
  const leaving = await open(port)
  leaving.on('error', () => undefined)
  leaving.write(request)
  await once(leaving, 'data')
  leaving.resetAndDestroy()
  while (bodies.broken < 2) await nextTurn()
  t.same(bodies, { begun: 2, sent: 0, broken: 2 })
})

t.test('a front that closes lets a body that is on its way end', async t => {
  const { server, front, bodies } = frontedServer()
  const port = await listen(t, server)
  const socket = await open(port)
  const request = 'GET /quick/long/huge HTTP/1.1\r\nHost: o\r\n\r\n'
  socket.write(request + request)
  await once(socket, 'readable')
  front.close()
  let bytes = 0
  for await (const part of socket) bytes += part.length
  t.ok(bytes > hugeBody.length && bytes < hugeBody.length + 1_000)
  t.same(bodies, { begun: 1, sent: 1, broken: 0 })
})

t.test('silent connections end', async t => {
  const { server, counts } = frontedServer({
    ...frontLimits,
    ...{ firstRequestMs: 20, idleMs: 40, sweepMs: 5 },
  })
  const port = await listen(t, server)
  const silent = await open(port)
  await once(silent.resume(), 'close')
  t.equal(counts.refused, 1)
  const idle = await open(port)
  idle.write('GET /quick/a HTTP/1.1\r\nHost: o\r\n\r\n')
  await once(idle.resume(), 'close')
  t.equal(counts.refused, 1, 'once it was answered, without a word')
})

t.test('a front that closes ends what it has and gives away what comes', async t => {
  const { server, counts, front } = frontedServer()
  const port = await listen(t, server)
  const idle = await open(port)
  idle.write('GET /quick/a HTTP/1.1\r\nHost: o\r\n\r\n')
  await once(idle, 'data')
  front.close()
  await once(idle.resume(), 'close')
  const text = await talk(port, [Buffer.from('GET /quick/a HTTP/1.1\r\nHost: o\r\n\r\n')])
  t.match(text, /302 Found/)
  t.equal(counts.handedOver, 1)
})
