// Carries out what the fetcher of one torrent decided: sends the requests for a piece, puts together
// what comes with what is here already, verifies and stores it. It never chooses what to ask for.

import type Wire from 'bittorrent-protocol'
import type { Respond } from 'bittorrent-protocol'
import { sparseWrites, unwrittenBytes } from '../core/limits.ts'
import type { BufferPool } from './buffer-pool.ts'
import { type LoadedBundle, pieceIsRight } from './bundle.ts'
import type { BundleStore } from './bundle-store.ts'
import type { FetchTarget } from './fetcher.ts'
import { expectLate } from './guarded-wire.ts'
import { placeOf } from './logic/layout.ts'
import { mergeRuns, wholeRun } from './logic/runs.ts'
import { type Fetched, MemberPiece, type MemberPieceOptions } from './member-piece.ts'
import type { OriginRuns } from './origin-runs.ts'
import { isOrigin } from './origin-wire.ts'
import { usefulRequestBytes } from './request-length.ts'

/** Complete pieces in memory, of all torrents together. */
export interface Unwritten {
  bytes: number
}

export interface PieceRequestsParts {
  readonly target: FetchTarget
  readonly bundle: LoadedBundle
  readonly store: BundleStore
  readonly originRuns: OriginRuns
  readonly pool: BufferPool
  /** Shared by all torrents: what is complete and not written yet. */
  readonly unwritten: Unwritten
  /** A connection has sent what it was asked for. */
  readonly onData: (wire: Wire, bytes: number) => void
  /** The origin has answered a request for a piece, or failed to. */
  readonly onOriginEnded: (index: number, hasFailed: boolean) => void
  /** A request was not answered; its bytes may be asked for again. */
  readonly onGivenBack: (wire: Wire, index: number, error: Error | null) => void
  /** Something else can be asked for than a moment ago. */
  readonly onRoom: () => void
  /** A piece is verified and stored. */
  readonly onPiece: (index: number) => void
  readonly onFailure: (error: unknown) => void
  /** A piece was bad; with one supplier, that one alone is to blame. */
  readonly onBadPiece: (index: number, suppliers: readonly Wire[]) => void
}

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error))

/** What has come for these blocks, which follow one another in `data`. */
const partsOf = (
  piece: MemberPiece,
  blocks: readonly number[],
  data: Uint8Array,
): [number, Uint8Array][] => {
  let at = 0
  return blocks.map(block => {
    const from = at
    at += piece.chunkLength(block)
    return [block, data.subarray(from, at)]
  })
}

export class PieceRequests {
  readonly #parts: PieceRequestsParts
  readonly #completing = new Set<Promise<void>>()
  /** What was asked of the origin as runs. */
  readonly #asked = new Set<AbortController>()

  constructor(parts: PieceRequestsParts) {
    this.#parts = parts
  }

