// The one place where connections between volunteers begin: plain TCP for now; encryption and
// identities belong here and nowhere else.

import { connect, type Server, type Socket } from 'node:net'
import { describeError } from '../core/errors.ts'
import { swarmConnections } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'

export interface PeerAddress {
  readonly host: string
  readonly port: number
}

/** The name of an address in maps and logs. */
export const addressText = ({ host, port }: PeerAddress): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

const prepare = (socket: Socket): void => {
  // Requests are small and must not wait for each other.
  socket.setNoDelay(true)
  socket.setKeepAlive(true, 60_000)
}

export class Connections {
  readonly #logger: Logger
  #open = 0

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Is there room for one more connection? */
  get full(): boolean {
    return this.#open >= swarmConnections
  }

  /** A connection to another volunteer; it says 'connect', 'error' and 'close' like a socket. */
  connect(address: PeerAddress): Socket {
    const { host, port } = address
    const socket = connect({ host, port })
    prepare(socket)
    this.#count(socket)
    return socket
  }

  /** Hand each connection that `server` accepts to `onSocket`, as long as there is room. */
  accept(server: Server, onSocket: (socket: Socket) => void): void {
    server.on('connection', (socket: Socket) => {
      if (this.full) {
        socket.destroy()
        return
      }
      prepare(socket)
      this.#count(socket)
      onSocket(socket)
    })
    // For instance no file descriptor left for one connection: others go on.
    server.on('error', error =>
      this.#logger.warn({ reason: describeError(error) }, 'a peer could not connect'),
    )
  }

  #count(socket: Socket): void {
    this.#open++
    socket.once('close', () => {
      this.#open--
    })
  }
}
