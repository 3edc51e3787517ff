// A TCP proxy on loopback that counts what passes: connections, bytes, and HTTP requests with their
// size on the wire. It can also cut everything, as a broken network does.

import { createConnection, createServer, type Server, type Socket } from 'node:net'

export interface CountedRequest {
  readonly line: string
  /** The request itself. */
  bytes: number
  /** What came back on its connection until the next request there. */
  answerBytes: number
  /** Where the answer begins: its status and headers. */
  answerHead: string
}

/** Enough for the headers of any answer that tests and benches look at. */
const keptHeadBytes = 2_048

export class TcpProxy {
  readonly requests: CountedRequest[] = []
  sentBytes = 0
  receivedBytes = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #target: { host: string; port: number }

  private constructor(target: { host: string; port: number }) {
    this.#target = target
    this.#server = createServer(socket => this.#carry(socket))
  }

  /** Listen on a free port of 127.0.0.1 and pass everything on to `target`. */
  static async start(target: { host: string; port: number }, port = 0): Promise<TcpProxy> {
    const proxy = new TcpProxy(target)
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject)
      proxy.#server.listen(port, '127.0.0.1', resolve)
    })
    return proxy
  }

  get port(): number {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy is closed')
    return address.port
  }

  /** Break every connection that is open now. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async stop(): Promise<void> {
    this.cut()
    await new Promise(resolve => this.#server.close(resolve))
  }

  #carry(client: Socket): void {
    const server = createConnection(this.#target)
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      // An error is followed by close, which ends both sides.
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        server.destroy()
      })
    }
    let latest: CountedRequest | null = null
    client.on('data', part => {
      latest = this.#countSent(part, latest)
    })
    server.on('data', part => {
      this.receivedBytes += part.length
      if (latest === null) return
      if (latest.answerBytes === 0) latest.answerHead = part.toString('latin1', 0, keptHeadBytes)
      latest.answerBytes += part.length
    })
    client.pipe(server)
    server.pipe(client)
  }

  // A request's head begins a segment, since the daemons do not pipeline. Returns the request that
  // its connection is at.
  #countSent(part: Buffer, latest: CountedRequest | null): CountedRequest | null {
    this.sentBytes += part.length
    const line = /^(?:GET|HEAD|POST) \S+ HTTP\/1\.1/.exec(part.toString('latin1', 0, 8_192))?.[0]
    if (line === undefined) {
      if (latest !== null) latest.bytes += part.length
      return latest
    }
    const request = { line, bytes: part.length, answerBytes: 0, answerHead: '' }
    this.requests.push(request)
    return request
  }
}
