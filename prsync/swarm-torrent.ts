// One torrent of webtorrent's, fetched and served our way: webtorrent keeps the connections and
// speaks the protocol; pieces have their members' lengths (padding is never sent), only wanted ones
// are fetched, and nothing here is read or hashed just because the torrent is opened.

import type Wire from 'bittorrent-protocol'
import type WebTorrent from 'webtorrent'
import Peer from 'webtorrent/lib/peer.js'
import type { Clock, Random } from '../core/clock.ts'
import { describeError, MirrorswarmError } from '../core/errors.ts'
import type { ContentNumber } from '../core/ids.ts'
import { outstandingBlocks, swarmRequestBytes } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import type { RateLimiter } from '../core/rate-limiter.ts'
import type { Bans } from './bans.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { LoadedBundle } from './bundle.ts'
import { BundleStore } from './bundle-store.ts'
import type { Connections, PeerAddress } from './connections.ts'
import { Fetcher } from './fetcher.ts'
import type { HeldFiles } from './held-files.ts'
import type { Intake } from './logic/intake.ts'
import { piecesOf, placeOf } from './logic/layout.ts'
import type { Share } from './logic/origin-offer.ts'
import type { Run } from './logic/runs.ts'
import { MemberPiece } from './member-piece.ts'
import type { OriginGate } from './origin-gate.ts'
import type { OriginRuns } from './origin-runs.ts'
import { isOrigin, OriginWire } from './origin-wire.ts'
import type { PartialFiles } from './partial-files.ts'
import { PeerLinks } from './peer-links.ts'
import type { Unwritten } from './piece-requests.ts'
import { QuietTorrent } from './quiet-torrent.ts'
import { longestRequestField } from './request-length.ts'
import { ShareTalk } from './share-talk.ts'
import { unlimited } from './throttle.ts'
import { serveBlocks } from './uploads.ts'

export interface SwarmTorrentParts {
  readonly client: WebTorrent
  readonly bundle: LoadedBundle
  readonly held: HeldFiles
  readonly partials: PartialFiles
  readonly gate: OriginGate
  readonly originRuns: OriginRuns
  readonly pool: BufferPool
  readonly unwritten: Unwritten
  readonly intake: Intake
  readonly connections: Connections
  readonly bans: Bans
  readonly uploadLimiter: RateLimiter
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly random: Random
  readonly logger: Logger
  readonly originSlots: () => number
  readonly onDownloaded: (bytes: number) => void
  readonly onUploaded: (bytes: number) => void
}

/** Whoever downloads from a torrent hears of each piece, and of what ends the download. */
export interface DownloadListener {
  onPiece(index: number): void
  onFailure(error: unknown): void
}

export class SwarmTorrent extends QuietTorrent {
  readonly bundle: LoadedBundle
  readonly content: BundleStore
  /** When somebody last had to do with it. */
  usedMs: number
  readonly #parts: SwarmTorrentParts
  readonly #fetcher: Fetcher
  readonly #links: PeerLinks
  readonly #talk: ShareTalk
  #listener: DownloadListener | null = null
  #origin: Peer | null = null

