// A client's line to the origin: a relay from an address of its own, so that each cell of the matrix
// is another client. It sees where the client is sent.

import { connect, createServer, type Server, type Socket } from 'node:net'

let lines = 0

/** Addresses of 127.0.0.0/8 that nothing else uses; each is another client. */
const nextAddress = (): string => {
  lines++
  return `127.77.${Math.floor(lines / 250)}.${1 + (lines % 250)}`
}

export class ClientLine {
  /** Hosts that answers sent the client to, in this order. */
  readonly sentTo: string[] = []
  readonly address: string
  readonly #origin: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(origin: number) {
    this.#origin = origin
    this.address = nextAddress()
    this.#server = createServer(socket => this.#carry(socket))
  }

  /** Listen on `port` and relay to port `origin`, both of 127.0.0.1. */
  static async start(port: number, origin: number): Promise<ClientLine> {
    const line = new ClientLine(origin)
    await new Promise<void>((resolve, reject) => {
      line.#server.once('error', reject)
      line.#server.listen(port, '127.0.0.1', resolve)
    })
    return line
  }

  get url(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the line is closed')
    return `http://127.0.0.1:${address.port}`
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.#server.close(resolve))
  }

  #carry(client: Socket): void {
    const origin = connect({ host: '127.0.0.1', port: this.#origin, localAddress: this.address })
    for (const socket of [client, origin]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      // An error is followed by close, which ends both sides.
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        origin.destroy()
      })
    }
    // Redirects are small: one comes in one segment.
    origin.on('data', part => {
      const text = part.toString('latin1')
      for (const [, host = ''] of text.matchAll(/^location: https?:\/\/([^/:]+)/gim)) {
        this.sentTo.push(host)
      }
    })
    client.pipe(origin)
    origin.pipe(client)
  }
}
