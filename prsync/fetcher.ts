// Decides, for one torrent, what to ask which connection for, puts the blocks together, verifies and
// stores the pieces. It knows connections as wires; who they are and how they came is others' work.

import type Wire from 'bittorrent-protocol'
import Piece from 'torrent-piece'
import type { Clock, Random } from '../core/clock.ts'
import { outstandingBlocks, refusedPieces, stalledBlockMs, unwrittenBytes } from '../core/limits.ts'
import { AllPieces, Availability } from './availability.ts'
import { type LoadedBundle, pieceIsRight } from './bundle.ts'
import type { BundleStore } from './bundle-store.ts'
import { expectLate } from './guarded-wire.ts'
import { placeOf } from './logic/layout.ts'
import { originOffer, type Share } from './logic/origin-offer.ts'
import { pickPiece, pipelineDepth } from './logic/pick.ts'
import { MemberPiece } from './member-piece.ts'
import type { OriginGate } from './origin-gate.ts'

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
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly random: Random
  /** Shared by all torrents: what is complete and not written yet. */
  readonly unwritten: Unwritten
  /** Requests to the origin that this torrent may have under way. */
  readonly originSlots: () => number
  /** How many peers the tracker named. */
  readonly knownPeers: () => number
  /** A piece is here, verified and stored. */
  readonly onPiece: (index: number) => void
  /** A piece could not be stored; nothing more is fetched before `want` is called again. */
  readonly onFailure: (error: unknown) => void
  readonly onBadPeer: (wire: Wire, reason: string) => void
  readonly onBadPiece: (index: number, suppliers: readonly Wire[]) => void
}

/** Complete pieces in memory, of all torrents together. */
export interface Unwritten {
  bytes: number
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

export const isOrigin = (wire: Wire): boolean => wire.type === 'webSeed'

export class Fetcher {
  /** Wanted pieces that are not here, in order. */
  readonly missing = new Set<number>()
  share: Share | null = null
  readonly #parts: FetcherParts
  readonly #states = new Map<Wire, WireState>()
  readonly #availability: Availability
  readonly #completing = new Set<Promise<void>>()
  #beganMs = 0
  #newsMs = 0
  #blockMs = 0
  #scheduled = false

  constructor(parts: FetcherParts) {
    this.#parts = parts
    this.#availability = new Availability(
      parts.bundle.layout.pieceCount,
      () => this.#peers(),
      (wire, piece) => wire.peerPieces.get(piece) && this.#delivers(wire, piece),
    )
  }

  /** Fetch these pieces too. */
  want(pieces: Iterable<number>): void {
    const nowMs = this.#parts.clock.monotonicMs()
    if (this.missing.size === 0) this.#beganMs = nowMs
    const { target } = this.#parts
    const all = [...this.missing, ...pieces].filter(piece => target.pieces[piece] !== null)
    this.missing.clear()
    for (const piece of all.sort((a, b) => a - b)) this.missing.add(piece)
    this.feedAll()
  }

