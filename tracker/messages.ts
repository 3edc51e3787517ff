// The announce on the wire: its schemas, its types and the check of what comes in. Strict on every
// field it knows, blind to the others, so that versions can mix. What the fields mean for the
// network is not decided here.

import Type, { type Static, type TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { type ErrorCode, MirrorswarmError } from '../core/errors.ts'
import type { InfoHash, RepositoryId, VolunteerName } from '../core/ids.ts'
import {
  announcedPatterns,
  announcedReasons,
  announcedTorrents,
  holdingsContainers,
  holdingsRanges,
  peersPerHandout,
  popularContents,
  volunteers,
  volunteerUrlCharacters,
} from '../core/limits.ts'
import { containerBytes, containerNumbers } from './container-size.ts'

const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const positive = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const rate = Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const port = Type.Integer({ minimum: 1, maximum: 65_535 })
const token = Type.String({ pattern: '^[A-Za-z0-9._:/-]{1,64}$' })
const infoHash = Type.Unsafe<InfoHash>(Type.String({ pattern: '^[0-9a-f]{40}$' }))
const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

export const repositoryIdSchema = Type.Unsafe<RepositoryId>(
  Type.String({ pattern: '^[0-9a-f]{64}$' }),
)
export const volunteerNameSchema = Type.Unsafe<VolunteerName>(
  Type.String({ pattern: '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$' }),
)

/** About the form of a network (CIDR); whether it is one is checked where it is settled. */
export const networkSchema = Type.String({ pattern: '^[0-9A-Fa-f.:]{2,45}(?:/[0-9]{1,3})?$' })

/** [start, count] inside one container. */
const range = Type.Tuple([
  Type.Integer({ minimum: 0, maximum: containerNumbers - 1 }),
  Type.Integer({ minimum: 1, maximum: containerNumbers }),
])
const ranges = Type.Array(range, { maxItems: holdingsRanges })
const containerIndex = Type.Integer({ minimum: 0, maximum: holdingsContainers - 1 })

/**
 * One container of holdings. `full`, `empty` and `bitmap` (base64, trailing zero bytes cut) replace
 * what is known of it; `change` removes its `remove` ranges from it, then adds its `add` ranges.
 */
export const WireContainer = Type.Union([
  Type.Object({
    index: containerIndex,
    kind: Type.Union([Type.Literal('full'), Type.Literal('empty')]),
  }),
  Type.Object({
    index: containerIndex,
    kind: Type.Literal('bitmap'),
    bits: Type.String({
      maxLength: Math.ceil(containerBytes / 3) * 4,
      // Base64: see checkContainers, which is many times as fast as an expression.
    }),
  }),
  Type.Object({ index: containerIndex, kind: Type.Literal('change'), add: ranges, remove: ranges }),
])
export type WireContainer = Static<typeof WireContainer>

export const wireContainers = Type.Array(WireContainer, { maxItems: holdingsContainers })

export const ManifestPosition = Type.Object({
  repositoryId: repositoryIdSchema,
  epoch: positive,
  snapshot: positive,
})
/** The snapshot that a volunteer has applied, and whose numbers its holdings use. */
export type ManifestPosition = Static<typeof ManifestPosition>

const TorrentProgress = Type.Object({ infoHash, pieces: count, have: count })
/** A torrent that the volunteer downloads: pieces in all, pieces that it has. */
export type TorrentProgress = Static<typeof TorrentProgress>

const SyncStatus = Type.Object({
  state: Type.Union([
    Type.Literal('idle'),
    Type.Literal('syncing'),
    Type.Literal('adopting'),
    Type.Literal('paused'),
  ]),
  wantedFiles: count,
  wantedBytes: count,
  heldFiles: count,
  heldBytes: count,
  torrents: Type.Array(TorrentProgress, { maxItems: announcedTorrents }),
})
export type SyncStatus = Static<typeof SyncStatus>

const LoadStatus = Type.Object({
  clientBytesPerSecond: rate,
  syncBytesPerSecond: rate,
  activeClients: count,
})
export type LoadStatus = Static<typeof LoadStatus>

const AnnouncedTotals = Type.Object({
  ...{ clientBytes: count, networkBytes: count, peersBytes: count },
  ...{ fromPeersBytes: count, fromOriginBytes: count, reusedBytes: count, syncMs: count },
})
/**
 * Since the daemon started: bytes sent to clients, to the own network and to peers; bytes of contents
 * fetched from peers and from the origin, and copied from what was there; time spent synchronising.
 */
export type AnnouncedTotals = Static<typeof AnnouncedTotals>

const ServingLimits = Type.Object({
  uploadBytesPerSecond: orNull(rate),
  maxClients: orNull(count),
})
/** What the owner allows; null: no limit. */
export type ServingLimits = Static<typeof ServingLimits>

const patterns = Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
  maxItems: announcedPatterns,
})
const AnnouncedScope = Type.Object({ include: patterns, exclude: patterns })
/** The owner's --include and --exclude. */
export type AnnouncedScope = Static<typeof AnnouncedScope>

