// What the swarm uses of webtorrent 3.0.21 and its libraries, which ship no types. Members that begin
// with an underscore are private there; package.json pins the version that these shapes were read from.

declare module 'bittorrent-protocol' {
  import { Duplex } from 'streamx'

  type Respond = (error: Error | null, data?: Uint8Array) => void

  interface BlockRequest {
    readonly piece: number
    readonly offset: number
    readonly length: number
    readonly callback: Respond
    /** Set by prsync/guarded-wire.ts: where the block shall be put. */
    into?: () => Uint8Array
  }

  interface PieceSet {
    readonly buffer: Uint8Array
    get(index: number): boolean
    set(index: number, value?: boolean): void
  }

  interface WireEvents {
    handshake: [infoHash: string, peerId: string]
    bitfield: []
    have: [index: number]
    'have-all': []
    'have-none': []
    interested: []
    uninterested: []
    choke: []
    unchoke: []
    request: [index: number, offset: number, length: number, respond: Respond]
    cancel: [index: number, offset: number, length: number]
    piece: [index: number, offset: number, data: Uint8Array]
    upload: [bytes: number]
    data: [data: Uint8Array]
    drain: []
    end: []
    extended: [name: string | number, value: unknown]
    close: []
    error: [error: Error]
    timeout: []
  }

  class Wire extends Duplex {
    constructor(type?: string, encryption?: number)
    /** 'tcpIncoming', 'tcpOutgoing', 'webSeed'. */
    readonly type: string
    readonly peerId: string | null
    readonly amChoking: boolean
    readonly amInterested: boolean
    readonly peerChoking: boolean
    readonly peerInterested: boolean
    readonly hasFast: boolean
    peerPieces: PieceSet
    /** Asked of the peer, not answered yet. */
    readonly requests: BlockRequest[]
    /** Asked by the peer, not answered yet. */
    readonly peerRequests: BlockRequest[]
    readonly extendedHandshake: Record<string, unknown>
    readonly peerExtendedHandshake: Readonly<Record<string, unknown>>
    readonly lt_donthave: {
      on(event: 'donthave', listener: (index: number) => void): void
      donthave(index: number): void
    }
    downloadSpeed(): number
    setKeepAlive(enable: boolean): void
    handshake(infoHash: string, peerId: string, options?: { fast?: boolean; dht?: boolean }): void
    interested(): void
    uninterested(): void
    choke(): void
    unchoke(): void
    have(index: number): void
    haveAll(): void
    bitfield(pieces: PieceSet | Uint8Array): void
    request(index: number, offset: number, length: number, respond: Respond): void
    cancel(index: number, offset: number, length: number): void
    /** Send a block; the request for it is to be taken off `peerRequests` before. */
    piece(index: number, offset: number, data: Uint8Array): void
    /** Refuse a request (only with `hasFast`) and take it off `peerRequests`. */
    reject(index: number, offset: number, length: number): void
    use(extension: unknown): void
    extended(extension: string, data: Uint8Array): void
    _push(data: Uint8Array): void
    readonly _finished: boolean
    _debug(...args: unknown[]): void
    on<E extends keyof WireEvents>(event: E, listener: (...args: WireEvents[E]) => void): this
    once<E extends keyof WireEvents>(event: E, listener: (...args: WireEvents[E]) => void): this
    removeAllListeners(event: keyof WireEvents): this
    /** How many bytes wait to be read from the wire by its socket. */
    readonly _readableState: { readonly buffered: number }
    /** What has come and is not parsed yet, and how much has to come before it is. */
    _buffer: Uint8Array[]
    _bufferSize: number
    readonly _parserSize: number
    _parse(size: number, parser: (data: Uint8Array) => void): void
    _onMessage(data: Uint8Array): void
    _write(data: Uint8Array, done: (error: Error | null) => void): void
    _onMessageLength(data: Uint8Array): void
    _onHave(index: number): void
    _onRequest(index: number, offset: number, length: number): void
    _onPiece(index: number, offset: number, data: Uint8Array): void
    _pull(
      requests: BlockRequest[],
      index: number,
      offset: number,
      length: number,
    ): BlockRequest | null
  }

  export { type BlockRequest, type PieceSet, type Respond, Wire as default }
}

declare module 'torrent-piece' {
  /** One piece being assembled out of blocks of 16 KiB. */
  class Piece {
    constructor(length: number)
    static readonly BLOCK_LENGTH: number
    readonly length: number
    readonly missing: number
    sources: unknown[] | null
    _chunks: number
    readonly _reservations: number
    readonly _buffered: number
    _buffer: Uint8Array[] | null
    _cancellations: number[] | null
    _flushed: boolean
    /** False once it was flushed. */
    init(): boolean
    chunkLength(block: number): number
    chunkLengthRemaining(block: number): number
    chunkOffset(block: number): number
    /** The block to ask for, or -1. */
    reserve(): number
    /** The first of all remaining blocks, or -1. */
    reserveRemaining(): number
    cancel(block: number): void
    cancelRemaining(block: number): void
    /** True when the piece is complete. */
    set(block: number, data: Uint8Array, source: unknown): boolean
    flush(): Uint8Array | null
  }

