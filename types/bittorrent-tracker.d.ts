// bittorrent-tracker 11 ships no types: what is used of it.

declare module 'bittorrent-tracker/server' {
  import type { EventEmitter } from 'node:events'
  import type { IncomingMessage, ServerResponse } from 'node:http'

  interface StockPeer {
    type: string
    complete: boolean
    /** Hexadecimal. */
    peerId: string
    ip: string
    port: number
  }
  interface AnnounceParams {
    event?: string
    left: number
    numwant: number
    compact: number
    peer_id: string
    /** `ip:port` */
    addr: string
    /** What the announce came by. */
    httpReq?: IncomingMessage
  }
  interface AnnounceResponse {
    complete: number
    incomplete: number
    peers: StockPeer[]
    interval?: number
  }
  type Answer<T> = (error: Error | null, answer?: T) => void

  class Swarm {
    constructor(infoHash: string, server: Server)
    infoHash: string
    complete: number
    incomplete: number
    peers: { length: number; keys: string[]; peek(key: string): StockPeer | undefined }
    announce(params: AnnounceParams, answer: Answer<AnnounceResponse>): void
    scrape(params: unknown, answer: Answer<{ complete: number; incomplete: number }>): void
  }

  interface ServerOptions {
    http?: boolean
    udp?: boolean
    ws?: boolean
    stats?: boolean
    trustProxy?: boolean
    /** Milliseconds. */
    interval?: number
    peersCacheLength?: number
    /** Milliseconds. */
    peersCacheTtl?: number
    filter?: (infoHash: string, params: AnnounceParams, done: (error: Error | null) => void) => void
  }

  class Server extends EventEmitter {
    static Swarm: typeof Swarm
    constructor(options?: ServerOptions)
    torrents: Record<string, Swarm>
    getSwarm(infoHash: string, answer: Answer<Swarm>): void
    createSwarm(infoHash: string, answer: Answer<Swarm>): void
    onHttpRequest(
      request: IncomingMessage,
      response: ServerResponse,
      options: { action: 'announce' | 'scrape' },
    ): void
    close(done?: (error: Error | null) => void): void
  }

  export type { AnnounceParams, AnnounceResponse, Answer, StockPeer, Swarm }
  export { Server as default }
}

declare module 'bittorrent-tracker/client' {
  import { EventEmitter } from 'node:events'

  interface ClientOptions {
    infoHash: string | Uint8Array
    peerId: string | Uint8Array
    announce: string | readonly string[]
    port: number
    wrtc?: false
  }
  /** Emits `update` (answer), `peer` (`ip:port`), `scrape` (answer), `warning` and `error`. */
  class Client extends EventEmitter {
    constructor(options: ClientOptions)
    start(options?: { left?: number; numwant?: number }): void
    complete(options?: object): void
    update(options?: object): void
    stop(options?: object): void
    scrape(options?: object): void
    destroy(done?: () => void): void
  }

  export { Client as default }
}
