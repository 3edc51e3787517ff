// The origin's plain BitTorrent port, for stock clients alone: it seeds what the origin has published, to
// whoever connects, and connects to nobody. Bounds who is let in and who may stay.

import { randomBytes } from 'node:crypto'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { type Clock, systemClock } from '../core/clock.ts'
import { describeError, MirrorswarmError, systemCode } from '../core/errors.ts'
import type { Logger } from '../core/log.ts'
import { clientBlock } from '../core/networks.ts'
import type { RateLimiter } from '../core/rate-limiter.ts'
import {
  seedConnections,
  seedConnectionsEach,
  seedHandshakeMs,
  seedLookMs,
} from '../core/stock-limits.ts'
import { type SeedPace, stepSeedPace } from './logic/seed-pace.ts'
import { type Place, type PlaceLimits, SeedPlaces } from './logic/seed-places.ts'
import type { SeedConnection } from './seed-connection.ts'
import type { SeedTorrents } from './seed-torrents.ts'

export interface SeedListen {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Where that port is taken, any other will do. */
  readonly orAnyPort: boolean
}

export interface SeedListenerParts {
  readonly torrents: SeedTorrents
  readonly limiter: Pick<RateLimiter, 'take'> | null
  readonly logger: Logger
  readonly onBytes: (bytes: number) => void
  readonly clock?: Pick<Clock, 'monotonicMs'>
}

export interface SeedListenerOptions {
  readonly limits?: PlaceLimits
  readonly handshakeMs?: number
}

interface Client extends Place {
  readonly socket: Socket
  connection: SeedConnection | null
  pace: SeedPace
}

const listenOn = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })

/** Azureus' style (BEP 20): the program, a version, and twelve bytes of chance. */
const makePeerId = (): string =>
  Buffer.concat([Buffer.from('-MS0100-'), randomBytes(12)]).toString('hex')

export class SeedListener {
  readonly #parts: SeedListenerParts
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #handshakeMs: number
  readonly #places: SeedPlaces<Client>
  readonly #peerId = makePeerId()
  readonly #server = createServer(socket => this.#admit(socket))
  #looking: NodeJS.Timeout | undefined

  constructor(parts: SeedListenerParts, options: SeedListenerOptions = {}) {
    this.#parts = parts
    this.#clock = parts.clock ?? systemClock
    this.#handshakeMs = options.handshakeMs ?? seedHandshakeMs
    this.#places = new SeedPlaces(
      options.limits ?? { inSum: seedConnections, each: seedConnectionsEach },
    )
  }

  /** Connections now. */
  get size(): number {
    return this.#places.taken
  }

  /** 40 hexadecimal digits. */
  get peerId(): string {
    return this.#peerId
  }

  /** Where it listens; null before and after. */
  get address(): { readonly host: string; readonly port: number } | null {
    const address = this.#server.address() as AddressInfo | null
    return address === null ? null : { host: address.address, port: address.port }
  }

  /** Throws MS_CONFIG_INVALID when it cannot listen there. */
  async start({ host, port, orAnyPort }: SeedListen): Promise<void> {
    const { logger } = this.#parts
    try {
      await listenOn(this.#server, host, port).catch((error: unknown) => {
        if (!orAnyPort || !['EADDRINUSE', 'EACCES'].includes(systemCode(error) ?? '')) throw error
        return listenOn(this.#server, host, 0)
      })
    } catch (error) {
      const message = `cannot listen for BitTorrent on ${host}:${port}: ${describeError(error)}`
      throw new MirrorswarmError('MS_CONFIG_INVALID', message, { cause: error })
    }
    // For instance no file descriptor left for one connection: others go on.
    this.#server.on('error', error =>
      logger.warn({ reason: describeError(error) }, 'a BitTorrent client could not connect'),
    )
    this.#looking = setInterval(() => this.look(), seedLookMs)
    this.#looking.unref()
    logger.info({ ...this.address }, 'seeding for BitTorrent clients')
  }

  /** Disconnect who takes nothing, close what nobody reads; done by a timer too. */
  look(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const client of this.#places) {
      const { connection } = client
      // Who has not greeted has a shorter time of its own.
      if (connection === null) continue
      const { sentBytes, isHeldBack } = connection
      const pace = stepSeedPace(client.pace, { nowMs, sentBytes, isHeldBack })
      if (pace === null) connection.close('it takes too little')
      else client.pace = pace
    }
    this.#parts.torrents.closeIdle().catch((error: unknown) => {
      this.#parts.logger.warn({ reason: describeError(error) }, 'a file could not be closed')
    })
  }

  /** End all connections and the port. */
  async stop(): Promise<void> {
    clearInterval(this.#looking)
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    for (const { socket } of this.#places) socket.destroy()
    await closed
    await this.#parts.torrents.stop()
  }

  #admit(socket: Socket): void {
    // A broken connection closes by itself.
    socket.on('error', () => undefined)
    const client: Client = {
      ...{ socket, connection: null, greeted: false },
      block: clientBlock(socket.remoteAddress ?? ''),
      pace: { sinceMs: this.#clock.monotonicMs(), sentBytes: 0 },
    }
    const { admitted, evicted } = this.#places.enter(client)
    evicted?.socket.destroy()
    if (!admitted) {
      socket.destroy()
      return
    }
    socket.setNoDelay(true)
    const late = setTimeout(() => socket.destroy(), this.#handshakeMs)
    late.unref()
    const onGreeted = (): void => {
      clearTimeout(late)
      client.greeted = true
    }
    socket.once('close', () => {
      clearTimeout(late)
      this.#places.leave(client)
    })
    this.#converse(client, onGreeted).catch((error: unknown) => {
      this.#parts.logger.error({ error: describeError(error) }, 'BitTorrent is not to be had')
      socket.destroy()
    })
  }

  /** The library is loaded for the first client: most origins never have one. */
  async #converse(client: Client, onGreeted: () => void): Promise<void> {
    const { SeedConnection } = await import('./seed-connection.ts')
    if (client.socket.destroyed) return
    const { torrents, limiter, logger, onBytes } = this.#parts
    client.connection = new SeedConnection(client.socket, {
      ...{ torrents, limiter, logger, onBytes, onGreeted },
      peerId: this.#peerId,
    })
  }
}
