// What the tracker's log holds: the happenings that must survive a restart. Load, progress and
// liveness are not among them. The records contain link keys: whoever shows events to others must
// leave those out.

import Type, { type Static } from 'typebox'
import { linkKeyCharacters, volunteerUrlCharacters } from '../core/limits.ts'
import { volunteerNetworks } from '../core/selection-limits.ts'
import {
  ManifestPosition,
  messageParser,
  networkSchema,
  repositoryIdSchema,
  volunteerNameSchema,
  wireContainers,
} from './messages.ts'

const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const positive = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const session = Type.String({ minLength: 1, maxLength: 64 })
const networks = Type.Array(networkSchema, { maxItems: volunteerNetworks })
const site = Type.String({ minLength: 1, maxLength: 63 })

export const VolunteerRecord = Type.Object({
  name: volunteerNameSchema,
  /** Public URL, without a slash at the end. */
  url: Type.String({ minLength: 1, maxLength: volunteerUrlCharacters }),
  /** Ed25519, 32 raw bytes in base64url. */
  publicKey: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
  /** The secret that links are signed with, base64. */
  linkKey: Type.String({ maxLength: linkKeyCharacters }),
  /** `signed-only`: may serve only what clients verify themselves. */
  trust: Type.Union([Type.Literal('full'), Type.Literal('signed-only')]),
  /** Whether the public URL answered the origin. */
  reachable: Type.Boolean(),
  enrolledMs: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  /** The operator's factor on its capacity; 1 unless changed. */
  weight: Type.Number({ minimum: 0, maximum: 1000 }),
  /** Taken out by the operator. */
  disabled: Type.Boolean(),
  /** Drained by the operator. */
  draining: Type.Boolean(),
  /** The owner's own networks (CIDR), as it says. */
  askedNetworks: Type.Optional(networks),
  /** Networks whose clients go there first, as the operator approved. */
  networks: Type.Optional(networks),
  /** The operator's name for where it stands. */
  site: Type.Optional(Type.Union([site, Type.Null()])),
  /** It runs none of our daemons: the origin looks at its files and announces for it. */
  mirror: Type.Optional(
    Type.Object({
      /** What its owner lets it send; null: no limit that is known. */
      capacityBytesPerSecond: Type.Union([positive, Type.Null()]),
      /** Clients may be sent there although the origin asks them for credentials. */
      allowOpen: Type.Boolean(),
    }),
  ),
})
/** An enrolled volunteer, as the origin and its operator settled it. */
export type VolunteerRecord = Static<typeof VolunteerRecord>

/** One version of one session's holdings. */
export const HoldingsVersion = Type.Object({
  session,
  version: positive,
})
export type HoldingsVersion = Static<typeof HoldingsVersion>

/** What probes and audits make of a volunteer; see the origin's suspicion. */
export const Suspicion = Type.Object({
  /** It gets no clients until audits pass. */
  quarantined: Type.Boolean(),
  /** The newest failure, for people. */
  reason: Type.String({ maxLength: 200 }),
  /** Whether the origin saw it itself, or only other volunteers did. */
  by: Type.Union([Type.Literal('origin'), Type.Literal('others')]),
  /** Of failures since the last audit that passed. */
  weight: count,
  /** Times that it was quarantined, and audits since: passed in a row, failed. */
  strikes: count,
  passes: count,
  failures: count,
  /** Milliseconds since 1970: of the newest failure, and when to look again. */
  sinceMs: count,
  nextAuditMs: count,
})
export type Suspicion = Static<typeof Suspicion>

const OwnerSettings = Type.Object({
  disabled: Type.Optional(Type.Boolean()),
  draining: Type.Optional(Type.Boolean()),
  weight: Type.Optional(Type.Number({ minimum: 0, maximum: 1000 })),
  trust: Type.Optional(Type.Union([Type.Literal('full'), Type.Literal('signed-only')])),
  networks: Type.Optional(networks),
  site: Type.Optional(Type.Union([site, Type.Null()])),
})

export const NetworkEvent = Type.Union([
  Type.Object({ type: Type.Literal('enrolled'), volunteer: VolunteerRecord }),
  Type.Object({
    type: Type.Literal('owner'),
    name: volunteerNameSchema,
    settings: OwnerSettings,
  }),
  Type.Object({ type: Type.Literal('removed'), name: volunteerNameSchema }),
  Type.Object({
    type: Type.Literal('reachable'),
    name: volunteerNameSchema,
    reachable: Type.Boolean(),
  }),
  Type.Object({
    type: Type.Literal('suspicion'),
    name: volunteerNameSchema,
    suspicion: Type.Union([Suspicion, Type.Null()]),
  }),
  /** It said itself that it does not hold this content, although it had announced it. */
  Type.Object({
    type: Type.Literal('withdrawn'),
    name: volunteerNameSchema,
    repositoryId: repositoryIdSchema,
    epoch: positive,
    content: count,
  }),
  Type.Object({
    type: Type.Literal('snapshot'),
    repositoryId: repositoryIdSchema,
    epoch: positive,
    number: positive,
  }),
  Type.Object({
    type: Type.Literal('manifest'),
    name: volunteerNameSchema,
    position: ManifestPosition,
  }),
  Type.Object({
    type: Type.Literal('holdings'),
    name: volunteerNameSchema,
    repositoryId: repositoryIdSchema,
    epoch: positive,
    session,
    version: positive,
    /** The containers are changes on top of exactly this version; null: they are the full state. */
    after: Type.Union([HoldingsVersion, Type.Null()]),
    containers: wireContainers,
  }),
])
export type NetworkEvent = Static<typeof NetworkEvent>
export type HoldingsEvent = Extract<NetworkEvent, { type: 'holdings' }>

/** An event read back from disk; throws MS_DATA_CORRUPT. */
export const parseNetworkEvent = messageParser(NetworkEvent, 'state log', 'MS_DATA_CORRUPT')
