// What an operator can do with an origin, wherever it is done: through a running origin's HTTP, or
// on the data folder itself when no origin runs.

import Type, { type Static } from 'typebox'
import type { RepoPath } from '../../core/ids.ts'

export const PublishSummary = Type.Object({
  snapshot: Type.Object({ number: Type.Integer() }),
  files: Type.Integer(),
  bytes: Type.Integer(),
  added: Type.Integer(),
  changed: Type.Integer(),
  removed: Type.Integer(),
  /** The tree is as the newest snapshot has it; no new one was made. */
  unchanged: Type.Boolean(),
  warnings: Type.Array(Type.Object({ path: Type.String(), reason: Type.String() })),
  warningCount: Type.Integer(),
})
export type PublishSummary = Static<typeof PublishSummary>

export const PruneSummary = Type.Object({
  /** The oldest snapshot that is left; null: nothing is published. */
  oldest: Type.Union([Type.Integer(), Type.Null()]),
  snapshots: Type.Integer(),
  entries: Type.Integer(),
  contents: Type.Integer(),
  bundles: Type.Integer(),
  files: Type.Integer(),
  bytes: Type.Integer(),
  /** How far back everything stays. */
  keptMs: Type.Integer(),
})
export type PruneSummary = Static<typeof PruneSummary>

/** What an origin does at present. */
export interface OriginState {
  /** Where it was reached; null: it does not run. */
  readonly url: string | null
  /** Its newest snapshot; null: none yet. */
  readonly snapshot: number | null
  /** Null: only its operator may know. */
  readonly publishing: boolean | null
  /** Why the newest publish failed. */
  readonly problem: { readonly code: string; readonly message: string } | null
}

export const TokenAnswer = Type.Object({
  token: Type.String(),
  uses: Type.Integer(),
  expiresMs: Type.Integer(),
  trust: Type.String(),
})
export type TokenAnswer = Static<typeof TokenAnswer>

const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])

export const VolunteerRow = Type.Object({
  name: Type.String(),
  url: Type.String(),
  state: Type.String(),
  snapshot: nullable(Type.Integer()),
  heldFiles: Type.Integer(),
  heldBytes: Type.Integer(),
  wantedBytes: Type.Integer(),
  clientBytesPerSecond: Type.Number(),
  syncBytesPerSecond: Type.Number(),
  capacityBytesPerSecond: nullable(Type.Number()),
  activeClients: Type.Integer(),
  lastAnnounceMs: nullable(Type.Number()),
  reasons: Type.Array(Type.String()),
  // Absent from older origins.
  weight: Type.Optional(Type.Number()),
  trust: Type.Optional(Type.String()),
  site: Type.Optional(nullable(Type.String())),
  networks: Type.Optional(Type.Array(Type.String())),
  askedNetworks: Type.Optional(Type.Array(Type.String())),
  mirror: Type.Optional(Type.Boolean()),
})
export type VolunteerRow = Static<typeof VolunteerRow>

const clientFields = {
  name: Type.String(),
  paths: Type.Array(Type.String()),
  networks: Type.Array(Type.String()),
  hasSecret: Type.Boolean(),
  createdMs: Type.Integer(),
}
export const ClientRow = Type.Object(clientFields)
export type ClientRow = Static<typeof ClientRow>

export const ClientAnswer = Type.Object({
  ...clientFields,
  /** Shown this once; null when the client has none, or was given a password. */
  secret: nullable(Type.String()),
  bearer: nullable(Type.String()),
})
export type ClientAnswer = Static<typeof ClientAnswer>

export interface NewClientRequest {
  readonly name: string
  readonly paths: readonly string[]
  readonly networks: readonly string[]
  readonly password: string | null
}

/** A mirror that does not run our daemon. */
export interface NewMirrorRequest {
  readonly name: string
  /** The URL that the repository's paths stand below. */
  readonly mirror: string
  /** Null: no limit that is known. */
  readonly capacityBytesPerSecond: number | null
  /** Send clients there although the origin asks them for credentials. */
  readonly allowOpen: boolean
}

/** What the operator may settle of a volunteer. */
export interface VolunteerSettings {
  readonly weight?: number
  readonly trust?: 'full' | 'signed-only'
  readonly site?: string | null
  readonly networks?: readonly string[]
}

export type VolunteerAction = 'enable' | 'disable' | 'drain' | 'undrain'

/** How far a publish is; null where it cannot be told. */
export interface PublishProgress {
  readonly hashedBytes: number
  readonly toHashBytes: number
  readonly scannedFiles: number
}

export interface PublishRequest {
  readonly allowShrink: boolean
  readonly signal: AbortSignal
  onProgress(progress: PublishProgress): void
}

export interface Operator {
  /** How the origin is; nothing in it changes. */
  state(): Promise<OriginState>
  publish(request: PublishRequest): Promise<PublishSummary>
  /** Throws MS_PUBLISH_RUNNING. */
  prune(request: {
    readonly keepMs: number
    readonly signal: AbortSignal
    /** Told of steps where that is possible. */
    readonly onStep?: (what: string, done: number, total: number) => void
  }): Promise<PruneSummary>
  createToken(request: {
    readonly uses: number
    readonly expiresMs: number
    readonly trust: 'full' | 'signed-only'
  }): Promise<TokenAnswer>
  /** Throws MS_NAME_TAKEN, MS_CONFIG_INVALID. */
  addClient(request: NewClientRequest): Promise<ClientAnswer>
  clients(): Promise<readonly ClientRow[]>
  /** Throws MS_PATH_NOT_FOUND for an unknown name. */
  revokeClient(name: string): Promise<void>
  volunteers(): Promise<readonly VolunteerRow[]>
  /** Throws MS_NAME_TAKEN, MS_URL_REFUSED, MS_REQUEST_INVALID. */
  addMirror(request: NewMirrorRequest): Promise<VolunteerRow>
  /** Throws MS_PATH_NOT_FOUND for a name that is not enrolled. */
  change(name: string, actions: readonly VolunteerAction[]): Promise<VolunteerRow>
  /** Throws MS_PATH_NOT_FOUND, MS_REQUEST_INVALID. */
  settle(name: string, settings: VolunteerSettings): Promise<VolunteerRow>
  /** Forget a volunteer: it would have to enrol anew. Throws MS_PATH_NOT_FOUND. */
  remove(name: string): Promise<void>
  /** The origin's own account of its decision, as text or as JSON. */
  explain(path: RepoPath, from: string | null, json: boolean): Promise<string>
  close(): Promise<void>
}
