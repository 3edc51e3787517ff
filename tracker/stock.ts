// The tracker for ordinary BitTorrent clients (BEP 3, BEP 7, BEP 23, BEP 48): bittorrent-tracker's
// server without its listeners, behind the origin's own HTTP. It knows only the origin's torrents,
// forgets clients that do not come back, and names the volunteers that hold a torrent as peers.

import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import bencode from 'bencode'
import Server, {
  type AnnounceParams,
  type AnnounceResponse,
  type Answer,
  type StockPeer,
  type Swarm,
} from 'bittorrent-tracker/server'
import type { Random } from '../core/clock.ts'
import { describeError } from '../core/errors.ts'
import { type ContentNumber, type InfoHash, isInfoHash } from '../core/ids.ts'
import { stockPeersPerSwarm, stockPeerTtlMs, stockSwarms, stockSweepMs } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import type { AddressBook } from './address-book.ts'
import type { PeerAddress } from './messages.ts'

export interface StockParts {
  /** What a torrent of the origin's consists of; null for any other. */
  readonly knownTorrent: (
    infoHash: InfoHash,
  ) => { readonly contents: readonly ContentNumber[] } | null
  /** The volunteers that hold all of these and take connections. */
  readonly peersHolding: (contents: readonly ContentNumber[]) => readonly PeerAddress[]
  readonly addresses: AddressBook
  readonly random: Random
  readonly logger: Logger
}

export interface StockOptions {
  /** How often clients are asked to announce. */
  readonly intervalMs: number
}

type StockAction = 'announce' | 'scrape'

/** A peer id (BEP 20) that stays the same for a volunteer. */
const peerIdOf = (name: string): string =>
  Buffer.from(`-MS0100-${createHash('sha256').update(name).digest('hex').slice(0, 12)}`).toString(
    'hex',
  )

/** The swarm of one torrent: its stock clients, and in each answer the volunteers too. */
class StockSwarm extends Server.Swarm {
  readonly #volunteers: () => readonly PeerAddress[]
  readonly #parts: StockParts

  constructor(
    infoHash: string,
    server: Server,
    parts: StockParts,
    volunteers: () => readonly PeerAddress[],
  ) {
    super(infoHash, server)
    this.#parts = parts
    this.#volunteers = volunteers
  }

  override announce(params: AnnounceParams, answer: Answer<AnnounceResponse>): void {
    // Other values would make the server answer in the form meant for WebSockets.
    params.compact = params.compact === 1 ? 1 : 0
    params.numwant = Math.max(0, params.numwant)
    super.announce(params, (error, response) => {
      if (error !== null || response === undefined) {
        answer(error ?? new Error('no answer'))
        return
      }
      this.#complete(params, response).then(
        full => answer(null, full),
        reason => answer(reason instanceof Error ? reason : new Error(String(reason))),
      )
    })
  }

  override scrape(
    _params: unknown,
    answer: Answer<{ complete: number; incomplete: number }>,
  ): void {
    const complete = this.complete + this.#volunteers().length
    answer(null, { complete, incomplete: this.incomplete })
  }

  async #complete(params: AnnounceParams, response: AnnounceResponse): Promise<AnnounceResponse> {
    const volunteers = this.#volunteers()
    const complete = response.complete + volunteers.length
    if (params.event === 'stopped') return { ...response, complete, peers: [] }
    if (params.left === 0) return { ...response, complete }
    const chosen = this.#choose(volunteers, params.numwant)
    const peers = await Promise.all(chosen.map(volunteer => this.#stockPeers(volunteer)))
    return {
      ...response,
      complete,
      peers: [...peers.flat(), ...response.peers].slice(0, params.numwant),
    }
  }

  #choose(volunteers: readonly PeerAddress[], numwant: number): readonly PeerAddress[] {
    const first = Math.floor(this.#parts.random() * volunteers.length)
    return [...volunteers.slice(first), ...volunteers.slice(0, first)].slice(0, numwant)
  }

  async #stockPeers({ name, host, port }: PeerAddress): Promise<StockPeer[]> {
    const addresses = await this.#parts.addresses.addresses(host)
    const peerId = peerIdOf(name)
    return addresses
      .filter(ip => !ip.includes('%'))
      .map(ip => ({ type: 'http', complete: true, peerId, ip, port }))
  }
}

