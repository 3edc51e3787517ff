// Decides, for one torrent, what to ask which connection for, puts the blocks together, verifies and
// stores the pieces. It knows connections as wires; who they are and how they came is others' work.

import type Wire from 'bittorrent-protocol'
import Piece from 'torrent-piece'
import type { Clock, Random } from '../core/clock.ts'
import { outstandingBlocks, refusedPieces, stalledBlockMs, unwrittenBytes } from '../core/limits.ts'
import { AllPieces, Availability } from './availability.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { LoadedBundle } from './bundle.ts'
import type { BundleStore } from './bundle-store.ts'
import type { Intake } from './logic/intake.ts'
import { placeOf } from './logic/layout.ts'
import { type Offer, originOffer } from './logic/origin-offer.ts'
import { pickPiece, pipelineDepth } from './logic/pick.ts'
import { MemberPiece } from './member-piece.ts'
import type { OriginGate } from './origin-gate.ts'
import type { OriginRuns } from './origin-runs.ts'
import { isOrigin } from './origin-wire.ts'
import { PieceRequests, type Unwritten } from './piece-requests.ts'
import { usefulRequestBytes } from './request-length.ts'
import type { ShareTalk } from './share-talk.ts'

/** The torrent, as far as fetching concerns it. */
export interface FetchTarget {
  readonly destroyed: boolean
  readonly wires: readonly Wire[]
  /** What is missing, by index; null for what is here. */
  readonly pieces: (Piece | null)[]
}

export interface FetcherParts {
  readonly target: FetchTarget
  readonly bundle: LoadedBundle
  readonly store: BundleStore
  readonly gate: OriginGate
  readonly originRuns: OriginRuns
  readonly pool: BufferPool
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly random: Random
  /** Shared by all torrents: what is complete and not written yet. */
  readonly unwritten: Unwritten
  /** Requests to the origin that this torrent may have under way. */
  readonly originSlots: () => number
  /** Shared by all torrents: how much comes from peers. */
  readonly intake: Intake
  readonly talk: ShareTalk
  /** How many peers the tracker named. */
  readonly knownPeers: () => number
  /** Connections begun that are not there yet. */
  readonly pendingPeers: () => number
  /** A piece is here, verified and stored. */
  readonly onPiece: (index: number) => void
  /** A piece could not be stored; nothing more is fetched before `want` is called again. */
  readonly onFailure: (error: unknown) => void
  readonly onBadPeer: (wire: Wire, reason: string) => void
  readonly onBadPiece: (index: number, suppliers: readonly Wire[]) => void
}

interface WireState {
  /** It has said what it has. */
  announced: boolean
  /** The piece whose blocks are being asked for, or -1. */
  current: number
  /** Nothing to ask for until it announces more, or something is given back. */
  exhausted: boolean
  readonly refused: Set<number>
  /** When it last sent a block, or was asked after having owed none. */
  activeMs: number
  /** It let us wait; others come first until then. */
  snubbedMs: number
}

export class Fetcher {
  /** Wanted pieces that are not here, in order. */
  readonly missing = new Set<number>()
  /** The tracker has said who else downloads. */
  isIntroduced = false
  readonly #parts: FetcherParts
  readonly #states = new Map<Wire, WireState>()
  readonly #availability: Availability
  readonly #requests: PieceRequests
  #beganMs = 0
  /** Pieces of others' shares that the origin was asked for. */
  readonly #stolen = new Set<number>()
  #scheduled = false
  /** There was nothing to ask the origin for: until the next tick that is not looked at again. */
  #originIsDone = false