export const AnnounceRequest = Type.Object({
  version: Type.Literal(1),
  /** Random, new at each start of the daemon. */
  session: token,
  /** Grows with each announce of the session. */
  sequence: positive,
  manifest: orNull(ManifestPosition),
  /** Where it takes BitTorrent connections; null: nowhere. */
  peerPort: orNull(port),
  /**
   * `base` null: the full state, else the changes since that version. No containers and
   * base = version: nothing changed. Null: the volunteer has no numbers to speak of yet.
   */
  holdings: orNull(
    Type.Object({ base: orNull(count), version: positive, containers: wireContainers }),
  ),
  /** With full holdings only; it stays true for the session. Absent then: everything is wanted. */
  scope: Type.Optional(AnnouncedScope),
  sync: SyncStatus,
  load: LoadStatus,
  /** What the machine's own clock says, for people. Both: absent from older volunteers and mirrors. */
  clockMs: Type.Optional(count),
  totals: Type.Optional(AnnouncedTotals),
  limits: ServingLimits,
  draining: Type.Boolean(),
  /** For people: why it serves less than it could. */
  reasons: Type.Array(Type.String({ pattern: '^[^\\u0000-\\u001f\\u007f]{0,200}$' }), {
    maxItems: announcedReasons,
  }),
  /** For those with a quota: the tag of the newest list of popular contents; null: none yet. */
  popular: Type.Optional(orNull(token)),
  /** The tag of the newest answer that arrived: an answer with another one is news. */
  seen: orNull(token),
  /** The tag of the roster that it has; null: none. Missing: it wants none (an older version). */
  roster: Type.Optional(orNull(token)),
  /** How long the answer may wait for news; 0: answer at once. */
  waitMs: count,
})
export type AnnounceRequest = Static<typeof AnnounceRequest>

export const VolunteerState = Type.Union([
  Type.Literal('syncing'),
  Type.Literal('synced'),
  Type.Literal('draining'),
  Type.Literal('offline'),
  Type.Literal('unreachable'),
  Type.Literal('quarantined'),
])
export type VolunteerState = Static<typeof VolunteerState>

const PeerAddress = Type.Object({
  name: volunteerNameSchema,
  /** Host name or IP address (IPv6 without brackets). */
  host: Type.String({ pattern: '^[A-Za-z0-9._:%-]{1,255}$' }),
  port,
  /** Whether it has the whole torrent. */
  complete: Type.Optional(Type.Boolean()),
})
export type PeerAddress = Static<typeof PeerAddress>

const TorrentShare = Type.Object({
  index: count,
  count: positive,
  /** Absent from an older tracker. */
  names: Type.Optional(Type.Array(volunteerNameSchema, { maxItems: peersPerHandout })),
})
/**
 * The place among those that download a torrent, and their names: each piece is asked of the origin by
 * the one to whom rendezvous hashing gives it.
 */
export type TorrentShare = Static<typeof TorrentShare>

const TorrentPeers = Type.Object({
  infoHash,
  peers: Type.Array(PeerAddress, { maxItems: peersPerHandout }),
  share: TorrentShare,
})
export type TorrentPeers = Static<typeof TorrentPeers>

const RosterEntry = Type.Object({
  name: volunteerNameSchema,
  /** Ed25519, 32 raw bytes in base64url. */
  key: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
  /** Public URL, without a slash at the end. */
  url: Type.String({ minLength: 1, maxLength: volunteerUrlCharacters }),
})
/** Another volunteer, as it is enrolled. */
export type RosterEntry = Static<typeof RosterEntry>

export const WireRoster = Type.Object({
  tag: token,
  volunteers: Type.Array(RosterEntry, { maxItems: volunteers }),
})
/** All volunteers that the receiver may talk to. */
export type WireRoster = Static<typeof WireRoster>

const PopularContents = Type.Object({
  tag: token,
  contents: Type.Array(Type.Tuple([count, count]), { maxItems: popularContents }),
})
/** What clients ask for most: content number and requests, faded with time. */
export type PopularContents = Static<typeof PopularContents>

