// What others may know of a volunteer: selection (with its holdings), and people (without).

import type { ContentNumber, SnapshotNumber, VolunteerName } from '../../core/ids.ts'
import type { Suspicion, VolunteerRecord } from '../events.ts'
import type { Holdings } from '../holdings.ts'
import type {
  AnnouncedScope,
  AnnounceRequest,
  LoadStatus,
  PeerAddress,
  ServingLimits,
  VolunteerState,
} from '../messages.ts'
import { type NetworkState, sameNumbers, type Volunteer } from './network-state.ts'

/** What the newest announce said and nothing keeps. */
export interface LastReport {
  readonly session: string
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly lastAnnounceMs: number
  readonly peerPort: number | null
  readonly scope: AnnouncedScope | null
  readonly sync: AnnounceRequest['sync']
  readonly load: LoadStatus
  readonly limits: ServingLimits
  readonly draining: boolean
  readonly reasons: readonly string[]
  /** How far its machine's clock is ahead of ours, less the way; null: it does not say. */
  readonly skewMs: number | null
}

/** The scope comes with full holdings only, and holds until the next ones. */
const scopeOf = (request: AnnounceRequest, before: LastReport | null): AnnouncedScope | null => {
  if (request.scope !== undefined) return request.scope
  const goesOn = before?.session === request.session && request.holdings?.base != null
  return goesOn ? before.scope : null
}

export const reportOf = (
  request: AnnounceRequest,
  nowMs: number,
  before: LastReport | null,
): LastReport => ({
  session: request.session,
  sequence: request.sequence,
  lastAnnounceMs: nowMs,
  peerPort: request.peerPort,
  scope: scopeOf(request, before),
  sync: request.sync,
  load: request.load,
  limits: request.limits,
  draining: request.draining,
  reasons: request.reasons,
  skewMs: request.clockMs === undefined ? null : request.clockMs - nowMs,
})

/** Where others reach the volunteer for BitTorrent: the host of its public URL, its own port. */
export const peerAddressOf = (record: VolunteerRecord, port: number | null): PeerAddress | null => {
  if (port === null || !URL.canParse(record.url)) return null
  const host = new URL(record.url).hostname.replace(/^\[(.*)\]$/, '$1')
  return { name: record.name, host, port }
}

/** A volunteer as selection sees it. */
export interface Candidate extends LoadStatus {
  readonly name: VolunteerName
  readonly url: string
  readonly record: VolunteerRecord
  readonly state: VolunteerState
  /** The newest snapshot that it has applied, in the network's epoch; null: none. */
  readonly snapshot: SnapshotNumber | null
  readonly limits: ServingLimits
  /** Milliseconds since 1970; null: not since the tracker started. */
  readonly lastAnnounceMs: number | null
  /** For people: why it serves less than it could. */
  readonly reasons: readonly string[]
  /** What probes and audits hold against it; null or missing: nothing. */
  readonly suspicion?: Suspicion | null
  /** Whether it holds the content. Constant time, allocates nothing. */
  has(content: ContentNumber): boolean
}

const noLoad: LoadStatus = { clientBytesPerSecond: 0, syncBytesPerSecond: 0, activeClients: 0 }
const noLimits: ServingLimits = { uploadBytesPerSecond: null, maxClients: null }

/** A class for the sake of one hidden shape: selection walks over all of them at each redirect. */
class HoldingCandidate implements Candidate {
  readonly name: VolunteerName
  readonly url: string
  readonly record: VolunteerRecord
  readonly state: VolunteerState
  readonly snapshot: SnapshotNumber | null
  readonly clientBytesPerSecond: number
  readonly syncBytesPerSecond: number
  readonly activeClients: number
  readonly limits: ServingLimits
  readonly lastAnnounceMs: number | null
  readonly reasons: readonly string[]
  readonly suspicion: Suspicion | null
  readonly #contents: Holdings | null

