import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { systemClock } from '../../core/clock.ts'
import { createLogger } from '../../core/log.ts'
import { readTlsPair, type TlsPair } from '../../core/tls-files.ts'
import { AddressConnections } from '../../delivery/server-limits.ts'
import { missing } from '../../loadtest/programs.ts'
import type { WorkerTls } from './messages.ts'
import { TunnelEntrance } from './tunnel.ts'
import { WorkerPool } from './worker-pool.ts'

const skip = process.platform === 'linux' ? false : 'threads share a port on Linux only'

/** Workers before a main thread that answers "/quick" at once, and all else by node:http. */
const pool = async (
  t: Test,
  count: number,
  { perAddress = null, tls = null }: { perAddress?: number | null; tls?: WorkerTls | null } = {},
) => {
  const entrance = new TunnelEntrance()
  const inner = createHttpServer((request, response) => response.end(`slow ${request.url}`))
  const takers = inner.listeners('connection') as ((socket: Socket) => void)[]
  inner.removeAllListeners('connection')
  inner.on('connection', socket =>
    entrance.take(socket, taken => {
      for (const take of takers) take.call(inner, taken)
      taken.resume()
    }),
  )
  inner.listen(entrance.place.path)
  await once(inner, 'listening')
  const connections = new AddressConnections(() => ({ perAddress, exempt: [] }))
  const seen = new Set<string>()
  const workers = new WorkerPool(
    {
      answer: (text, { remoteAddress, remotePort }) => {
        seen.add(`${remoteAddress} ${remotePort}`)
        return text.startsWith('GET /quick')
          ? { text: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nquick', length: text.length }
          : { text: '', length: 0 }
      },
      ...{ connections, place: entrance.place, clock: systemClock, onSilent: () => undefined },
      logger: createLogger('test', 'silent', 'full'),
    },
    { count, tls },
  )
  t.teardown(async () => {
    await workers.stop(200)
    inner.close()
    inner.closeAllConnections()
  })
  return { workers, seen, connections }
}

const open = async (port: number): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

const ask = async (socket: Socket, path: string): Promise<string> => {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: o\r\n\r\n`)
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  return bytes.toString('latin1')
}

/** Ask until it works: a listener that just died takes some connections along. */
const askSomebody = async (port: number): Promise<Socket> => {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const broken = new Promise<null>(resolve => {
      socket.once('error', () => resolve(null))
      socket.once('close', () => resolve(null))
    })
    socket.write('GET /quick HTTP/1.1\r\nHost: o\r\n\r\n')
    const answer = once(socket, 'data').catch(() => null)
    if ((await Promise.race([answer, broken])) !== null) return socket
    socket.destroy()
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

t.test('a worker that dies takes only its own connections along', { skip }, async t => {
  const { workers, seen } = await pool(t, 2)
  const { port, address } = await workers.start('127.0.0.1', 0)
  t.equal(address, '127.0.0.1')
  t.ok(port > 0)
  const sockets = await Promise.all(Array.from({ length: 32 }, () => open(port)))
  for (const [index, socket] of sockets.entries()) {
    const path = index % 2 === 0 ? '/quick' : '/other'
    t.match(await ask(socket, path), index % 2 === 0 ? 'quick' : 'slow /other')
  }
  t.same(seen, new Set(sockets.map(socket => `127.0.0.1 ${socket.localPort}`)), 'by their names')
  t.equal(workers.open, 32)
  const [victim] = workers.threads
  let lost = 0
  for (const socket of sockets) socket.once('close', () => lost++)
  await victim?.terminate()
  while (workers.open + lost < 32 || lost === 0) {
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  t.ok(lost > 0 && lost < 32, `${lost} of 32 were the dead worker's`)
  for (const [index, socket] of sockets.entries()) {
    if (socket.destroyed || socket.readableEnded) continue
    t.match(await ask(socket, '/quick'), index % 2 === 0 ? 'quick' : 'slow /quick')
  }
  while (workers.threads.length < 2) await new Promise(resolve => setTimeout(resolve, 5))
  t.equal(workers.restarted, 1)
  for (const socket of sockets) socket.destroy()
  const again = await Promise.all(Array.from({ length: 16 }, () => askSomebody(port)))
  t.equal(again.length, 16)
  for (const socket of again) socket.destroy()
})