  export { Piece as default }
}

declare module 'webtorrent/lib/peer.js' {
  import type { EventEmitter } from 'node:events'
  import type { Socket } from 'node:net'
  import type Wire from 'bittorrent-protocol'
  import type { Duplex } from 'streamx'
  import type Torrent from 'webtorrent/lib/torrent.js'

  /** Not the library's: what prsync/wire-pump.ts waits for instead of a throttle's stream. */
  interface Limiter {
    takeNow(bytes: number, priority: 'swarm'): boolean
    take(bytes: number, priority: 'swarm', signal: AbortSignal): Promise<void>
  }

  interface Throttles {
    readonly down: { throttle(): Duplex; destroy(): void; readonly limiter?: Limiter }
    readonly up: { throttle(): Duplex; destroy(): void }
  }

  class Peer extends EventEmitter {
    readonly id: string
    addr: string | null
    readonly type: string
    readonly wire: Wire | null
    readonly connected: boolean
    readonly destroyed: boolean
    conn: Socket | null
    readonly throttleGroups: Throttles
    setThrottlePipes(): void
    onConnect(): void
    startConnectTimeout(): void
    destroy(error?: Error): void
    static createTCPOutgoingPeer(
      address: string,
      torrent: Torrent,
      throttles: Throttles,
      source: string,
      encryption: number,
    ): Peer
    static createWebSeedPeer(conn: Wire, id: string, torrent: Torrent, throttles: Throttles): Peer
  }

  export { type Limiter, Peer as default, type Throttles }
}

declare module 'webtorrent/lib/torrent.js' {
  import type { EventEmitter } from 'node:events'
  import type Wire from 'bittorrent-protocol'
  import type { PieceSet } from 'bittorrent-protocol'
  import type Piece from 'torrent-piece'
  import type WebTorrent from 'webtorrent'
  import type Peer from 'webtorrent/lib/peer.js'

  interface ChunkStore {
    readonly chunkLength: number
    get(
      index: number,
      options: { offset?: number; length?: number } | null,
      done: (error: Error | null, data?: Uint8Array) => void,
    ): void
    put(index: number, data: Uint8Array, done: (error: Error | null) => void): void
    close(done: (error: Error | null) => void): void
    destroy(done: (error: Error | null) => void): void
  }

  interface TorrentOptions {
    readonly preloadedStore: ChunkStore
    readonly storeCacheSlots: number
    readonly deselect: boolean
    readonly alwaysChokeSeeders: boolean
  }

  class Torrent extends EventEmitter {
    constructor(id: null, client: WebTorrent, options: TorrentOptions)
    /** null once destroyed. */
    readonly client: WebTorrent | null
    readonly infoHash: string
    readonly destroyed: boolean
    readonly ready: boolean
    readonly wires: Wire[]
    readonly bitfield: PieceSet
    /** What is missing; null for what is there. */
    readonly pieces: (Piece | null)[]
    readonly _peers: Map<string, Peer> | null
    discovery: unknown
    destroy(done?: (error: Error | null) => void): void
    removePeer(peer: Peer): void
    _rarityMap: { destroy(): void } | null
    _rechokeIntervalId: NodeJS.Timeout | undefined
    _onParsedTorrent(parsed: object): void
    _processParsedTorrent(parsed: object): void
    _startDiscovery(): void
    _verifyPieces(done: (error: Error | null) => void): void
    _registerPeer(peer: Peer): void
    _addIncomingPeer(peer: Peer): void
    _onWireWithMetadata(wire: Wire): void
    _update(): void
    _updateWire(wire: Wire): void
    _updateWireInterest(wire: Wire): void
    _rechoke(): void
    _checkDone(): boolean
    _drain(): void
  }

  export { type ChunkStore, Torrent as default, type TorrentOptions }
}

declare module 'webtorrent' {
  import type { EventEmitter } from 'node:events'
  import type { Server, Socket } from 'node:net'
  import type { Throttles } from 'webtorrent/lib/peer.js'
  import type Torrent from 'webtorrent/lib/torrent.js'

  interface ClientOptions {
    readonly torrentPort: number | { readonly host: string; readonly port: number }
    readonly dht: false
    readonly tracker: false
    readonly lsd: false
    readonly utPex: false
    readonly utp: false
    readonly natUpnp: false
    readonly natPmp: false
    readonly webSeeds: false
    readonly secure: 0
    readonly maxConns: number
  }

  interface ConnPool {
    readonly tcpServer: Server
    readonly _onTCPConnectionBound: (socket: Socket) => void
    readonly _onTCPError: (error: Error) => void
    _onConnection(socket: Socket, type: 'tcp'): void
  }

  class WebTorrent extends EventEmitter {
    constructor(options: ClientOptions)
    readonly peerId: string
    readonly destroyed: boolean
    readonly listening: boolean
    readonly torrentPort: number
    readonly torrents: Torrent[]
    throttleGroups: Throttles
    readonly _connPool: ConnPool
    get(infoHash: string): Promise<Torrent | null>
    destroy(done?: (error: Error | null) => void): void
  }

  export { type ClientOptions, type ConnPool, WebTorrent as default }
}
