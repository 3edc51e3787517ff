// Who of those that download a torrent asks the origin for which piece: the tracker says who they are,
// the connections who is there, what each wants and what each is fetching. Decides nothing about
// requests; it answers the questions that logic/origin-offer.ts asks.

import { claimMs, ownerGoneMs, ownerSilenceMs, peersPerHandout } from '../core/limits.ts'
import type { Share } from './logic/origin-offer.ts'
import { hashText, pieceWeight } from './logic/rendezvous.ts'
import type { ShareMessage } from './share-message.ts'

export interface SharersParts {
  /** So that the same volunteer owns other pieces in another torrent. */
  readonly salt: string
  /** This volunteer's name. */
  readonly self: string
  readonly pieceCount: number
}

/** A connected volunteer, as far as its share is concerned. */
export class Sharer {
  readonly name: string | null
  heardMs: number
  /** Null: it has not said, so it may want everything. */
  wants: Uint8Array | null = null
  /** Does it ask the origin for anything at all? */
  asks = true
  /** It has said nothing for so long that nobody counts on it. */
  silent = false
  /** What it is fetching from the origin, and since when. */
  readonly claims = new Map<number, number>()
  /** Claimed for too long: not believed any more. */
  readonly overdue = new Set<number>()

  constructor(name: string | null, nowMs: number) {
    this.name = name
    this.heardMs = nowMs
  }

  mayWant(piece: number): boolean {
    if (this.wants === null) return true
    return ((this.wants[piece >> 3] ?? 0) & (0x80 >> (piece & 7))) !== 0
  }
}

export class Sharers {
  readonly #parts: SharersParts
  readonly #present = new Set<Sharer>()
  /** Whose last connection has ended, and when. */
  readonly #ended = new Map<string, number>()
  /** Of those, the ones that have not come back in a moment. */
  readonly #gone = new Set<string>()
  readonly #claimed: Uint16Array
  /** How many come before this volunteer, by piece. */
  readonly #ranks: Uint8Array
  readonly #weights: Uint32Array
  #names: readonly string[] = []
  #selfShares = true
  #stale = true

  constructor(parts: SharersParts) {
    this.#parts = parts
    this.#claimed = new Uint16Array(parts.pieceCount)
    this.#ranks = new Uint8Array(parts.pieceCount)
    this.#weights = this.#weightsOf(parts.self)
  }

