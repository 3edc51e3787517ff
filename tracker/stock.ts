// The tracker for ordinary BitTorrent clients (BEP 3, BEP 7, BEP 23, BEP 48): bittorrent-tracker's
// server without its listeners, behind the origin's own HTTP. It knows only the origin's torrents, names
// the clients to each other, and forgets those that do not come back. What volunteers hold reaches
// these clients by HTTP, through the web seed in each torrent.

import type { IncomingMessage, ServerResponse } from 'node:http'
import bencode from 'bencode'
import Server, {
  type AnnounceParams,
  type AnnounceResponse,
  type Answer,
  type StockPeer,
  type Swarm,
} from 'bittorrent-tracker/server'
import { describeError } from '../core/errors.ts'
import { type InfoHash, isInfoHash } from '../core/ids.ts'
import { stockPeersPerSwarm, stockPeerTtlMs, stockSwarms, stockSweepMs } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'

export interface StockParts {
  /** Is it one of the origin's torrents? */
  readonly isKnown: (infoHash: InfoHash) => boolean
  /** Who seeds every torrent, for a client whose request arrived here; named after all others. */
  readonly seeders?: (request: IncomingMessage) => readonly StockSeeder[]
  readonly logger: Logger
}

export interface StockSeeder {
  readonly ip: string
  readonly port: number
  /** 40 hexadecimal digits. */
  readonly peerId: string
}

export interface StockOptions {
  /** How often clients are asked to announce. */
  readonly intervalMs: number
}

type StockAction = 'announce' | 'scrape'

/** The swarm of one torrent. Volunteers are not in it: they talk to each other only. */
class StockSwarm extends Server.Swarm {
  readonly #seeders: StockParts['seeders']

  constructor(infoHash: string, server: Server, seeders: StockParts['seeders']) {
    super(infoHash, server)
    this.#seeders = seeders
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
      const wanted = params.event === 'stopped' ? 0 : params.numwant
      const seeders = this.#seedersFor(params, wanted)
      const others = response.peers.slice(0, wanted - seeders.length)
      const complete = response.complete + Math.min(1, seeders.length)
      answer(null, { ...response, complete, peers: [...others, ...seeders] })
    })
  }

  /**
   * Who has everything already needs nobody who has everything. But a client that has only a magnet
   * link does not know yet how much is left, and some begin by saying 0.
   */
  #seedersFor({ left, event, httpReq }: AnnounceParams, wanted: number): StockPeer[] {
    if ((left === 0 && event !== 'started') || httpReq === undefined) return []
    const seeders = this.#seeders?.(httpReq) ?? []
    return seeders.slice(0, wanted).map(seeder => ({ type: 'http', complete: true, ...seeder }))
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
      // What handle() writes there is what it was told, whatever the client sent.
      trustProxy: true,
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
    const swarm = new StockSwarm(infoHash, this, this.#parts.seeders)
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
    return isInfoHash(infoHash) && this.#parts.isKnown(infoHash)
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
   * Answer a GET of a stock client at `address` (behind proxies, its own), whatever the path in front of the query. Refusals are answers
   * of status 200 with a "failure reason", as clients expect.
   */
  handle(
    request: IncomingMessage,
    response: ServerResponse,
    action: StockAction,
    address: string,
  ): void {
    request.headers['x-forwarded-for'] = address
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
