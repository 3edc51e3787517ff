// Which pieces to ask the origin for, so that it sends each about once however many volunteers
// download: one's own share (piece k is that of volunteer k mod count) at once, what peers offer
// never while they send, and others' shares only when no news of them comes.

import {
  firstShareGraceMs,
  originPatienceMs,
  originStaggerMs,
  originStaggerSteps,
  peerSilenceMs,
} from '../../core/limits.ts'

/** One volunteer's place among those that download a torrent now. */
export interface Share {
  readonly index: number
  readonly count: number
}

export interface OfferView {
  readonly nowMs: number
  /** When this download began. */
  readonly beganMs: number
  /** When a peer last announced or sent something that is wanted here. */
  readonly newsMs: number
  /** When a peer last sent a block. */
  readonly blockMs: number
  /** What the tracker said; null before it said anything. */
  readonly share: Share | null
  /** Peers that the tracker named. */
  readonly known: number
  /** Peers that are connected. */
  readonly connected: number
  /** Wanted pieces of which nothing is under way, in order. */
  readonly missing: readonly number[]
  /** How many connected peers have the piece. */
  readonly availability: (piece: number) => number
  /** How many to choose at most. */
  readonly slots: number
}

/** How many volunteers are asked before this one takes over a piece: 0 for one's own share. */
const rankOf = (piece: number, share: Share): number =>
  (share.index - (piece % share.count) + share.count) % share.count

/** Where this volunteer begins in others' shares, so that not all begin with the same piece. */
const rotated = (pieces: readonly number[], share: Share): number[] => {
  const start = Math.floor((pieces.length * share.index) / share.count)
  return [...pieces.slice(start), ...pieces.slice(0, start)]
}

/** A moment's wait at the start: for the tracker's first word, and for peers it named to connect. */
const tooEarly = (view: OfferView): boolean =>
  view.nowMs - view.beganMs < firstShareGraceMs &&
  (view.share === null || (view.known > 0 && view.connected === 0))

/** The pieces to ask the origin for now, in order; at most `slots`. */
export const originOffer = (view: OfferView): number[] => {
  if (view.slots <= 0 || view.missing.length === 0 || tooEarly(view)) return []
  const share = view.share ?? { index: 0, count: 1 }
  const heardMs = Math.max(view.blockMs, view.newsMs, view.beganMs)
  const peersSend = view.nowMs - heardMs < peerSilenceMs
  const unoffered = peersSend
    ? view.missing.filter(piece => view.availability(piece) === 0)
    : view.missing
  const own = unoffered.filter(piece => rankOf(piece, share) === 0)
  if (own.length >= view.slots) return own.slice(0, view.slots)
  const quietMs = view.nowMs - Math.max(view.newsMs, view.beganMs)
  const others = unoffered.filter(piece => {
    const rank = rankOf(piece, share)
    const patienceMs = originPatienceMs + Math.min(rank - 1, originStaggerSteps) * originStaggerMs
    return rank > 0 && quietMs >= patienceMs
  })
  return [...own, ...rotated(others, share)].slice(0, view.slots)
}