  /** Ask for one block, or for all that is left of the piece; false when there is none to ask for. */
  ask(wire: Wire, index: number, whole: boolean): boolean {
    const piece = this.#parts.target.pieces[index]
    if (!(piece instanceof MemberPiece)) return false
    if (whole && piece.lacking !== null) return this.#askRuns(wire, index, piece)
    if (!whole) return this.#askPeer(wire, index, piece)
    const block = piece.reserveRemaining()
    if (block === -1) return false
    const offset = piece.chunkOffset(block)
    const length = piece.chunkLengthRemaining(block)
    piece.asked(wire)
    const respond: Respond = (error, data) => {
      piece.underway--
      if (isOrigin(wire)) this.#parts.onOriginEnded(index, error !== null)
      if (!this.#isCurrent(index, piece)) return
      if (error === null && data !== undefined) {
        this.#received(wire, index, piece, [[block, data]])
        this.#parts.onData(wire, data.length)
        return
      }
      piece.cancelRemaining(block)
      this.#givenBack(wire, index, piece, error)
    }
    wire.request(index, offset, length, respond)
    this.#setPlace(wire, piece, block, respond)
    return true
  }

  /** Ask a peer for as many blocks in one request as it takes and is quick enough for. */
  #askPeer(wire: Wire, index: number, piece: MemberPiece): boolean {
    const blocks = piece.reserveRun(usefulRequestBytes(wire))
    const [first] = blocks
    if (first === undefined) return false
    const length = blocks.reduce((sum, block) => sum + piece.chunkLength(block), 0)
    piece.asked(wire)
    const respond: Respond = (error, data) => {
      piece.underway--
      if (!this.#isCurrent(index, piece)) return
      if (error === null && data !== undefined) {
        this.#received(wire, index, piece, partsOf(piece, blocks, data))
        this.#parts.onData(wire, data.length)
        return
      }
      for (const block of blocks.reverse()) piece.cancel(block)
      this.#givenBack(wire, index, piece, error)
    }
    wire.request(index, piece.chunkOffset(first), length, respond)
    this.#setPlace(wire, piece, first, respond)
    return true
  }

  /** What was just asked for of an ordinary piece is put in its place as it comes. */
  #setPlace(wire: Wire, piece: MemberPiece, block: number, respond: Respond): void {
    const request = wire.requests.at(-1)
    if (piece.lacking !== null || request?.callback !== respond) return
    request.into = () => piece.placeFor(block, request.length, this.#parts.pool)
  }

  /** Take back what this connection was asked for. */
  cancel(wire: Wire): void {
    if (isOrigin(wire)) {
      for (const asked of this.#asked) asked.abort(new Error('request was cancelled'))
    }
    for (const { piece, offset, length } of [...wire.requests]) {
      if (!isOrigin(wire)) expectLate(wire, length)
      wire.cancel(piece, offset, length)
    }
  }

  /** Resolves when no piece is being verified or stored. */
  async settled(): Promise<void> {
    while (this.#completing.size > 0) await Promise.all(this.#completing)
  }

  /** Ask the origin for exactly what a piece lacks; it travels together with that of others. */
  #askRuns(wire: Wire, index: number, piece: MemberPiece): boolean {
    const { bundle, originRuns } = this.#parts
    const place = placeOf(bundle.layout, index)
    const member = bundle.members[place.member]
    const blocks = piece.reserveAll()
    if (member === undefined || blocks.length === 0) return false
    const runs = blocks.map(block => ({
      offset: place.offset + piece.chunkOffset(block),
      length: piece.chunkLength(block),
    }))
    piece.asked(wire)
    const asked = new AbortController()
    this.#asked.add(asked)
    const answered = (error: unknown, data: Uint8Array | null): void => {
      this.#asked.delete(asked)
      piece.underway--
      this.#parts.onOriginEnded(index, data === null)
      if (!this.#isCurrent(index, piece)) return
      if (data === null) {
        for (const block of blocks) piece.cancel(block)
        this.#givenBack(wire, index, piece, asError(error))
        return
      }
      this.#received(wire, index, piece, partsOf(piece, blocks, data))
    }
    originRuns.get(member.sha256, mergeRuns(runs), asked.signal).then(
      data => answered(null, data),
      error => answered(error, null),
    )
    return true
  }

  #isCurrent(index: number, piece: MemberPiece): boolean {
    return !this.#parts.target.destroyed && this.#parts.target.pieces[index] === piece
  }

  #givenBack(wire: Wire, index: number, piece: MemberPiece, error: Error | null): void {
    // Another one may supply it now, but again all of it.
    if (piece.sole) this.#renew(index, piece, { sole: true })
    this.#parts.onGivenBack(wire, index, error)
  }

  #received(
    wire: Wire,
    index: number,
    piece: MemberPiece,
    blocks: readonly (readonly [number, Uint8Array])[],
  ): void {
    let isComplete = false
    for (const [block, data] of blocks) {
      isComplete = piece.set(block, this.#inPlace(piece, block, data), wire)
    }
    if (isComplete) {
      const work = this.#complete(index, piece)
      this.#completing.add(work)
      void work.finally(() => this.#completing.delete(work))
    }
  }

  /** The same bytes where they belong; short ones came elsewhere. */
  #inPlace(piece: MemberPiece, block: number, data: Uint8Array): Uint8Array {
    if (piece.lacking !== null) return data
    const place = piece.placeFor(block, data.length, this.#parts.pool)
    if (place.buffer !== data.buffer) place.set(data)
    return place
  }

  async #complete(index: number, piece: MemberPiece): Promise<void> {
    const { bundle, store, unwritten } = this.#parts
    const suppliers = [...(piece.sources ?? [])] as Wire[]
    const fetched = piece.take()
    if (fetched === null) return
    unwritten.bytes += piece.length
    try {
      const data = await this.#assembled(index, piece, fetched)
      if (!this.#isCurrent(index, piece)) return
      if (data === null) {
        this.#renew(index, piece)
        this.#parts.onRoom()
        return
      }
      const isRight = await pieceIsRight(bundle, index, data)
      if (!this.#isCurrent(index, piece)) return
      if (!isRight) {
        this.#bad(index, piece, suppliers, fetched)
        return
      }
      for (const liar of piece.liarsAgainst(data)) this.#parts.onBadPiece(index, [liar])
      // Local bytes around a few fetched ones lie where they belong already.
      const isSparse = piece.isPartlyLocal && fetched.length <= sparseWrites
      await store.write(index, data, isSparse ? fetched : [{ offset: 0, data }])
      if (this.#isCurrent(index, piece)) this.#parts.onPiece(index)
    } catch (error) {
      if (this.#isCurrent(index, piece)) this.#renew(index, piece)
      this.#parts.onFailure(error)
    } finally {
      const whole = piece.release()
      if (whole !== null) this.#parts.pool.give(whole)
      const wasFull = unwritten.bytes > unwrittenBytes
      unwritten.bytes -= piece.length
      if (wasFull) this.#parts.onRoom()
    }
  }

  /** The bytes of the piece; null when local ones that it counts on are gone. */
  async #assembled(
    index: number,
    piece: MemberPiece,
    fetched: readonly Fetched[],
  ): Promise<Uint8Array | null> {
    if (piece.isPartlyLocal) return this.#parts.store.complete(index, fetched)
    if (piece.whole !== null) return piece.whole
    return Buffer.concat(
      fetched.map(({ data }) => data),
      piece.length,
    )
  }

  /**
   * A piece has not the hash it should have. One that contained local bytes, or those of several, is
   * fetched whole from one source; the right bytes then show who lied.
   */
  #bad(
    index: number,
    piece: MemberPiece,
    suppliers: readonly Wire[],
    fetched: readonly Fetched[],
  ): void {
    const isClear = !piece.isPartlyLocal && suppliers.length === 1
    const isFirst = piece.suspects.length === 0
    const suspects = isFirst && !isClear ? piece.suspectsIn(fetched) : piece.suspects
    this.#renew(index, piece, { sole: !isClear, suspects })
    this.#parts.onBadPiece(index, isClear ? suppliers : [])
    this.#parts.onRoom()
  }

  /** Begin a piece anew, without what local bytes there may be. */
  #renew(index: number, old: MemberPiece, options: MemberPieceOptions = {}): void {
    const { lengthBytes } = placeOf(this.#parts.bundle.layout, index)
    this.#parts.target.pieces[index] = new MemberPiece(lengthBytes, {
      lacking: old.lacking === null ? null : wholeRun(lengthBytes),
      suspects: old.suspects,
      ...options,
    })
  }
}