export const AnnounceAnswer = Type.Object({
  /** The origin's clock: what expiries of links are measured by. */
  nowMs: count,
  intervalMs: positive,
  /** How long what the repository dropped is to be kept; absent from older origins. */
  graceMs: Type.Optional(count),
  /** The newest snapshot; null: nothing is published yet. */
  snapshot: orNull(Type.Object({ epoch: positive, number: positive })),
  /** The version of this session's holdings that the tracker has; null: none. */
  holdingsVersion: orNull(count),
  wantFull: Type.Boolean(),
  /** For each torrent of the request that the tracker knows. */
  torrents: Type.Array(TorrentPeers, { maxItems: announcedTorrents }),
  drain: Type.Boolean(),
  state: VolunteerState,
  /** If the request had another one. */
  roster: Type.Optional(WireRoster),
  /** If the request asked for it and had another one, and the numbers are those of its manifest. */
  popular: Type.Optional(PopularContents),
  /** Names what this answer says; goes into the next request's `seen`. */
  tag: token,
})
export type AnnounceAnswer = Static<typeof AnnounceAnswer>

/** The error that helps most: the deepest, and rather a wrong value than another kind of object. */
const describeErrors = (validator: Validator, value: unknown): string => {
  const ranked = validator
    .Errors(value)
    .map(error => ({
      text: `${error.instancePath.slice(0, 100) || '/'} ${error.message.slice(0, 200)}`,
      rank:
        2 * error.instancePath.split('/').length -
        (/^(?:const|anyOf)$/.test(error.keyword) ? 1 : 0),
    }))
    .toSorted((a, b) => b.rank - a.rank)
  return ranked[0]?.text ?? 'is not valid'
}

/** A checker of untrusted values: returns the typed value or throws `code` with a readable reason. */
export const messageParser = <T extends TSchema>(schema: T, what: string, code: ErrorCode) => {
  // Most programs never check most messages, and compiling all took a start some 0.1 s.
  let validator: Validator | null = null
  return (value: unknown): Static<T> => {
    validator ??= Compile(schema) as Validator
    if (validator.Check(value)) return value as Static<T>
    throw new MirrorswarmError(code, `${what}: ${describeErrors(validator, value)}`)
  }
}

const checkRequest = messageParser(AnnounceRequest, 'announce', 'MS_REQUEST_INVALID')
const checkAnswer = messageParser(AnnounceAnswer, 'answer to an announce', 'MS_ANSWER_INVALID')

const refuse = (reason: string): never => {
  throw new MirrorswarmError('MS_REQUEST_INVALID', `announce: ${reason}`)
}

/** Whatever else stands in such a text is passed over by the decoder, which then gives less. */
const isBase64 = (text: string): boolean =>
  text.length % 4 === 0 && Buffer.from(text, 'base64').length === Buffer.byteLength(text, 'base64')

/** Throws MS_REQUEST_INVALID for containers named twice, odd bitmaps and ranges that leave theirs. */
export const checkContainers = (containers: readonly WireContainer[]): void => {
  const seen = new Set<number>()
  for (const container of containers) {
    if (seen.has(container.index)) refuse(`container ${container.index} is there twice`)
    seen.add(container.index)
    if (container.kind === 'bitmap' && !isBase64(container.bits)) {
      refuse(`the bitmap of container ${container.index} is not base64`)
    }
    if (container.kind !== 'change') continue
    for (const [start, length] of [...container.add, ...container.remove]) {
      if (start + length > containerNumbers) {
        refuse(`a range of container ${container.index} ends outside it`)
      }
    }
  }
}

/** An announce as a volunteer sent it (parsed JSON); throws MS_REQUEST_INVALID. */
export const parseAnnounceRequest = (value: unknown): AnnounceRequest => {
  const request = checkRequest(value)
  const { holdings, sync } = request
  if (holdings !== null) {
    if (request.manifest === null) refuse('holdings need the manifest whose numbers they use')
    if (holdings.base !== null && holdings.base > holdings.version) {
      refuse('holdings go back to an older version')
    }
    checkContainers(holdings.containers)
  }
  const names = new Set(sync.torrents.map(torrent => torrent.infoHash))
  if (names.size !== sync.torrents.length) refuse('a torrent is there twice')
  if (sync.torrents.some(torrent => torrent.have > torrent.pieces)) {
    refuse('a torrent has more pieces than it has')
  }
  return request
}

/** The tracker's answer (parsed JSON); throws MS_ANSWER_INVALID. */
export const parseAnnounceAnswer = (value: unknown): AnnounceAnswer => checkAnswer(value)
