// Which pieces to ask the origin for, so that it sends each about once however many volunteers
// download: one's own share and nothing else, as long as there is anything else to do. Only who
// starves helps with the shares of others, piece by piece.

import {
  firstContactMs,
  firstShareGraceMs,
  originStealMs,
  peerSilenceMs,
} from '../../core/limits.ts'

/** One volunteer's place among those that download a torrent now. */
export interface Share {
  readonly index: number
  readonly count: number
  /** Those who share the origin's work, this one among them, as the tracker knows them. */
  readonly names?: readonly string[] | undefined
}

export interface OfferView {
  /** How long this download has been going on. */
  readonly ageMs: number
  /** The tracker has said who else downloads. */
  readonly introduced: boolean
  /** Connections that have been begun and have not said yet what the other side has. */
  readonly pending: number
  /** Wanted pieces of which nothing is under way here, and which the origin may be asked for. */
  readonly missing: readonly number[]
  /** How many peers have the piece and send it. */
  readonly availability: (piece: number) => number
  /** How many of those who want the piece, and are there, come before this one; 0: it is its own. */
  readonly rank: (piece: number) => number
  /** Does another volunteer say that it is fetching the piece from the origin? */
  readonly isFetched: (piece: number) => boolean
  /** Greater: more likely to stay this one's own when others join. */
  readonly weight: (piece: number) => number
  /** Since when next to nothing has come from anywhere, nor is the origin asked for an own piece. */
  readonly starvingMs: number
  /** Requests for pieces of others' shares that are under way. */
  readonly stolen: number
  /** How many to choose at most. */
  readonly slots: number
}

export interface Offer {
  readonly pieces: readonly number[]
  /** They are not of the own share. */
  readonly stolen: boolean
}

const none: Offer = { pieces: [], stolen: false }

/** At the start, others are heard first: who comes late shall not ask the origin for what they have. */
const tooEarly = ({ ageMs, introduced, pending }: OfferView): boolean =>
  introduced ? ageMs < firstContactMs && pending > 0 : ageMs < firstShareGraceMs

/**
 * The pieces to ask the origin for now, in order; at most `slots`. The order is that of the weights:
 * those that start together and do not know of each other yet begin with different pieces.
 */
export const originOffer = (view: OfferView): Offer => {
  const { missing, availability, rank, isFetched, weight, starvingMs, slots } = view
  if (slots <= 0 || missing.length === 0) return none
  if (tooEarly(view)) return none
  const lonely = missing.filter(piece => availability(piece) === 0 && !isFetched(piece))
  const heaviest = (pieces: readonly number[]): number[] =>
    [...pieces].sort((a, b) => weight(b) - weight(a) || a - b)
  const own = lonely.filter(piece => rank(piece) === 0)
  if (own.length > 0) return { pieces: heaviest(own).slice(0, slots), stolen: false }
  if (starvingMs < originStealMs || view.stolen > 0) return none
  // The next in line first, so that not several take the same one.
  const inTurn = lonely.filter(piece => starvingMs >= rank(piece) * originStealMs)
  // Whoever offers or fetches a piece and never delivers must not hold it back for ever.
  const helpless = lonely.length === 0 && starvingMs >= peerSilenceMs
  const pieces = heaviest(helpless ? missing : inTurn).slice(0, 1)
  return { pieces, stolen: pieces.length > 0 }
}
