// Who may serve a request, and how loaded each is: filter, with a reason for each refusal, then weigh.
// The redirect (choose.ts) and the explanation are made from the same functions. Knows nothing of
// HTTP; time comes in as monotonic milliseconds.

import type { ContentNumber, VolunteerName } from '../../core/ids.ts'
import {
  backlogMs,
  fullBacklogMs,
  queueMs,
  stickyLoad,
  tierLoad,
} from '../../core/selection-limits.ts'
import type { Suspicion } from '../../tracker/events.ts'
import { type Account, pendingBytesAt, sentBytesPerSecondAt, shareAt } from './account.ts'
import type { CapacitySource } from './capacity.ts'
import type { Family, Ranking, Reach, Tier } from './closeness.ts'

/** What is known of a volunteer when a request for one content arrives. */
export interface SelectionCandidate {
  readonly name: VolunteerName
  readonly url: string
  /** Its public URL is https. */
  readonly https: boolean
  /** As the tracker sees it; only 'synced' and 'syncing' get redirects. */
  readonly state: 'syncing' | 'synced' | 'draining' | 'offline' | 'unreachable' | 'quarantined'
  readonly disabled: boolean
  readonly trust: 'full' | 'signed-only'
  /** Of a mirror without our daemon, which serves whoever asks; null or missing: it is none. */
  readonly mirror?: { readonly allowOpen: boolean } | null
  readonly reach: Reach
  /** As it announced last; our redirects since then are in the account. */
  readonly clientBytesPerSecond: number
  readonly syncBytesPerSecond: number
  /** What its owner lets it send; null: no limit. */
  readonly uploadBytesPerSecond: number | null
  /** What it is taken to be able to send altogether. */
  readonly capacityBytesPerSecond: number
  readonly capacitySource: CapacitySource
  /** The operator's factor on that; 1 unless changed. */
  readonly weight: number
  readonly activeClients: number
  readonly maxClients: number | null
  readonly account: Account
  /** What probes and audits hold against it, to be told; the state is what counts. */
  readonly suspicion?: Suspicion | null
  /** Whether it announced this very content, by hash, as verified on its disk. */
  has(content: ContentNumber): boolean
}

export interface SelectionRequest {
  readonly content: ContentNumber
  /** The client came by https: it may not be sent to plain http. */
  readonly https: boolean
  readonly family: Family
  /** Volunteers that this client was sent to for this path a moment ago. */
  readonly tried: readonly VolunteerName[]
  /** Index of the volunteer that this client used last, kept while it is not loaded; -1: none. */
  readonly sticky: number
  /** Mirrors whose announced proof holds no more at this moment; missing: none is known. */
  readonly unproved?: readonly VolunteerName[]
  /** A signed index names the content, so that clients verify it: less trusted ones may serve it. */
  readonly signed: boolean
}

/** What is the same for all requests of a moment. */
export interface Moment {
  readonly nowMs: number
  /** The part of all redirects that one volunteer may get; 1: all. */
  readonly maxShare: number
  /** All redirects together. */
  readonly total: Account
  /** The origin asks clients for credentials; missing: it does not. */
  readonly requireClients?: boolean
}

export const refusalTexts = {
  disabled: 'the operator has disabled it',
  quarantined: 'it is quarantined',
  offline: 'it has not announced itself lately',
  unreachable: 'it cannot be reached from outside',
  draining: 'it is draining: its owner or the operator wants no new clients now',
  'not-held': 'it does not hold this content',
  'not-proved': 'it is a mirror that was not proved yet to hold this content',
  scheme: 'the client came by https, the volunteer has only http',
  family: 'the client came by IPv4, the volunteer has only IPv6',
  open: 'it serves whoever asks, and this origin asks clients for credentials (--allow-open)',
  trust: 'it may serve only what signed indexes name, and none names this',
  tried: 'this client was sent there for this path a moment ago',
  'full-clients': 'it serves as many clients as its owner allows',
  'full-rate': 'it already sends as fast as its owner allows',
  share: 'it got its share of redirects (--max-share)',
} as const

export type RefusalReason = keyof typeof refusalTexts

export interface Refused {
  readonly candidate: SelectionCandidate
  readonly reason: RefusalReason
}

export interface Accepted {
  readonly candidate: SelectionCandidate
  /** Expected load: 0 idle, 1 at capacity; client and synchronisation traffic together. */
  readonly load: number
  readonly tier: Tier
}

export interface Selection {
  readonly chosen: Accepted | null
  /** How the choice fell: by the client's last volunteer, by two random choices, or not at all. */
  readonly by: 'sticky' | 'load' | 'none'
  /** All that could serve, nearest first, then least loaded. */
  readonly accepted: readonly Accepted[]
  readonly refused: readonly Refused[]
}

