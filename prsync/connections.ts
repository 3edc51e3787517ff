// The one place where connections between volunteers begin: TLS 1.3, both sides showing the key that
// they are enrolled with. Before a key is checked against the roster, nothing of what the other side
// says gets any further, and it has little time and room for saying it.

import { constants } from 'node:crypto'
import type { Server, Socket } from 'node:net'
import {
  connect,
  createServer,
  type SecureContext,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls'
import { describeError } from '../core/errors.ts'
import type { VolunteerName } from '../core/ids.ts'
import {
  gatheredWriteBytes,
  peerHandshakeMs,
  swarmConnections,
  unprovenConnections,
} from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import {
  credentialsOf,
  type PeerCredentials,
  type PeerIdentity,
  type PeerRoster,
  provenKey,
  secureContextOf,
} from './peer-identity.ts'

export interface PeerAddress {
  readonly name: VolunteerName
  readonly host: string
  readonly port: number
  /** It has the whole torrent, as far as the tracker knows. */
  readonly complete?: boolean | undefined
}

/** Host and port, for maps and logs. */
export const addressText = ({ host, port }: Pick<PeerAddress, 'host' | 'port'>): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

export interface ConnectionsParts {
  readonly identity: PeerIdentity
  readonly roster: PeerRoster
  /** Those that are in the roster and are avoided nevertheless. */
  readonly isBanned: (name: VolunteerName) => boolean
  readonly logger: Logger
  /** How long a handshake may take. */
  readonly handshakeMs?: number
}

interface Proven {
  readonly name: VolunteerName
  readonly key: string
}

const prepare = (socket: Socket): void => {
  // Requests are small and must not wait for each other.
  socket.setNoDelay(true)
  socket.setKeepAlive(true, 60_000)
}

/**
 * Short messages of one turn leave as one, in as few TLS records and system calls as there can be.
 * Blocks go at once: gathering would copy them.
 */
const gatherWrites = (socket: TLSSocket): void => {
  const release = (): void => {
    gathering = false
    socket.uncork()
  }
  let gathering = false
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
  socket.write = (...args: unknown[]): boolean => {
    const [data] = args
    if (data instanceof Uint8Array && data.length >= gatheredWriteBytes) {
      if (gathering) socket.uncork()
      const goesOn = write(...args)
      if (gathering) socket.cork()
      return goesOn
    }
    if (!gathering) {
      gathering = true
      socket.cork()
      setImmediate(release)
    }
    return write(...args)
  }
}

/** Names a connection that a server accepted, before and after its handshake. */
const remoteEnd = ({ remoteAddress, remotePort }: Socket): string =>
  `${remoteAddress} ${remotePort}`

export class Connections {
  readonly #parts: ConnectionsParts
  readonly #credentials: PeerCredentials
  readonly #context: SecureContext
  readonly #handshakeMs: number
  readonly #open = new Set<Socket>()
  /** Accepted, but who it is has not been shown; the oldest first. */
  readonly #unproven = new Map<string, Socket>()
  readonly #proven = new Map<Socket, Proven>()
  readonly #unfollow: () => void

  constructor(parts: ConnectionsParts) {
    this.#parts = parts
    this.#credentials = credentialsOf(parts.identity)
    this.#context = secureContextOf(this.#credentials)
    this.#handshakeMs = parts.handshakeMs ?? peerHandshakeMs
    this.#unfollow = parts.roster.onChange(() => this.#recheck())
  }

  /** This volunteer's own name. */
  get name(): VolunteerName {
    return this.#parts.identity.name
  }

  /** Is there room for one more connection? */
  get full(): boolean {
    return this.#open.size >= swarmConnections
  }

  /** Connections, whatever stage they are in. */
  get size(): number {
    return this.#open.size
  }

  /** Who is at the other end; null while that is not shown. */
  identityOf(socket: Socket): VolunteerName | null {
    return this.#proven.get(socket)?.name ?? null
  }

  /**
   * A connection to that very volunteer. It says 'error' and 'close' like any socket; `onReady` is
   * called when the other side has shown the right key, and not at all if it has another one.
   */
  connect(address: PeerAddress, onReady: () => void): Socket {
    const { host, port, name } = address
    const socket = connect({
      ...{ host, port, secureContext: this.#context, rejectUnauthorized: false },
      // What the certificate says besides its key is of no interest.
      checkServerIdentity: () => undefined,
    })
    prepare(socket)
    this.#count(socket)
    const timer = setTimeout(
      () => socket.destroy(new Error('no handshake in time')),
      this.#handshakeMs,
    )
    timer.unref()
    socket.once('close', () => clearTimeout(timer))
    socket.once('secureConnect', () => {
      clearTimeout(timer)
      if (this.#admit(socket, name)) onReady()
    })
    return socket
  }

  /** Hand each connection that `server` accepts to `onSocket` once it is known whose it is. */
  accept(server: Server, onSocket: (socket: Socket) => void): void {
    const secure = this.#secureServer(onSocket)
    server.on('connection', (socket: Socket) => {
      if (this.full) {
        socket.destroy()
        return
      }
      prepare(socket)
      this.#count(socket)
      this.#makeRoom()
      const end = remoteEnd(socket)
      this.#unproven.set(end, socket)
      socket.once('close', () => this.#unproven.delete(end))
      secure.emit('connection', socket)
    })
    // For instance no file descriptor left for one connection: others go on.
    server.on('error', error =>
      this.#parts.logger.warn({ reason: describeError(error) }, 'a peer could not connect'),
    )
  }

  /** End all connections with a volunteer. */
  close(name: VolunteerName): void {
    for (const [socket, proven] of this.#proven) if (proven.name === name) socket.destroy()
  }

  /** End all connections, and follow the roster no more. */
  stop(): void {
    this.#unfollow()
    for (const socket of this.#open) socket.destroy()
  }

  #secureServer(onSocket: (socket: Socket) => void): TlsServer {
    const secure = createServer({
      ...this.#credentials,
      handshakeTimeout: this.#handshakeMs,
      // Who connects shows its key each time: that costs a millisecond.
      secureOptions: constants.SSL_OP_NO_TICKET,
    })
    secure.on('secureConnection', (socket: TLSSocket) => {
      this.#unproven.delete(remoteEnd(socket))
      // Others listen only to those that are admitted.
      socket.on('error', () => undefined)
      if (this.#admit(socket, null)) onSocket(socket)
    })
    secure.on('tlsClientError', (error, socket) => {
      this.#parts.logger.debug({ reason: describeError(error) }, 'a handshake failed')
      socket.destroy()
    })
    return secure
  }

  /** Who never ends a handshake must not keep others from theirs. */
  #makeRoom(): void {
    if (this.#unproven.size < unprovenConnections) return
    for (const [end, oldest] of this.#unproven) {
      this.#unproven.delete(end)
      oldest.destroy()
      return
    }
  }

  /** The handshake is over: is it somebody of the roster, and the one that was wanted? */
  #admit(socket: TLSSocket, wanted: VolunteerName | null): boolean {
    const { roster, isBanned, logger } = this.#parts
    if (socket.destroyed) return false
    const key = provenKey(socket)
    const name = key === null ? null : roster.nameOf(key)
    const right = key !== null && name !== null && (wanted === null || name === wanted)
    if (!right || isBanned(name)) {
      const fields = { address: socket.remoteAddress, port: socket.remotePort, name, wanted }
      logger.debug(fields, 'a peer was refused: it is not a volunteer that may connect here')
      socket.destroy(new Error('not the right volunteer'))
      return false
    }
    gatherWrites(socket)
    this.#proven.set(socket, { name, key })
    socket.once('close', () => this.#proven.delete(socket))
    return true
  }

  /** The roster has changed: who left it, or has another key now, is a stranger. */
  #recheck(): void {
    for (const [socket, { name, key }] of this.#proven) {
      if (this.#parts.roster.nameOf(key) !== name) socket.destroy()
    }
  }

  #count(socket: Socket): void {
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
  }
}
