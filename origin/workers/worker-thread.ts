// A thread that holds clients' connections: listens beside the other workers at the same port, takes
// TLS off, reads and writes. It decides nothing: see carrier.ts for what becomes of a connection.

import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls'
import { parentPort, workerData } from 'node:worker_threads'
import { headersTimeoutMs } from '../../core/access-limits.ts'
import { systemClock } from '../../core/clock.ts'
import { describeError, systemCode } from '../../core/errors.ts'
import { listenBacklog } from '../../core/serving-limits.ts'
import { unparsedAnswer } from '../unparsed.ts'
import { Carrier } from './carrier.ts'
import type { FromWorker, ToWorker, WorkerBatch, WorkerOrder } from './messages.ts'
import type { ConnectionEnds } from './preface.ts'
import { passOn } from './tunnel.ts'

type Port = NonNullable<typeof parentPort>
type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] }

const emptyBatch = (): Mutable<WorkerBatch> => ({
  ...{ type: 'batch', silent: 0 },
  ...{ came: [], addresses: [], gone: [], asking: [], texts: [], ends: [], left: [] },
})

/** Collects what happens in a turn of the event loop, and sends it at its end. */
class Outbox {
  readonly #port: Port
  #batch = emptyBatch()
  #waiting = false
  #asked = false

  constructor(port: Port) {
    this.#port = port
  }

  came(number: number, address: string): void {
    this.#batch.came.push(number)
    this.#batch.addresses.push(address)
    this.#soon()
  }

  gone(number: number): void {
    this.#batch.gone.push(number)
    this.#soon()
  }

  silent(): void {
    this.#batch.silent++
    this.#soon()
  }

  ask(connection: number, text: string, ends: ConnectionEnds | null): void {
    this.#batch.asking.push(connection)
    this.#batch.texts.push(text)
    this.#batch.ends.push(ends)
    this.#soon()
  }

  left(connection: number): void {
    this.#batch.left.push(connection)
    this.#soon()
  }

  /** The main thread answered the message that asked: the next one may ask. */
  answered(): void {
    this.#asked = false
    if (this.#batch.asking.length > 0) this.#soon()
  }

  #soon(): void {
    if (this.#waiting) return
    this.#waiting = true
    setImmediate(() => {
      this.#waiting = false
      this.#send()
    })
  }

  /**
   * One message at a time asks: a busy main thread gets fewer and larger ones, since each costs it as
   * much as a request does.
   */
  #send(): void {
    const batch = this.#batch
    const asks = batch.asking.length > 0
    if (asks && this.#asked) return
    this.#asked ||= asks
    this.#batch = emptyBatch()
    this.#port.postMessage(batch)
  }
}

/** The connections of all listeners by number, so that the main thread can refuse them. */
const countConnections = (server: Server, outbox: Outbox, open: Map<number, Socket>): void => {
  server.on('connection', (socket: Socket) => {
    const number = nextNumber++
    open.set(number, socket)
    outbox.came(number, socket.remoteAddress ?? '')
    socket.once('close', () => {
      open.delete(number)
      outbox.gone(number)
    })
  })
}

let nextNumber = 0

const makeServer = (tls: WorkerOrder['tls'], carrier: Carrier): Server => {
  const adopt = (socket: Socket): void => carrier.adopt(socket)
  if (tls === null) return createServer({ allowHalfOpen: true, noDelay: true }, adopt)
  const { pair, ticketKeys } = tls
  const secure = { ...pair, ticketKeys: Buffer.from(ticketKeys), ALPNProtocols: ['http/1.1'] }
  const sockets = { allowHalfOpen: true, noDelay: true, handshakeTimeout: headersTimeoutMs }
  const server = createTlsServer({ ...secure, ...sockets }, adopt)
  // A handshake that fails concerns the client alone.
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  return server
}

const listenAt = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, reusePort: true, backlog: listenBacklog }, () => {
      server.off('error', reject)
      resolve()
    })
  })

/** A host's further addresses need not exist on this machine. */
const isMissing = (error: unknown): boolean =>
  ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(systemCode(error) ?? '')

const listenAtAll = async (servers: readonly Server[], order: WorkerOrder) => {
  let { port } = order
  let address = ''
  for (const [index, server] of servers.entries()) {
    try {
      await listenAt(server, order.hosts[index] ?? '', port)
    } catch (error) {
      if (index === 0 || !isMissing(error)) throw error
      continue
    }
    const bound = server.address()
    if (index > 0 || bound === null || typeof bound === 'string') continue
    port = bound.port
    address = bound.address
  }
  return { port, address }
}

const serve = (port: Port, order: WorkerOrder): void => {
  const outbox = new Outbox(port)
  const open = new Map<number, Socket>()
  const tell = (message: FromWorker): void => port.postMessage(message)
  const tls = order.tls !== null
  const carrier = new Carrier({
    ask: (number, text, ends) => outbox.ask(number, text, ends),
    left: number => outbox.left(number),
    passOn: (socket, bytes) => passOn(socket, bytes, order.place, tls),
    refuse: socket => {
      outbox.silent()
      socket.end(unparsedAnswer(undefined))
    },
    ...{ tls, clock: systemClock },
  })
  const servers = order.hosts.map(() => makeServer(order.tls, carrier))
  for (const server of servers) countConnections(server, outbox, open)
  const stop = async (): Promise<void> => {
    const closed = servers.map(
      server => new Promise(resolve => (server.listening ? server.close(resolve) : resolve(null))),
    )
    carrier.stop()
    await Promise.all(closed)
    port.close()
  }
  port.on('message', (message: ToWorker) => {
    if (message.type === 'answers') {
      outbox.answered()
      message.asking.forEach((number, index) => {
        carrier.answered(number, message.texts[index] ?? '', message.lengths[index] ?? 0)
      })
    } else if (message.type === 'refused') {
      for (const number of message.numbers) open.get(number)?.destroy()
    } else if (message.type === 'pair') {
      for (const server of servers) (server as TlsServer).setSecureContext(message.pair)
    } else void stop()
  })
  listenAtAll(servers, order).then(
    bound => tell({ type: 'listening', ...bound }),
    error => tell({ type: 'failed', code: systemCode(error) ?? '', message: describeError(error) }),
  )
}

if (parentPort !== null) serve(parentPort, workerData as WorkerOrder)
