// webtorrent's client, with everything off that talks to anyone but the peers we name, and opening
// torrents on demand: a peer that greets with an info-hash gets the bundle, if there is one.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import WebTorrent from 'webtorrent'
import type Torrent from 'webtorrent/lib/torrent.js'
import { describeError } from '../core/errors.ts'
import { type InfoHash, isInfoHash } from '../core/ids.ts'
import { peersPerTorrent } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import type { RateLimiter } from '../core/rate-limiter.ts'
import type { Connections } from './connections.ts'
import { guardWires } from './guarded-wire.ts'
import { limitedBy, unlimited } from './throttle.ts'
import { pumpPeers } from './wire-pump.ts'

export interface SwarmClientParts {
  readonly connections: Connections
  readonly downloadLimiter: RateLimiter
  readonly logger: Logger
  /** The torrent that a peer asks for, opened if need be; null when there is none. */
  readonly torrentFor: (infoHash: InfoHash) => Promise<Torrent | null>
}

export class SwarmClient extends WebTorrent {
  readonly #parts: SwarmClientParts

  constructor(parts: SwarmClientParts, listen: { readonly host: string; readonly port: number }) {
    guardWires()
    pumpPeers()
    super({
      torrentPort: listen,
      dht: false,
      tracker: false,
      lsd: false,
      utPex: false,
      utp: false,
      natUpnp: false,
      natPmp: false,
      webSeeds: false,
      secure: 0,
      maxConns: peersPerTorrent,
    })
    this.#parts = parts
    this.setMaxListeners(0)
    this.throttleGroups = { down: limitedBy(parts.downloadLimiter), up: unlimited }
  }

  /** Resolves with the port when peers can connect; to be called at once. */
  async listen(): Promise<number> {
    await once(this, 'listening')
    const { connections, logger } = this.#parts
    this.on('error', error => logger.error({ reason: describeError(error) }, 'the swarm failed'))
    const { tcpServer } = this._connPool
    tcpServer.removeListener('connection', this._connPool._onTCPConnectionBound)
    tcpServer.removeListener('error', this._connPool._onTCPError)
    connections.accept(tcpServer, socket => this._connPool._onConnection(socket, 'tcp'))
    return (tcpServer.address() as AddressInfo).port
  }

  /** Called by webtorrent when a peer has greeted; it must not reject. */
  override async get(infoHash: string): Promise<Torrent | null> {
    if (!isInfoHash(infoHash) || this.destroyed) return null
    try {
      return await this.#parts.torrentFor(infoHash)
    } catch (error) {
      this.#parts.logger.warn(
        { infoHash, reason: describeError(error) },
        'a torrent that a peer asked for could not be opened',
      )
      return null
    }
  }

  /** Close all connections and the port. */
  async stop(): Promise<void> {
    if (this.destroyed) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.destroy(error => (error === null || error === undefined ? resolve() : reject(error)))
    await promise
  }
}
