import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { systemClock } from '../core/clock.ts'
import { parseNetwork } from '../core/networks.ts'
import { Front, frontDefaults } from './front.ts'
import { limitConnections, slowRequestLimits } from './server-limits.ts'

const start = async (t: Test, server: Server): Promise<() => Socket> => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const sockets: Socket[] = []
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return () => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.on('error', () => undefined)
    sockets.push(socket)
    return socket
  }
}

const textUntilEnd = async (socket: Socket): Promise<string> => {
  const parts: Buffer[] = []
  socket.on('data', part => parts.push(part))
  await once(socket, 'close')
  return Buffer.concat(parts).toString()
}

const quick = slowRequestLimits({ headersMs: 200, requestMs: 400, sweepMs: 50 })

t.test('headers that trickle in, silence, and slow bodies end the connection', async t => {
  const server = createServer({ ...quick }, (request, response) => {
    request.on('end', () => response.end('complete')).resume()
    request.on('error', () => undefined)
  })
  const open = await start(t, server)
  const silent = open()
  const trickling = open()
  const slowBody = open()
  trickling.write('GET / HTTP/1.1\r\nHost: x\r\n')
  const trickle = setInterval(() => trickling.write('X-More: y\r\n'), 20)
  slowBody.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n')
  const drip = setInterval(() => slowBody.write('.'), 20)
  const answers = await Promise.all([silent, trickling, slowBody].map(textUntilEnd))
  clearInterval(trickle)
  clearInterval(drip)
  for (const answer of answers) t.match(answer, /^(?:HTTP\/1\.1 408 .*)?$/s)
})

t.test('connections beyond the limit of their address are closed as they come', async t => {
  const server = createServer({ ...quick }, (_request, response) => response.end('ok'))
  const counter = limitConnections(server, () => ({ perAddress: 3, exempt: [] }))
  const open = await start(t, server)
  const first = [open(), open(), open()]
  await Promise.all(first.map(socket => once(socket, 'connect')))
  t.equal(await textUntilEnd(open()), '')
  t.equal(counter.refused(), 1)
  first[0]?.destroy()
  await once(first[0] as Socket, 'close')
  const later = open()
  later.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  t.match(await textUntilEnd(later), /ok$/, 'there is room again')
})

t.test('own networks have as many as they like', async t => {
  const server = createServer((_request, response) => response.end('ok'))
  const exempt = [parseNetwork('127.0.0.0/8')]
  const counter = limitConnections(server, () => ({ perAddress: 1, exempt }))
  const open = await start(t, server)
  const sockets = Array.from({ length: 20 }, open)
  await Promise.all(sockets.map(socket => once(socket, 'connect')))
  t.equal(counter.refused(), 0)
})

t.test('connections that have not said a word can be cut, too', async t => {
  const front = new Front(frontDefaults, systemClock)
  const server = createServer(() => undefined)
  front.guard(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(server, 'connection')
  const closed = Promise.all([once(socket, 'close'), once(server, 'close')])
  server.close()
  front.cut()
  await closed
  t.ok(socket.destroyed)
})