/** The server with bounds: as many swarms as stockSwarms, the least used one is forgotten first. */
class BoundedServer extends Server {
  readonly #parts: StockParts
  readonly #used = new Map<string, Swarm>()

  constructor(parts: StockParts, options: StockOptions) {
    super({
      http: false,
      udp: false,
      ws: false,
      stats: false,
      trustProxy: false,
      interval: options.intervalMs,
      peersCacheLength: stockPeersPerSwarm,
      peersCacheTtl: stockPeerTtlMs,
      filter: (infoHash, _params, done) => {
        done(this.#known(infoHash) ? null : new Error('this tracker does not know that torrent'))
      },
    })
    this.#parts = parts
  }

  /** Swarms that are remembered. */
  get size(): number {
    return this.#used.size
  }

  override getSwarm(infoHash: string, answer: Answer<Swarm>): void {
    const swarm = this.#used.get(infoHash)
    if (swarm !== undefined) {
      this.#used.delete(infoHash)
      this.#used.set(infoHash, swarm)
      process.nextTick(answer, null, swarm)
    } else if (this.#known(infoHash)) this.createSwarm(infoHash, answer)
    else process.nextTick(answer, null, undefined)
  }

  override createSwarm(infoHash: string, answer: Answer<Swarm>): void {
    const { knownTorrent, peersHolding } = this.#parts
    const swarm = new StockSwarm(infoHash, this, this.#parts, () => {
      const torrent = knownTorrent(infoHash as InfoHash)
      return torrent === null ? [] : peersHolding(torrent.contents)
    })
    this.torrents[infoHash] = swarm
    this.#used.set(infoHash, swarm)
    for (const oldest of this.#used.keys()) {
      if (this.#used.size <= stockSwarms) break
      this.#forget(oldest)
    }
    process.nextTick(answer, null, swarm)
  }

  /** Forget peers whose time is over, swarms without peers, torrents that are no longer known. */
  sweep(): void {
    for (const [infoHash, swarm] of this.#used) {
      // Looking at a peer is what makes the cache notice its age.
      for (const key of swarm.peers.keys) swarm.peers.peek(key)
      if (swarm.peers.length === 0 || !this.#known(infoHash)) this.#forget(infoHash)
    }
  }

  #known(infoHash: string): boolean {
    return isInfoHash(infoHash) && this.#parts.knownTorrent(infoHash) !== null
  }

  #forget(infoHash: string): void {
    this.#used.delete(infoHash)
    delete this.torrents[infoHash]
  }
}

export class StockTracker {
  readonly #server: BoundedServer
  #sweeping: NodeJS.Timeout | null = null

  constructor(parts: StockParts, options: StockOptions) {
    this.#server = new BoundedServer(parts, options)
    this.#server.on('warning', (error: unknown) => {
      parts.logger.debug({ error: describeError(error) }, 'a BitTorrent client was refused')
    })
    this.#server.on('error', (error: unknown) => {
      parts.logger.error({ error: describeError(error) }, 'the stock tracker failed')
    })
  }

  /** Swarms in memory. */
  get swarms(): number {
    return this.#server.size
  }

  start(): void {
    this.#sweeping = setInterval(() => this.sweep(), stockSweepMs)
    this.#sweeping.unref()
  }

  /** Forget who did not come back; done by a timer too. */
  sweep(): void {
    this.#server.sweep()
  }

  /**
   * Answer a GET of a stock client, whatever the path in front of the query. Refusals are answers
   * of status 200 with a "failure reason", as clients expect.
   */
  handle(request: IncomingMessage, response: ServerResponse, action: StockAction): void {
    response.setHeader('content-type', 'text/plain')
    response.setHeader('cache-control', 'no-store')
    // Without info_hash the server would list every torrent to anyone.
    if (action === 'scrape' && !/[?&]info_hash=/.test(request.url ?? '')) {
      response.end(bencode.encode({ 'failure reason': 'scrape needs an info_hash' }))
      return
    }
    this.#server.onHttpRequest(request, response, { action })
  }

  stop(): void {
    if (this.#sweeping !== null) clearInterval(this.#sweeping)
    this.#server.close()
  }
}
