// What the dashboard is told by an origin or a volunteer: shapes only. Both sides of the wire are
// compiled against them. All times are milliseconds since 1970, all rates bytes a second.

export const volunteerStates = [
  ...(['synced', 'syncing', 'draining', 'offline', 'unreachable', 'quarantined'] as const),
] as const

export type VolunteerState = (typeof volunteerStates)[number]

/** Bytes that one volunteer announced since the origin started. */
export interface AnnouncedBytes {
  readonly toClients: number
  readonly toPeers: number
  readonly fromPeers: number
  readonly fromOrigin: number
  /** Found on its own disk. */
  readonly reused: number
}

export interface VolunteerRow {
  readonly name: string
  readonly url: string
  readonly state: VolunteerState
  /** The newest snapshot that it applied; null: none. */
  readonly snapshot: number | null
  /** How long there has been a snapshot that it lacks, in seconds. */
  readonly behindSeconds: number
  readonly heldFiles: number
  readonly heldBytes: number
  readonly wantedFiles: number
  readonly wantedBytes: number
  readonly clientRate: number
  readonly syncRate: number
  /** What it is taken to be able to send. */
  readonly capacityRate: number
  readonly capacitySource: 'owner' | 'observed' | 'assumed'
  /** The part of the redirects of the last minute that went there, 0 to 1; 0 when there were few. */
  readonly share: number
  readonly activeClients: number
  readonly maxClients: number | null
  /** Null: it told nothing of them. */
  readonly announced: AnnouncedBytes | null
  readonly lastAnnounceMs: number | null
  readonly weight: number
  readonly trust: 'full' | 'signed-only'
  readonly site: string | null
  /** It runs none of our daemons. */
  readonly mirror: boolean
  readonly disabled: boolean
  /** By the operator; its owner's wish shows in the state. */
  readonly drained: boolean
  readonly reasons: readonly string[]
}

/** One volunteer's part of a release. */
export interface ReleaseMember {
  readonly name: string
  /** Bytes that it lacked when it learnt of the snapshot; null: it has not yet. */
  readonly lackedBytes: number | null
  readonly missingBytes: number
  /** When it had everything; null: not yet, or it had before the origin looked. */
  readonly doneMs: number | null
  readonly done: boolean
}

export interface Release {
  readonly number: number
  readonly publishedMs: number
  /** Seen from its publication; false: the origin started later. */
  readonly watched: boolean
  readonly members: readonly ReleaseMember[]
  /** When half of the volunteers had it, and when all had; null: not yet, or not seen. */
  readonly halfMs: number | null
  readonly allMs: number | null
  /** Milliseconds after the publication, and the part of volunteers that had everything, 0 to 1. */
  readonly curve: readonly (readonly [afterMs: number, part: number])[]
}

/** Averages since the sample before. */
export interface TrafficSample {
  readonly atMs: number
  /** The origin to clients. */
  readonly originRate: number
  /** Volunteers to clients, as they announced. */
  readonly volunteerRate: number
  /** The origin to volunteers and BitTorrent clients. */
  readonly seedRate: number
  /** Among volunteers, as they announced. */
  readonly swarmRate: number
  /** What volunteers found on their own disks instead of fetching it, as they announced. */
  readonly reusedRate: number
  readonly redirectsPerSecond: number
}

/** Since the origin was first started, as far as it remembers. */
export interface Totals {
  readonly sinceMs: number
  readonly originBytes: number
  readonly seedBytes: number
  readonly redirects: number
  /** What redirected clients asked for: the origin did not send it. */
  readonly redirectedBytes: number
  /** Requests for files that the origin answered with bytes of its own. */
  readonly servedHere: number
  /** Bytes of contents that volunteers have got, by where from, as they announced. */
  readonly fromPeersBytes: number
  readonly fromOriginBytes: number
  /** What they found on their own disks: nobody had to send it. */
  readonly reusedBytes: number
}

export interface Happening {
  readonly atMs: number
  readonly type: string
  readonly text: string
}

export interface SnapshotNews {
  readonly number: number
  readonly createdMs: number
  readonly files: number
  readonly bytes: number
}

export interface PublishNews {
  readonly publishing: boolean
  /** 0 to 1; null: not known. */
  readonly part: number | null
  readonly problem: string | null
}

export interface Overview {
  /** The log's newest event: resume from here. */
  readonly sequence: number
  readonly nowMs: number
  /** The one who asks is the operator. */
  readonly operator: boolean
  /** How others reach the origin, without trailing slash. */
  readonly url: string
  /** Volunteers can install from there; see enrolment-lines.ts. */
  readonly offersPackage: boolean
  readonly repositoryId: string | null
  readonly snapshot: SnapshotNews | null
  readonly publish: PublishNews
  readonly volunteers: readonly VolunteerRow[]
  readonly releases: readonly Release[]
  readonly traffic: readonly TrafficSample[]
  readonly totals: Totals
  readonly happenings: readonly Happening[]
}

/** A redirect as operators see it: no client can be told from another of its network. */
export interface ShownRedirect {
  readonly atMs: number
  /** /24 or /48; null: not known. */
  readonly network: string | null
  /** Percent-encoded, as it was asked for. */
  readonly path: string
  readonly sizeBytes: number
  readonly volunteer: string
  readonly why: string
  /** Redirects since the one shown before that were not shown. */
  readonly skipped: number
}

/** One day of a volunteer, by its own clock and time zone. */
export interface Day {
  /** 2024-05-31 */
  readonly date: string
  readonly syncMs: number
  readonly clientBytes: number
  readonly networkBytes: number
  readonly peersBytes: number
  readonly fromPeersBytes: number
  readonly fromOriginBytes: number
  readonly reusedBytes: number
}

/** What a volunteer tells of itself at "/-/status", as far as its page shows it. */
export interface VolunteerStatus {
  readonly name: string
  readonly url?: string
  readonly origin?: { readonly url: string; readonly answers: boolean }
  readonly snapshot?: { readonly applied: number | null; readonly placed: number | null }
  readonly state: string
  readonly heldFiles?: number
  readonly heldBytes?: number
  readonly wantedFiles?: number
  readonly wantedBytes?: number
  readonly draining?: boolean
  readonly reasons?: readonly string[]
  readonly load?: {
    readonly clientBytesPerSecond: number
    readonly syncBytesPerSecond: number
    readonly activeClients: number
  }
  readonly limits?: {
    readonly uploadBytesPerSecond: number | null
    readonly maxClients: number | null
  }
  readonly owner?: {
    readonly downloadBytesPerSecond: number | null
    readonly quotaBytes: number | null
    readonly minFreeBytes: number
    readonly hours: string | null
    /** How many networks of its own it serves. */
    readonly networks: number
    readonly include: readonly string[]
    readonly exclude: readonly string[]
  }
  readonly days?: readonly Day[]
}