/** Client traffic, announced or caused by us of late, whichever is more. */
export const clientRate = (candidate: SelectionCandidate, nowMs: number): number =>
  Math.max(candidate.clientBytesPerSecond, sentBytesPerSecondAt(candidate.account, nowMs))

/** How long what was redirected to it will keep the volunteer busy, as far as we know. */
const backlogMsAt = (candidate: SelectionCandidate, nowMs: number): number => {
  const { capacityBytesPerSecond, weight, account } = candidate
  const most = capacityBytesPerSecond * weight
  if (!(most > 0)) return Number.POSITIVE_INFINITY
  return (pendingBytesAt(account, capacityBytesPerSecond, nowMs) * 1000) / most
}

/**
 * What decides between two: load, and how long a client would wait. Load changes slowly, so by load
 * alone clients would queue at one while the other has nothing to do.
 */
export const urgency = (candidate: SelectionCandidate, load: number, nowMs: number): number =>
  load + backlogMsAt(candidate, nowMs) / queueMs

/** Client and synchronisation traffic and the backlog of redirects, over capacity. */
export const expectedLoad = (candidate: SelectionCandidate, nowMs: number): number => {
  const { capacityBytesPerSecond, weight, syncBytesPerSecond } = candidate
  const most = capacityBytesPerSecond * weight
  if (!(most > 0)) return Number.POSITIVE_INFINITY
  const rate = clientRate(candidate, nowMs) + syncBytesPerSecond
  return rate / most + backlogMsAt(candidate, nowMs) / backlogMs
}

/**
 * A limit is full when clients alone reach it, or when what was redirected there would keep it busy
 * for long: the volunteer sends to clients before it sends to the swarm, so synchronisation weighs
 * against it but does not shut it.
 */
const isFull = (candidate: SelectionCandidate, nowMs: number): boolean => {
  const { uploadBytesPerSecond, clientBytesPerSecond, account } = candidate
  if (uploadBytesPerSecond === null) return false
  if (clientBytesPerSecond >= uploadBytesPerSecond) return true
  const pending = pendingBytesAt(account, uploadBytesPerSecond, nowMs)
  return (pending * 1000) / fullBacklogMs >= uploadBytesPerSecond
}

/** Why this volunteer may not serve this request; null: it may. */
export const refusal = (
  candidate: SelectionCandidate,
  request: SelectionRequest,
  moment: Moment,
): RefusalReason | null => {
  if (candidate.disabled) return 'disabled'
  if (moment.requireClients === true && candidate.mirror?.allowOpen === false) return 'open'
  const { state } = candidate
  if (state !== 'synced' && state !== 'syncing') return state
  if (!candidate.has(request.content)) return candidate.mirror == null ? 'not-held' : 'not-proved'
  if (request.unproved?.includes(candidate.name) === true) return 'not-proved'
  if (request.https && !candidate.https) return 'scheme'
  if (request.family === 4 && candidate.reach === 'v6') return 'family'
  if (candidate.trust === 'signed-only' && !request.signed) return 'trust'
  if (request.tried.includes(candidate.name)) return 'tried'
  if (candidate.maxClients !== null && candidate.activeClients >= candidate.maxClients) {
    return 'full-clients'
  }
  if (isFull(candidate, moment.nowMs)) return 'full-rate'
  if (moment.maxShare >= 1) return null
  return shareAt(candidate.account, moment.total, moment.nowMs) >= moment.maxShare ? 'share' : null
}

/** The client's last volunteer is kept up to this load. */
export const mayStick = (load: number): boolean => load <= stickyLoad
/** A volunteer below this load is not passed over for one farther away. */
export const isAtEase = (load: number): boolean => load < tierLoad

const nearestFirst =
  (order: ReadonlyMap<Tier, number>) =>
  (left: Accepted, right: Accepted): number =>
    (order.get(left.tier) ?? 0) - (order.get(right.tier) ?? 0) ||
    left.load - right.load ||
    (left.candidate.name < right.candidate.name ? -1 : 1)

/** Everybody that could serve and that could not. */
export const judgeAll = (
  candidates: readonly SelectionCandidate[],
  ranking: Ranking,
  request: SelectionRequest,
  moment: Moment,
): Pick<Selection, 'accepted' | 'refused'> => {
  const accepted: Accepted[] = []
  const refused: Refused[] = []
  candidates.forEach((candidate, index) => {
    const reason = refusal(candidate, request, moment)
    const tier = ranking.tiers[ranking.tierOf[index] ?? 0]
    if (reason !== null || tier === undefined) {
      refused.push({ candidate, reason: reason ?? 'offline' })
    } else accepted.push({ candidate, load: expectedLoad(candidate, moment.nowMs), tier })
  })
  const order = new Map(ranking.tiers.map((tier, place) => [tier, place]))
  return { accepted: accepted.toSorted(nearestFirst(order)), refused }
}