  constructor(parts: SwarmTorrentParts) {
    const { bundle, client, clock } = parts
    const content = new BundleStore(bundle, {
      held: parts.held,
      partials: parts.partials,
      onLost: (member, error) => this.#lost(member, error),
    })
    super(null, client, {
      preloadedStore: content,
      storeCacheSlots: 0,
      deselect: true,
      alwaysChokeSeeders: false,
    })
    this.setMaxListeners(0)
    this.bundle = bundle
    this.content = content
    this.usedMs = clock.monotonicMs()
    this.#parts = parts
    this.#links = new PeerLinks({
      ...parts,
      torrent: this,
      throttles: client.throttleGroups,
    })
    this.#talk = new ShareTalk({
      infoHash: bundle.infoHash,
      self: parts.connections.name,
      pieceCount: bundle.layout.pieceCount,
      nameOf: wire => this.#links.nameOf(wire),
      clock,
      onChange: () => this.feedOrigin(),
    })
    this.#fetcher = new Fetcher({
      ...parts,
      target: this,
      talk: this.#talk,
      pendingPeers: () => this.#links.pending,
      store: content,
      knownPeers: () => this.#links.known,
      onPiece: index => this.#onPiece(index),
      onFailure: error => this.#listener?.onFailure(error),
      onBadPeer: (wire, reason) => this.#links.drop(wire, reason),
      onBadPiece: (index, suppliers) => this.#onBadPiece(index, suppliers),
    })
    this.once('close', () =>
      this.#listener?.onFailure(new MirrorswarmError('MS_INTERNAL', 'the torrent was closed')),
    )
    this.on('wire', (wire: Wire) => this.#onWire(wire))
    this.on('error', error =>
      parts.logger.error(
        { infoHash: bundle.infoHash, reason: describeError(error) },
        'a torrent failed',
      ),
    )
  }

  /** Open it: from now on it is one of the client's, and ready. */
  start(): void {
    const { bundle, client } = this.#parts
    const { layout } = bundle
    const lastPieceLength = placeOf(layout, layout.pieceCount - 1).lengthBytes
    client.torrents.push(this)
    this._onParsedTorrent({
      infoHash: bundle.infoHash,
      name: bundle.infoHash,
      // Only its presence matters: what webtorrent would read in it, it gets from here.
      info: {},
      torrentFile: {},
      announce: [],
      urlList: [],
      // No files: webtorrent's own accounting by file costs time and is not used.
      files: [],
      private: true,
      pieces: new Array<string>(layout.pieceCount).fill(''),
      pieceLength: layout.pieceLengthBytes,
      lastPieceLength,
      length: (layout.pieceCount - 1) * layout.pieceLengthBytes + lastPieceLength,
    })
  }

  get downloading(): boolean {
    return this.#listener !== null
  }

  /** Connections to other volunteers. */
  get peerCount(): number {
    return this.#links.wires().length
  }

  /** How many pieces are here, verified. */
  get havePieces(): number {
    let have = 0
    for (const piece of this.pieces) if (piece === null) have++
    return have
  }

  hasPiece(index: number): boolean {
    return this.pieces[index] === null
  }

  /** Tell peers which members will be fetched. */
  expect(wanted: ReadonlySet<ContentNumber>): void {
    const { layout, members } = this.bundle
    const pieces = members.flatMap(({ number }, position) => {
      if (!wanted.has(number) || this.content.holds(position)) return []
      const { first, count } = piecesOf(layout, position)
      return Array.from({ length: count }, (_, ordinal) => first + ordinal)
    })
    this.#talk.setWanted(pieces)
  }

  /** Fetch these pieces; `listener` hears of each, until `end`. */
  begin(pieces: Iterable<number>, listener: DownloadListener): void {
    this.#listener = listener
    this.#fetcher.want(pieces)
    this.tick()
  }

  /** Fetch nothing more; resolves when nothing is being written. */
  async end(): Promise<void> {
    this.#listener = null
    this.#talk.setWanted([])
    this.#fetcher.stop()
    this.#origin?.destroy()
    this.#origin = null
    for (const wire of this.wires) this._updateWireInterest(wire)
    await this.#fetcher.settled()
  }

  setPeers(addresses: readonly PeerAddress[], share: Share | null): void {
    this.#links.setPeers(addresses)
    this.#fetcher.isIntroduced = share !== null
    this.#talk.sharers.setShare(share)
    if (this.downloading) this.tick()
  }

  /** The origin may be asked for more. */
  feedOrigin(): void {
    const wire = this.#origin?.wire
    if (wire !== undefined && wire !== null) this.#fetcher.feed(wire)
  }

  /** Do what time alone brings about. */
  tick(): void {
    if (this.destroyed) return
    if (!this.downloading) {
      this.#links.dropIdle()
      return
    }
    this.usedMs = this.#parts.clock.monotonicMs()
    if (this.#fetcher.missing.size > 0) {
      this.#addOrigin()
      this.#links.connect()
    }
    for (const wire of this.wires) this.#showInterest(wire)
    this.#talk.tick(this.#parts.gate.mood !== 'paused')
    this.#fetcher.tick()
  }

  /** All of a member is here: mark its pieces without reading them. */
  setHeld(member: number): void {
    this.content.setHeld(member)
    const { first, count } = piecesOf(this.bundle.layout, member)
    for (let index = first; index < first + count; index++) this.setPiece(index)
  }

  /** A piece is here, verified. */
  setPiece(index: number): void {
    if (this.destroyed || this.pieces[index] === null) return
    this.pieces[index] = null
    this.bitfield.set(index, true)
    this.#fetcher.missing.delete(index)
    this.#talk.has(index)
  }

  /** Of a piece, all but these bytes may be in its partial file; they alone are fetched. */
  setLacking(index: number, lacking: readonly Run[]): void {
    if (this.destroyed || this.hasPiece(index)) return
    const { lengthBytes } = placeOf(this.bundle.layout, index)
    this.pieces[index] = new MemberPiece(lengthBytes, { lacking })
  }

  /** A member's bytes are not here (any more): peers are told. */
  setMissing(member: number): void {
    if (this.destroyed) return
    this.content.setMissing(member)
    const { first, count } = piecesOf(this.bundle.layout, member)
    for (let index = first; index < first + count; index++) {
      const missing = this.pieces[index]
      // One that counts on local bytes must not do so any more.
      if (missing instanceof MemberPiece && missing.lacking === null) continue
      this.pieces[index] = new MemberPiece(placeOf(this.bundle.layout, index).lengthBytes)
      if (missing !== null) continue
      this.bitfield.set(index, false)
      for (const wire of this.#links.wires()) wire.lt_donthave.donthave(index)
    }
  }

  #lost(member: number, error: unknown): void {
    const { logger, bundle } = this.#parts
    const sha256 = bundle.members[member]?.sha256
    logger.warn({ sha256, reason: describeError(error) }, 'a held content cannot be shared')
    this.setMissing(member)
  }

  #onPiece(index: number): void {
    this.setPiece(index)
    if (this.#fetcher.missing.size === 0) {
      for (const wire of this.wires) this._updateWireInterest(wire)
    }
    this.#listener?.onPiece(index)
  }

  #onBadPiece(index: number, suppliers: readonly Wire[]): void {
    const { bundle, gate, logger } = this.#parts
    const from = suppliers.map(wire => (isOrigin(wire) ? 'origin' : this.#links.nameOf(wire)))
    logger.warn({ infoHash: bundle.infoHash, piece: index, from }, 'a piece was bad')
    const [supplier] = suppliers
    if (supplier === undefined || suppliers.length > 1) return
    if (!isOrigin(supplier)) this.#links.ban(supplier)
    else {
      const member = bundle.members[placeOf(bundle.layout, index).member]
      if (member !== undefined) gate.distrust(member.sha256)
    }
  }

  #addOrigin(): void {
    if (this.#origin !== null && !this.#origin.destroyed) return
    const wire = new OriginWire(this.bundle, this.#parts.gate)
    // Its bytes pass the download limit as they arrive from the network.
    const throttles = { down: unlimited, up: unlimited }
    this.#origin = Peer.createWebSeedPeer(wire, wire.connId, this, throttles)
    this._registerPeer(this.#origin)
  }

  #onWire(wire: Wire): void {
    this.usedMs = this.#parts.clock.monotonicMs()
    if (!isOrigin(wire)) {
      const refusal = this.#links.welcome(wire)
      if (refusal !== null) {
        this.#links.drop(wire, refusal)
        return
      }
      wire.extendedHandshake.reqq = outstandingBlocks
      wire.extendedHandshake[longestRequestField] = swarmRequestBytes
      this.#talk.add(wire)
      wire.on('piece', (_index, _offset, data) => this.#parts.onDownloaded(data.length))
      // Everyone may ask at once: the upload limit, not choking, shares out what there is.
      wire.on('interested', () => wire.unchoke())
    }
    this.#fetcher.add(wire)
  }

  #showInterest(wire: Wire): void {
    if (this.#fetcher.interesting(wire)) wire.interested()
    else wire.uninterested()
  }

  // What webtorrent does differently for ordinary torrents.

  override _verifyPieces(done: (error: Error | null) => void): void {
    // Its map of rare pieces would be recounted with every message; the fetcher has its own.
    this._rarityMap?.destroy()
    this._rarityMap = null
    clearInterval(this._rechokeIntervalId)
    const { layout, members, held } = this.bundle
    members.forEach((member, position) => {
      const here = held.has(member.number)
      const { first, count } = piecesOf(layout, position)
      for (let index = first; index < first + count; index++) {
        this.pieces[index] = here ? null : new MemberPiece(placeOf(layout, index).lengthBytes)
        if (here) this.bitfield.set(index, true)
      }
    })
    done(null)
  }

  override _onWireWithMetadata(wire: Wire): void {
    if (this.destroyed || wire.destroyed || !this.wires.includes(wire)) return
    super._onWireWithMetadata(wire)
    if (isOrigin(wire)) return
    serveBlocks(wire, {
      limiter: this.#parts.uploadLimiter,
      has: index => this.hasPiece(index),
      pool: this.#parts.pool,
      read: async (index, offset, into) => {
        await this.content.read(index, offset, into.length, into)
        this.usedMs = this.#parts.clock.monotonicMs()
        this.#parts.onUploaded(into.length)
      },
      onFault: error => {
        const { logger, bundle } = this.#parts
        const fields = { infoHash: bundle.infoHash, reason: describeError(error) }
        logger.warn(fields, 'a block could not be read')
      },
      pieceLengthBytes: this.bundle.layout.pieceLengthBytes,
      drop: (wire, reason) => this.#links.drop(wire, reason),
    })
  }

  override _addIncomingPeer(peer: Peer): void {
    if (this.destroyed || peer.destroyed) peer.destroy()
    else if (!this.#links.hasRoom()) peer.destroy(new Error('too many peers'))
    else super._addIncomingPeer(peer)
  }

  override _updateWire(wire: Wire): void {
    // What peers announce is no reason to ask the origin for more.
    if (!isOrigin(wire)) this.#fetcher.feed(wire)
  }

  override _updateWireInterest(wire: Wire): void {
    // Losing interest is noticed by the tick; here only gaining it matters, at every announcement.
    if (!wire.amInterested || this.#fetcher.missing.size === 0) this.#showInterest(wire)
  }
}
