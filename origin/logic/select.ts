// Which volunteer serves this request: filter, with a reason for each refusal, then weigh. The same
// value feeds the redirect, "?explain", the dashboard and the tests. Knows nothing of HTTP or time.

import type { Random } from '../../core/clock.ts'
import type { VolunteerName } from '../../core/ids.ts'

/** What is known of a volunteer when a request for one content arrives. */
export interface SelectionCandidate {
  readonly name: VolunteerName
  readonly url: string
  /** As the tracker sees it; only 'synced' and 'syncing' get redirects. */
  readonly state: 'syncing' | 'synced' | 'draining' | 'offline' | 'unreachable' | 'quarantined'
  readonly disabled: boolean
  /** Whether it announced this very content, by hash, as verified on its disk. */
  readonly holds: boolean
  readonly trust: 'full' | 'signed-only'
  readonly clientBytesPerSecond: number
  readonly syncBytesPerSecond: number
  /** What it can send altogether; null: it has set no limit. */
  readonly uploadBytesPerSecond: number | null
  /** The operator's factor on that; 1 unless changed. */
  readonly weight: number
  readonly activeClients: number
  readonly maxClients: number | null
  /** Rate that the redirects since its last announce are expected to cause. */
  readonly pendingBytesPerSecond: number
}

export interface SelectionRequest {
  /** The client came by https: it may not be sent to plain http. */
  readonly https: boolean
  /** Volunteers that this client was sent to for this path a moment ago. */
  readonly tried: ReadonlySet<VolunteerName>
  /** The volunteer that this client used last; kept while it is not loaded. */
  readonly sticky: VolunteerName | null
  /** Clients verify this path themselves by signed indexes, so less trusted volunteers may serve. */
  readonly verifiedByClients: boolean
}

/** Capacity assumed of a volunteer that has set no limit: 1 Gbit/s. */
const assumedBytesPerSecond = 125_000_000
/** A client stays with its volunteer up to this load; beyond it, spreading matters more. */
const stickyLoad = 0.75

export const refusalTexts = {
  disabled: 'the operator has disabled it',
  quarantined: 'it is quarantined',
  offline: 'it has not announced itself lately',
  unreachable: 'it cannot be reached from outside',
  draining: 'it is draining: its owner or the operator wants no new clients now',
  'not-held': 'it does not hold this content',
  scheme: 'the client came by https, the volunteer has only http',
  trust: 'it may serve only what clients verify by signed indexes',
  tried: 'this client was sent there for this path a moment ago',
  'full-clients': 'it serves as many clients as its owner allows',
  'full-rate': 'it already sends as fast as its owner allows',
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
}

export interface Selection {
  readonly chosen: Accepted | null
  /** How the choice fell: by the client's last volunteer, by two random choices, or not at all. */
  readonly by: 'sticky' | 'load' | 'none'
  /** All that could serve, least loaded first. */
  readonly accepted: readonly Accepted[]
  readonly refused: readonly Refused[]
}

const capacity = (candidate: SelectionCandidate): number =>
  (candidate.uploadBytesPerSecond ?? assumedBytesPerSecond) * candidate.weight

/** Client and synchronisation traffic, with what was sent there since, over capacity. */
export const expectedLoad = (candidate: SelectionCandidate): number => {
  const rate =
    candidate.clientBytesPerSecond + candidate.syncBytesPerSecond + candidate.pendingBytesPerSecond
  const most = capacity(candidate)
  return most > 0 ? rate / most : Number.POSITIVE_INFINITY
}

/**
 * A limit is full when clients alone reach it: the volunteer sends to clients before it sends to
 * the swarm, so synchronisation weighs against it but does not shut it.
 */
const isFull = (candidate: SelectionCandidate): boolean =>
  candidate.uploadBytesPerSecond !== null &&
  candidate.clientBytesPerSecond + candidate.pendingBytesPerSecond >= candidate.uploadBytesPerSecond

const refusal = (
  candidate: SelectionCandidate,
  request: SelectionRequest,
): RefusalReason | null => {
  if (candidate.disabled) return 'disabled'
  if (candidate.state !== 'synced' && candidate.state !== 'syncing') return candidate.state
  if (!candidate.holds) return 'not-held'
  if (request.https && !candidate.url.startsWith('https:')) return 'scheme'
  if (candidate.trust === 'signed-only' && !request.verifiedByClients) return 'trust'
  if (request.tried.has(candidate.name)) return 'tried'
  if (candidate.maxClients !== null && candidate.activeClients >= candidate.maxClients) {
    return 'full-clients'
  }
  return isFull(candidate) ? 'full-rate' : null
}

const byLoad = (left: Accepted, right: Accepted): number =>
  left.load - right.load || (left.candidate.name < right.candidate.name ? -1 : 1)

/** Two different random ones, the less loaded wins (Mitzenmacher: the power of two choices). */
const twoChoices = (accepted: readonly Accepted[], random: Random): Accepted | null => {
  const count = accepted.length
  if (count === 0) return null
  const first = Math.floor(random() * count)
  if (count === 1) return accepted[first] ?? null
  const second = (first + 1 + Math.floor(random() * (count - 1))) % count
  const one = accepted[first]
  const other = accepted[second]
  if (one === undefined || other === undefined) return null
  return other.load < one.load ? other : one
}

/** Choose a volunteer for one request, and say why not the others. */
export const select = (
  candidates: readonly SelectionCandidate[],
  request: SelectionRequest,
  random: Random,
): Selection => {
  const accepted: Accepted[] = []
  const refused: Refused[] = []
  for (const candidate of candidates) {
    const reason = refusal(candidate, request)
    if (reason === null) accepted.push({ candidate, load: expectedLoad(candidate) })
    else refused.push({ candidate, reason })
  }
  accepted.sort(byLoad)
  const last = accepted.find(each => each.candidate.name === request.sticky)
  if (last !== undefined && last.load <= stickyLoad) {
    return { chosen: last, by: 'sticky', accepted, refused }
  }
  const chosen = twoChoices(accepted, random)
  return { chosen, by: chosen === null ? 'none' : 'load', accepted, refused }
}