  constructor(
    volunteer: Volunteer,
    report: LastReport | null,
    state: VolunteerState,
    snapshot: SnapshotNumber | null,
  ) {
    const { record } = volunteer
    const load = report?.load ?? noLoad
    this.name = record.name
    this.url = record.url
    this.record = record
    this.suspicion = volunteer.suspicion ?? null
    this.state = state
    this.snapshot = snapshot
    this.clientBytesPerSecond = load.clientBytesPerSecond
    this.syncBytesPerSecond = load.syncBytesPerSecond
    this.activeClients = load.activeClients
    this.limits = report?.limits ?? noLimits
    this.lastAnnounceMs = report?.lastAnnounceMs ?? null
    this.reasons = reasonsOf(volunteer, report)
    this.#contents = volunteer.holdings?.contents ?? null
  }

  has(content: ContentNumber): boolean {
    return this.#contents?.has(content) ?? false
  }
}

const reasonsOf = (
  { record, suspicion }: Volunteer,
  report: LastReport | null,
): readonly string[] => {
  const reasons = [...(report?.reasons ?? [])]
  if (suspicion?.quarantined === true) reasons.unshift(`quarantined: ${suspicion.reason}`)
  if (record.disabled) reasons.unshift('disabled by the operator')
  if (record.draining) reasons.unshift('drained by the operator')
  if (!record.reachable) reasons.unshift('its public URL does not answer the origin')
  return reasons
}

const snapshotOf = (network: NetworkState, volunteer: Volunteer): SnapshotNumber | null =>
  sameNumbers(network.snapshot, volunteer.position) ? (volunteer.position?.snapshot ?? null) : null

export const candidateOf = (
  network: NetworkState,
  volunteer: Volunteer,
  report: LastReport | null,
  state: VolunteerState,
): Candidate => new HoldingCandidate(volunteer, report, state, snapshotOf(network, volunteer))

/** One row of GET /-/v1/volunteers. */
export interface VolunteerView {
  readonly name: VolunteerName
  readonly url: string
  readonly state: VolunteerState
  readonly snapshot: SnapshotNumber | null
  readonly heldFiles: number
  readonly heldBytes: number
  readonly wantedFiles: number
  readonly wantedBytes: number
  readonly clientBytesPerSecond: number
  readonly syncBytesPerSecond: number
  /** What the owner lets it send; null: no limit. */
  readonly capacityBytesPerSecond: number | null
  readonly activeClients: number
  readonly lastAnnounceMs: number | null
  /** The operator's factor on its capacity. */
  readonly weight: number
  readonly trust: VolunteerRecord['trust']
  /** Where it stands, as the operator named it. */
  readonly site: string | null
  /** Networks whose clients go there first, as the operator approved, and those that it asks for. */
  readonly networks: readonly string[]
  readonly askedNetworks: readonly string[]
  /** It runs none of our daemons: the origin looks at its files itself. */
  readonly mirror?: true
  readonly reasons: readonly string[]
}

export const viewOf = (candidate: Candidate, report: LastReport | null): VolunteerView => ({
  name: candidate.name,
  url: candidate.url,
  state: candidate.state,
  snapshot: candidate.snapshot,
  heldFiles: report?.sync.heldFiles ?? 0,
  heldBytes: report?.sync.heldBytes ?? 0,
  wantedFiles: report?.sync.wantedFiles ?? 0,
  wantedBytes: report?.sync.wantedBytes ?? 0,
  clientBytesPerSecond: candidate.clientBytesPerSecond,
  syncBytesPerSecond: candidate.syncBytesPerSecond,
  capacityBytesPerSecond: candidate.limits.uploadBytesPerSecond,
  activeClients: candidate.activeClients,
  lastAnnounceMs: candidate.lastAnnounceMs,
  weight: candidate.record.weight,
  trust: candidate.record.trust,
  site: candidate.record.site ?? null,
  networks: candidate.record.networks ?? [],
  askedNetworks: candidate.record.askedNetworks ?? [],
  ...(candidate.record.mirror === undefined ? {} : { mirror: true }),
  reasons: candidate.reasons,
})