  /** What the tracker said last; null: nothing yet, so this volunteer is alone. */
  setShare(share: Share | null): void {
    const { self } = this.#parts
    const names = share === null ? [self] : (share.names ?? unnamed(share, self))
    this.#names = names.filter(name => name !== self)
    this.#selfShares = names.includes(self)
    for (const name of this.#ended.keys()) if (!names.includes(name)) this.#back(name)
    this.#stale = true
  }

  /** A volunteer has connected; one without a name has no share, but may say what it fetches. */
  join(name: string | null, nowMs: number): Sharer {
    const sharer = new Sharer(name, nowMs)
    this.#present.add(sharer)
    if (name !== null) this.#back(name)
    this.#stale = true
    return sharer
  }

  /** Its connection has ended: nobody waits for it. */
  leave(sharer: Sharer, nowMs: number): void {
    if (!this.#present.delete(sharer)) return
    this.#setClaims(sharer, [], nowMs)
    const { name } = sharer
    const again = [...this.#present].some(other => other.name === name)
    if (name !== null && !again && this.#names.includes(name)) this.#ended.set(name, nowMs)
    this.#stale = true
  }

  /** It has sent anything. */
  heard(sharer: Sharer, nowMs: number): void {
    sharer.heardMs = nowMs
    if (!sharer.silent) return
    sharer.silent = false
    this.#stale = true
  }

  told(sharer: Sharer, message: ShareMessage, nowMs: number): void {
    this.heard(sharer, nowMs)
    if (message.kind === 'wants') {
      sharer.wants = message.pieces
      this.#stale = true
      return
    }
    if (sharer.asks !== message.asks) this.#stale = true
    sharer.asks = message.asks
    this.#setClaims(sharer, message.pieces, nowMs)
  }

  /** It has the piece now. */
  has(sharer: Sharer, piece: number): void {
    if (sharer.claims.delete(piece)) this.#count(piece, -1)
  }

  /** Look after what time alone changes. */
  tick(nowMs: number): void {
    for (const sharer of this.#present) {
      if (!sharer.silent && nowMs - sharer.heardMs >= ownerSilenceMs) {
        sharer.silent = true
        this.#setClaims(sharer, [], nowMs)
        this.#stale = true
      }
      for (const [piece, sinceMs] of sharer.claims) {
        if (nowMs - sinceMs < claimMs) continue
        this.has(sharer, piece)
        sharer.overdue.add(piece)
      }
    }
    for (const [name, sinceMs] of this.#ended) {
      const agoMs = nowMs - sinceMs
      // The tracker still names it after a long time: the connection failed, not the volunteer.
      if (agoMs >= claimMs) this.#back(name)
      else if (agoMs >= ownerGoneMs && !this.#gone.has(name)) {
        this.#gone.add(name)
        this.#stale = true
      }
    }
  }

  /** How many of those who want the piece, and are there, come before this one. */
  rank(piece: number): number {
    if (this.#stale) this.#renew()
    return this.#ranks[piece] ?? 0
  }

  isFetched(piece: number): boolean {
    return (this.#claimed[piece] ?? 0) > 0
  }

  weight(piece: number): number {
    return this.#weights[piece] ?? 0
  }

  #back(name: string): void {
    this.#ended.delete(name)
    if (this.#gone.delete(name)) this.#stale = true
  }

  #setClaims(sharer: Sharer, pieces: readonly number[], nowMs: number): void {
    const before = new Map(sharer.claims)
    sharer.claims.clear()
    for (const piece of pieces) {
      if (sharer.claims.has(piece) || sharer.overdue.has(piece)) continue
      sharer.claims.set(piece, before.get(piece) ?? nowMs)
      this.#count(piece, 1)
    }
    for (const piece of before.keys()) this.#count(piece, -1)
  }

  #count(piece: number, by: number): void {
    this.#claimed[piece] = (this.#claimed[piece] ?? 0) + by
  }

  #weightsOf(name: string): Uint32Array {
    const hash = hashText(`${this.#parts.salt} ${name}`)
    return Uint32Array.from({ length: this.#parts.pieceCount }, (_, piece) =>
      pieceWeight(hash, piece),
    )
  }

  #renew(): void {
    this.#stale = false
    // Beyond those whom the tracker names: after all of them.
    this.#ranks.fill(this.#selfShares ? 0 : peersPerHandout)
    if (!this.#selfShares) return
    for (const name of this.#names) {
      const there = [...this.#present].filter(sharer => sharer.name === name)
      if (there.length === 0 && this.#gone.has(name)) continue
      const counted = there.filter(sharer => sharer.asks && !sharer.silent)
      if (there.length > 0 && counted.length === 0) continue
      this.#yieldTo(name, piece => there.length === 0 || counted.some(each => each.mayWant(piece)))
    }
  }

  /** For some pieces this one comes first, if it wants them. */
  #yieldTo(name: string, mayWant: (piece: number) => boolean): void {
    const hash = hashText(`${this.#parts.salt} ${name}`)
    for (let piece = 0; piece < this.#ranks.length; piece++) {
      const theirs = pieceWeight(hash, piece)
      const ours = this.#weights[piece] ?? 0
      const comesFirst = theirs > ours || (theirs === ours && name > this.#parts.self)
      if (comesFirst && mayWant(piece)) this.#ranks[piece] = (this.#ranks[piece] ?? 0) + 1
    }
  }
}

/** Names for a tracker that only counts. */
const unnamed = ({ index, count }: Share, self: string): string[] => {
  const length = Math.min(count, peersPerHandout)
  return Array.from({ length }, (_, k) => (k === index % length ? self : `#${k}`))
}