  /** Fetch nothing more; what was asked for is cancelled. */
  stop(): void {
    this.missing.clear()
    for (const wire of this.#states.keys()) this.#cancelAll(wire)
  }

  /** Resolves when no piece is being verified or stored. */
  async settled(): Promise<void> {
    while (this.#completing.size > 0) await Promise.all(this.#completing)
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
      if (this.interesting(wire)) this.#newsMs = this.#parts.clock.monotonicMs()
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
      this.#newsMs = this.#parts.clock.monotonicMs()
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
      this.#cancelAll(wire)
    }
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
    const depth = pipelineDepth(
      wire.downloadSpeed(),
      Piece.BLOCK_LENGTH,
      wire.peerExtendedHandshake.reqq,
      outstandingBlocks,
    )
    while (wire.requests.length < depth) {
      const piece = this.#pieceFor(wire, state)
      if (piece < 0) {
        state.exhausted = true
        return
      }
      if (wire.requests.length === 0) state.activeMs = nowMs
      if (!this.#ask(wire, piece, false)) return
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
    const { gate, bundle, target, clock } = this.#parts
    const { layout, members } = bundle
    const slots = Math.min(
      gate.freeSlots(layout.pieceLengthBytes),
      this.#parts.originSlots() - wire.requests.length,
    )
    if (slots <= 0) return
    const missing = [...this.missing].filter(index => {
      const piece = target.pieces[index]
      if (!(piece instanceof MemberPiece) || piece.underway > 0 || !piece.mayAsk(wire)) return false
      const member = members[placeOf(layout, index).member]
      return member !== undefined && gate.mayAsk(member.sha256)
    })
    const offer = originOffer({
      nowMs: clock.monotonicMs(),
      beganMs: this.#beganMs,
      newsMs: this.#newsMs,
      blockMs: this.#blockMs,
      share: this.share,
      known: this.#parts.knownPeers(),
      connected: [...this.#states.values()].filter(state => state.announced).length,
      missing,
      availability: index => this.#availability.of(index),
      slots,
    })
    for (const index of offer) this.#ask(wire, index, true)
  }

  /** Ask for one block, or for all that is left of the piece; false when there is none to ask for. */
  #ask(wire: Wire, index: number, whole: boolean): boolean {
    const piece = this.#parts.target.pieces[index]
    if (!(piece instanceof MemberPiece)) return false
    const block = whole ? piece.reserveRemaining() : piece.reserve()
    if (block === -1) return false
    const offset = piece.chunkOffset(block)
    const length = whole ? piece.chunkLengthRemaining(block) : piece.chunkLength(block)
    piece.asked(wire)
    wire.request(index, offset, length, (error, data) => {
      piece.underway--
      if (this.#parts.target.destroyed || this.#parts.target.pieces[index] !== piece) return
      if (error === null && data !== undefined) {
        this.#received(wire, index, piece, block, data)
        return
      }
      if (whole) piece.cancelRemaining(block)
      else piece.cancel(block)
      if (piece.sole) this.#renew(index, true)
      this.#refused(wire, index, error)
      this.feedSoon()
    })
    return true
  }

  #received(wire: Wire, index: number, piece: MemberPiece, block: number, data: Uint8Array): void {
    const nowMs = this.#parts.clock.monotonicMs()
    const state = this.#states.get(wire)
    if (state !== undefined) {
      state.activeMs = nowMs
      state.snubbedMs = 0
    }
    if (!isOrigin(wire)) {
      this.#blockMs = nowMs
      this.#newsMs = nowMs
    }
    if (piece.set(block, data, wire)) {
      const work = this.#complete(index, piece)
      this.#completing.add(work)
      void work.finally(() => this.#completing.delete(work))
    }
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

  async #complete(index: number, piece: MemberPiece): Promise<void> {
    const { target, bundle, store, unwritten } = this.#parts
    const suppliers = [...(piece.sources ?? [])] as Wire[]
    const data = piece.flush()
    if (data === null) return
    unwritten.bytes += data.length
    try {
      const right = await pieceIsRight(bundle, index, data)
      if (target.pieces[index] !== piece) return
      if (!right) {
        this.#renew(index, suppliers.length > 1)
        this.#parts.onBadPiece(index, suppliers)
        this.feedSoon()
        return
      }
      await store.write(index, data)
      if (target.destroyed || target.pieces[index] !== piece) return
      this.missing.delete(index)
      this.#parts.onPiece(index)
    } catch (error) {
      if (target.pieces[index] === piece) this.#renew(index, false)
      this.stop()
      this.#parts.onFailure(error)
    } finally {
      const wasFull = unwritten.bytes > unwrittenBytes
      unwritten.bytes -= data.length
      if (wasFull) this.feedSoon()
    }
  }

  /** Begin a piece anew. */
  #renew(index: number, sole: boolean): void {
    const { lengthBytes } = placeOf(this.#parts.bundle.layout, index)
    this.#parts.target.pieces[index] = new MemberPiece(lengthBytes, sole)
  }

  #cancelAll(wire: Wire): void {
    for (const { piece, offset, length } of [...wire.requests]) {
      if (!isOrigin(wire)) expectLate(wire, length)
      wire.cancel(piece, offset, length)
    }
  }
}
