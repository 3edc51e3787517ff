import { once } from 'node:events'
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { encodePreface } from './preface.ts'
import { passOn, TunnelEntrance } from './tunnel.ts'

const skip = process.platform === 'linux' ? false : 'abstract sockets exist on Linux only'

interface Passage {
  readonly port: number
  readonly entrance: TunnelEntrance
  /** Clients' connections at the worker's side. */
  readonly outside: Set<Socket>
  /** The same at the main thread's side. */
  readonly inside: Set<Socket>
}

/** A worker's listener that passes everything on, and the main thread's end. */
const passage = async (
  t: Test,
  take: (socket: Socket) => void,
  timeoutMs?: number,
): Promise<Passage> => {
  const inside = new Set<Socket>()
  const outside = new Set<Socket>()
  const entrance = new TunnelEntrance(timeoutMs)
  const inner = createServer({ allowHalfOpen: true }, socket => {
    socket.once('close', () => inside.delete(socket))
    entrance.take(socket, taken => {
      inside.add(taken)
      take(taken)
    })
  })
  inner.listen(entrance.place.path)
  await once(inner, 'listening')
  const server = createServer({ allowHalfOpen: true }, socket => {
    outside.add(socket)
    socket.once('close', () => outside.delete(socket))
    socket.once('error', () => socket.destroy())
    socket.once('data', first => passOn(socket, first as Buffer, entrance.place, false))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    for (const socket of outside) socket.destroy()
    server.close()
    for (const socket of inside) socket.destroy()
    inner.close()
  })
  return { port: (server.address() as AddressInfo).port, entrance, outside, inside }
}

const httpServer = (t: Test): HttpServer => {
  const server = createHttpServer((request, response) => {
    response.end(`${request.url} ${request.socket.remotePort} ${request.socket.localPort}`)
  })
  t.teardown(() => server.closeAllConnections())
  return server
}

const readToEnd = async (socket: Socket): Promise<string> => {
  const parts: Buffer[] = []
  for await (const part of socket) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('latin1')
}

const get = (path: string, connection = 'close'): string =>
  `GET ${path} HTTP/1.1\r\nHost: o\r\nConnection: ${connection}\r\n\r\n`

const until = async (done: () => boolean): Promise<void> => {
  while (!done()) await new Promise(resolve => setTimeout(resolve, 5))
}

t.test('node:http answers on a connection passed on, and sees the client', { skip }, async t => {
  const server = httpServer(t)
  const { port, inside } = await passage(t, socket => {
    server.emit('connection', socket)
    socket.resume()
  })
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  socket.write(get('/one', 'keep-alive') + get('/two', 'keep-alive').slice(0, 20))
  const own = socket.localPort
  const [first] = (await once(socket, 'data')) as [Buffer]
  t.match(first.toString(), `/one ${own} ${port}`)
  // The rest of a request, a third one, and an end behind which answers still come.
  socket.end(get('/two', 'keep-alive').slice(20) + get('/three'))
  const rest = await readToEnd(socket)
  t.match(rest, `/two ${own} ${port}`)
  t.match(rest, `/three ${own} ${port}`)
  await until(() => inside.size === 0)
})

t.test('a thousand connections are kept apart', { skip }, async t => {
  const server = httpServer(t)
  const { port, inside, outside } = await passage(t, socket => {
    server.emit('connection', socket)
    socket.resume()
  })
  const ask = async (index: number): Promise<boolean> => {
    const socket = connect(port, '127.0.0.1')
    socket.write(get(`/${index}`))
    return (await readToEnd(socket)).includes(`\r\n\r\n/${index} `)
  }
  let right = 0
  for (let start = 0; start < 1000; start += 250) {
    const answers = await Promise.all(Array.from({ length: 250 }, (_, k) => ask(start + k)))
    right += answers.filter(Boolean).length
  }
  t.equal(right, 1000)
  await until(() => inside.size === 0 && outside.size === 0)
})

t.test(
  'a client that reads slowly holds the sender back, and gets every byte',
  { skip },
  async t => {
    const total = 24 * 1024 * 1024
    let sent = 0
    const { port } = await passage(t, socket => {
      const part = Buffer.alloc(64 * 1024, 'x')
      const send = (): void => {
        while (sent < total) {
          sent += part.length
          if (!socket.write(part)) return
        }
        socket.end()
      }
      socket.on('drain', send)
      send()
      socket.resume()
    })
    const socket = connect(port, '127.0.0.1')
    socket.pause()
    socket.write('go')
    let before = -1
    while (before !== sent || sent === 0) {
      before = sent
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    t.ok(sent < total, `${sent} bytes were taken although nobody reads`)
    t.equal((await readToEnd(socket)).length, total)
  },
)

t.test('a client that breaks off is gone inside, and the other way round', { skip }, async t => {
  const { port, inside, outside } = await passage(t, socket => {
    // As node:http does: whoever says no more wants no more.
    socket.once('end', () => socket.end())
    socket.resume()
  })
  const open = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write('hello')
    await until(() => inside.size === 1)
    return socket
  }
  const client = await open()
  client.resetAndDestroy()
  await until(() => inside.size === 0 && outside.size === 0)
  const other = await open()
  const closed = once(other, 'close')
  for (const socket of inside) socket.destroy()
  other.resume()
  await closed
  await until(() => inside.size === 0 && outside.size === 0)
  t.pass('nothing is left')
})

t.test('nobody else gets in', { skip }, async t => {
  let taken = 0
  const { entrance } = await passage(t, () => taken++, 50)
  const { path, secret } = entrance.place
  const ends = { remoteAddress: '10.0.0.1', remotePort: 1, localAddress: '10.0.0.2', localPort: 80 }
  const good = encodePreface(secret, { ...ends, tls: false })
  const bad = [
    encodePreface('0'.repeat(64), { ...ends, tls: false }),
    good.replace('10.0.0.1', 'localhost'),
    '\n',
    'x'.repeat(600),
    `${' '.repeat(600)}${good}`,
    'GET / HTTP/1.1\r\n\r\n',
  ]
  const attempt = async (text: string, end: boolean): Promise<void> => {
    const socket = connect(path)
    socket.on('error', () => undefined)
    socket.resume()
    if (end) socket.end(text)
    else socket.write(text)
    if (!socket.closed) await once(socket, 'close')
  }
  for (const text of bad) await attempt(text, false)
  await attempt(good.slice(0, -1), true)
  await attempt(good.slice(0, 40), false)
  await attempt('', false)
  t.equal(taken, 0)
  t.equal(entrance.refused, bad.length + 3)
})

t.test(
  'where the main thread is gone, the client is told by a closed connection',
  { skip },
  async t => {
    const late = new TunnelEntrance()
    const server = createServer(socket => {
      socket.once('data', first => passOn(socket, first as Buffer, late.place, false))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write('hello')
    socket.resume()
    await once(socket, 'close')
    server.close()
    t.ok(late.place.path.startsWith('\0'), 'there is no file')
  },
)