  constructor(parts: FetcherParts) {
    this.#parts = parts
    this.#availability = new Availability(
      parts.bundle.layout.pieceCount,
      () => this.#peers(),
      (wire, piece) => wire.peerPieces.get(piece) && this.#delivers(wire, piece),
    )
    this.#requests = new PieceRequests({
      ...parts,
      onData: (wire, bytes) => this.#received(wire, bytes),
      onOriginEnded: (index, hasFailed) => this.#originEnded(index, hasFailed),
      onGivenBack: (wire, index, error) => {
        this.#refused(wire, index, error)
        this.feedSoon()
      },
      onRoom: () => this.feedSoon(),
      onPiece: index => {
        this.missing.delete(index)
        parts.onPiece(index)
      },
      onFailure: error => {
        this.stop()
        parts.onFailure(error)
      },
    })
  }

  /** Fetch these pieces too. */
  want(pieces: Iterable<number>): void {
    const { target, clock, intake } = this.#parts
    if (this.missing.size === 0) {
      this.#beganMs = clock.monotonicMs()
      intake.begun()
    }
    const all = [...this.missing, ...pieces].filter(piece => target.pieces[piece] !== null)
    this.missing.clear()
    for (const piece of all.sort((a, b) => a - b)) this.missing.add(piece)
    this.#originIsDone = false
    this.feedAll()
  }

  /** Fetch nothing more; what was asked for is cancelled. */
  stop(): void {
    this.missing.clear()
    for (const wire of this.#states.keys()) this.#requests.cancel(wire)
  }

  /** Resolves when no piece is being verified or stored. */
  async settled(): Promise<void> {
    await this.#requests.settled()
  }

  /** A connection is there: watch what it has. */
  add(wire: Wire): void {
    const nowMs = this.#parts.clock.monotonicMs()
    const state: WireState = {
      announced: false,
      current: -1,
      exhausted: false,
      refused: new Set(),
      activeMs: nowMs,
      snubbedMs: 0,
    }
    this.#states.set(wire, state)
    const changed = (): void => {
      state.announced = true
      state.exhausted = false
      this.#availability.changed()
      this.feedSoon()
    }
    wire.once('close', () => {
      this.#states.delete(wire)
      this.#availability.changed()
      this.feedSoon()
    })
    if (isOrigin(wire)) {
      wire.on('unchoke', () => this.feed(wire))
      return
    }
    this.#availability.changed()
    wire.on('bitfield', changed)
    wire.on('have-all', () => {
      wire.peerPieces = new AllPieces(this.#parts.bundle.layout.pieceCount)
      changed()
    })
    wire.on('have-none', changed)
    wire.lt_donthave.on('donthave', () => {
      this.#availability.changed()
      this.feedSoon()
    })
    wire.on('have', index => {
      this.#availability.announced(index)
      if (!this.missing.has(index)) return
      state.exhausted = false
      state.refused.delete(index)
    })
  }

  /** Does this peer have something that is wanted here? */
  interesting(wire: Wire): boolean {
    if (isOrigin(wire)) return this.missing.size > 0
    for (const piece of this.missing) if (wire.peerPieces.get(piece)) return true
    return false
  }

  /** Ask all connections for what they should owe us. */
  feedAll(): void {
    for (const state of this.#states.values()) state.exhausted = false
    for (const wire of [...this.#parts.target.wires]) this.feed(wire)
  }

  /** The same, once, after what is going on now. */
  feedSoon(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      if (!this.#parts.target.destroyed) this.feedAll()
    })
  }

  /** Ask this connection for as much as it should owe us. */
  feed(wire: Wire): void {
    const state = this.#states.get(wire)
    if (state === undefined || this.missing.size === 0) return
    if (this.#parts.target.destroyed || wire.destroyed || wire.peerChoking) return
    if (this.#parts.unwritten.bytes > unwrittenBytes) return
    if (isOrigin(wire)) this.#feedOrigin(wire)
    else this.#feedPeer(wire, state)
  }

  /** Look after what time alone changes: patience with others' shares, and stalled peers. */
  tick(): void {
    if (this.missing.size === 0) return
    const nowMs = this.#parts.clock.monotonicMs()
    for (const [wire, state] of this.#states) {
      // What snubbed peers have counts again when their time is over.
      if (state.snubbedMs > 0) this.#availability.changed()
      if (isOrigin(wire) || nowMs - state.activeMs < stalledBlockMs) continue
      if (!wire.requests.some(request => this.#elsewhere(request.piece))) continue
      state.snubbedMs = nowMs + stalledBlockMs
      this.#availability.changed()
      this.#requests.cancel(wire)
    }
    this.#originIsDone = false
    this.feedAll()
  }

  /** Could this piece be had from another peer, or from the origin? */
  #elsewhere(piece: number): boolean {
    const { gate, bundle } = this.#parts
    return this.#availability.of(piece) > 1 || gate.freeSlots(bundle.layout.pieceLengthBytes) > 0
  }

  /** Does a peer that has a piece send it, as far as is known? */
  #delivers(wire: Wire, piece: number): boolean {
    const state = this.#states.get(wire)
    if (state === undefined || state.refused.has(piece)) return false
    return this.#parts.clock.monotonicMs() >= state.snubbedMs
  }

  *#peers(): Generator<Wire> {
    for (const wire of this.#parts.target.wires) if (!isOrigin(wire)) yield wire
  }

  #feedPeer(wire: Wire, state: WireState): void {
    const nowMs = this.#parts.clock.monotonicMs()
    if (state.exhausted || nowMs < state.snubbedMs) return
    const depth = (bytesPerSecond: number): number =>
      pipelineDepth(
        bytesPerSecond,
        Piece.BLOCK_LENGTH,
        wire.peerExtendedHandshake.reqq,
        outstandingBlocks,
      )
    const mostRequests = depth(Number.POSITIVE_INFINITY)
    // Requests for a few bytes count as such: many of them make up for one block.
    const mostBytes = Math.max(
      depth(wire.downloadSpeed()) * Piece.BLOCK_LENGTH,
      2 * usefulRequestBytes(wire),
    )
    let owedBytes = wire.requests.reduce((sum, { length }) => sum + length, 0)
    while (wire.requests.length < mostRequests && owedBytes < mostBytes) {
      const piece = this.#pieceFor(wire, state)
      if (piece < 0) {
        state.exhausted = true
        return
      }
      if (wire.requests.length === 0) state.activeMs = nowMs
      if (!this.#requests.ask(wire, piece, false)) return
      owedBytes += wire.requests.at(-1)?.length ?? 0
    }
  }

  #pieceFor(wire: Wire, state: WireState): number {
    const open = (index: number): boolean => {
      const piece = this.#parts.target.pieces[index]
      return (
        piece instanceof MemberPiece &&
        piece.mayAsk(wire) &&
        wire.peerPieces.get(index) &&
        !state.refused.has(index)
      )
    }
    if (this.missing.has(state.current) && open(state.current)) return state.current
    const { pieces } = this.#parts.target
    state.current = pickPiece({
      missing: this.missing,
      open,
      begun: index => (pieces[index] as MemberPiece).underway > 0,
      availability: index => this.#availability.of(index),
      chance: this.#parts.random,
    })
    return state.current
  }

  #feedOrigin(wire: Wire): void {
    const { gate, originRuns, bundle, target } = this.#parts
    const { layout, members } = bundle
    const slots = Math.min(
      gate.freeSlots(layout.pieceLengthBytes),
      this.#parts.originSlots() - wire.requests.length,
    )
    let freeBytes = originRuns.freeBytes(this.#parts.knownPeers() > 0)
    if (this.#originIsDone || (slots <= 0 && freeBytes <= 0)) return
    const missing = [...this.missing].filter(index => {
      const piece = target.pieces[index]
      if (!(piece instanceof MemberPiece) || piece.underway > 0 || !piece.mayAsk(wire)) return false
      const member = members[placeOf(layout, index).member]
      return member !== undefined && gate.mayAsk(member.sha256)
    })
    const lackingBytes = (index: number): number | null => {
      const piece = target.pieces[index]
      return piece instanceof MemberPiece && piece.lacking !== null ? piece.lackingBytes : null
    }
    const ordinary = missing.filter(index => lackingBytes(index) === null)
    const { pieces, stolen } = this.#offer(ordinary, slots)
    for (const index of pieces) this.#askOrigin(wire, index, stolen)
    // Those that travel as runs share requests: they are counted by bytes.
    const byRuns = missing.filter(index => lackingBytes(index) !== null)
    const offer = this.#offer(byRuns, freeBytes > 0 ? byRuns.length : 0)
    for (const index of offer.pieces) {
      if (freeBytes <= 0) break
      freeBytes -= lackingBytes(index) ?? 0
      this.#askOrigin(wire, index, offer.stolen)
    }
    // A look costs as much as there is missing, and each message of a peer brings one about.
    this.#originIsDone = slots > 0 && pieces.length + offer.pieces.length === 0
  }

  #offer(missing: readonly number[], slots: number): Offer {
    const { talk, intake, clock, pendingPeers } = this.#parts
    const { sharers } = talk
    const silent = [...this.#states].filter(
      ([wire, { announced }]) => !isOrigin(wire) && !announced,
    )
    return originOffer({
      missing,
      ageMs: clock.monotonicMs() - this.#beganMs,
      introduced: this.isIntroduced,
      pending: pendingPeers() + silent.length,
      availability: index => this.#availability.of(index),
      rank: index => sharers.rank(index),
      isFetched: index => sharers.isFetched(index),
      weight: index => sharers.weight(index),
      starvingMs: intake.starvingMs,
      stolen: this.#stolen.size,
      slots,
    })
  }

  #askOrigin(wire: Wire, index: number, stolen: boolean): void {
    const { talk, intake } = this.#parts
    if (stolen) this.#stolen.add(index)
    else intake.ownRequests++
    talk.fetching(index)
    if (!this.#requests.ask(wire, index, true)) this.#originEnded(index, true)
  }

  #originEnded(index: number, hasFailed: boolean): void {
    const { talk, intake } = this.#parts
    if (!this.#stolen.delete(index)) intake.ownEnded()
    if (!hasFailed) return
    this.#originIsDone = false
    talk.failed(index)
  }

  /** A connection has sent what it was asked for. */
  #received(wire: Wire, bytes: number): void {
    const nowMs = this.#parts.clock.monotonicMs()
    const state = this.#states.get(wire)
    if (state !== undefined) {
      state.activeMs = nowMs
      state.snubbedMs = 0
    }
    if (!isOrigin(wire)) this.#parts.intake.received(bytes)
    this.feed(wire)
  }

  /** A peer that claims a piece and refuses it is not asked for it again. */
  #refused(wire: Wire, index: number, error: Error | null): void {
    const state = this.#states.get(wire)
    const rejected = error?.message === 'request was rejected'
    if (state === undefined || isOrigin(wire) || !rejected || wire.peerChoking) return
    state.refused.add(index)
    this.#availability.changed()
    if (state.refused.size > refusedPieces) this.#parts.onBadPeer(wire, 'refuses what it offers')
  }
}