t.test('addresses have their number of connections at all workers together', { skip }, async t => {
  const { workers, connections } = await pool(t, 2, { perAddress: 5 })
  const { port } = await workers.start('127.0.0.1', 0)
  const sockets = await Promise.all(Array.from({ length: 20 }, () => open(port)))
  let closed = 0
  for (const socket of sockets) socket.resume().once('close', () => closed++)
  while (closed < 15) await new Promise(resolve => setTimeout(resolve, 5))
  t.equal(connections.refused, 15)
  t.equal(workers.open, 5)
  for (const socket of sockets) socket.destroy()
  while (workers.open > 0) await new Promise(resolve => setTimeout(resolve, 5))
  const next = await open(port)
  t.match(await ask(next, '/quick'), 'quick', 'when they are gone there is room')
  next.destroy()
})

t.test('a port that is taken is refused, though workers share theirs', { skip }, async t => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { workers } = await pool(t, 2)
  const { port } = other.address() as AddressInfo
  await t.rejects(workers.start('127.0.0.1', port), { code: 'EADDRINUSE' })
  const one = await pool(t, 2)
  const bound = await one.workers.start('localhost', 0)
  const two = await pool(t, 2)
  await t.rejects(two.workers.start('localhost', bound.port), { code: 'EADDRINUSE' })
  await t.rejects(two.workers.start('192.0.2.1', 0), { code: 'EADDRNOTAVAIL' })
})

t.test('stopping ends what is idle, and lets what is under way end', { skip }, async t => {
  const { workers } = await pool(t, 2)
  const { port } = await workers.start('127.0.0.1', 0)
  const idle = await open(port)
  await ask(idle, '/quick')
  const ended = once(idle.resume(), 'close')
  workers.close()
  await ended
  await workers.stop()
  t.equal(workers.threads.length, 0)
  t.equal(workers.restarted, 0)
  const late = connect(port, '127.0.0.1')
  const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException]
  t.equal(error.code, 'ECONNREFUSED')
})

const certificateOf = (folder: string, name: string): TlsPair => {
  mkdirSync(folder, { recursive: true })
  const [certFile, keyFile] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)]
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const named = ['-subj', `/CN=${name}`, '-days', '2', '-keyout', keyFile, '-out', certFile]
  execFileSync('openssl', ['req', '-x509', ...made, ...named], { stdio: 'ignore' })
  return readTlsPair({ certFile, keyFile })
}

const tlsSkip = skip === false ? missing('openssl') : skip

t.test(
  'all workers take a new certificate, and one another’s tickets',
  { skip: tlsSkip },
  async t => {
    const pair = certificateOf(t.testdirName, 'one')
    const { workers } = await pool(t, 2, { tls: { pair, ticketKeys: randomBytes(48) } })
    const { port } = await workers.start('127.0.0.1', 0)
    const open = async (session?: Buffer): Promise<TLSSocket> => {
      const more = session === undefined ? {} : { session }
      const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...more })
      await once(socket, 'secureConnect')
      return socket
    }
    const first = await open()
    t.equal(first.getPeerCertificate().subject.CN, 'one')
    const [session] = (await once(first.resume(), 'session')) as [Buffer]
    for (let round = 0; round < 8; round++) {
      const again = await open(session)
      t.ok(again.isSessionReused())
      t.match(await ask(again, '/other'), 'slow /other')
      again.destroy()
    }
    workers.setSecureContext(certificateOf(t.testdirName, 'two'))
    const names = new Set(['one'])
    for (let fresh = 0; fresh < 8; ) {
      const socket = await open()
      const name = String(socket.getPeerCertificate().subject.CN)
      // The message may still be on its way.
      fresh = name === 'two' ? fresh + 1 : 0
      names.add(name)
      socket.destroy()
    }
    t.same(names, new Set(['one', 'two']))
    t.match(await ask(first, '/quick'), 'quick', 'and what was open stays')
    first.destroy()
  },
)
