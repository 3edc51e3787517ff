// A line of few bytes a second in front of a daemon: a TCP relay on loopback that passes on what the
// daemon sends at a fixed rate for each connection, and what the client sends at once.

import { createConnection, createServer, type Server, type Socket } from 'node:net'

const tickMs = 100

export class SlowRelay {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #bytesPerTick: number

  private constructor(targetPort: number, bytesPerSecond: number) {
    this.#bytesPerTick = Math.max(1, Math.round((bytesPerSecond * tickMs) / 1_000))
    this.#server = createServer(client => this.#carry(client, targetPort))
  }

  /** Listen on a free port of 127.0.0.1. */
  static async start(targetPort: number, bytesPerSecond: number): Promise<SlowRelay> {
    const relay = new SlowRelay(targetPort, bytesPerSecond)
    await new Promise<void>((resolve, reject) => {
      relay.#server.once('error', reject)
      relay.#server.listen({ host: '127.0.0.1', port: 0, backlog: 4_096 }, resolve)
    })
    return relay
  }

  get port(): number {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the relay is closed')
    return address.port
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.#server.close(resolve))
  }

  #carry(client: Socket, targetPort: number): void {
    const server = createConnection({ host: '127.0.0.1', port: targetPort })
    const timer = setInterval(() => {
      const length = Math.min(this.#bytesPerTick, server.readableLength)
      // Asked for nothing, an empty stream notices its end.
      const part: unknown = server.read(length)
      if (Buffer.isBuffer(part)) client.write(part)
    }, tickMs)
    // Only the timer reads; a stream's buffer ahead of it, the daemon has a slow reader.
    server.on('readable', () => undefined)
    server.on('end', () => client.end())
    client.pipe(server)
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      // An error is followed by close, which ends both sides.
      socket.on('error', () => undefined)
      socket.on('close', () => {
        clearInterval(timer)
        this.#sockets.delete(socket)
        // What the client has not yet got of a complete answer is still on its way.
        if (socket === client) server.destroy()
        else client.end()
      })
    }
  }
}
