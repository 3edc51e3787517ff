// What an origin is told at its start. Only main.ts and commands know all of it.

import { directAnswers } from '../core/limits.ts'
import type { LogAddresses, LogLevel } from '../core/log.ts'
import { defaultGraceMs } from '../core/update-limits.ts'
import { type FrontOptions, frontDefaults } from '../delivery/front.ts'
import type { Policy } from './logic/choose.ts'
import type { SeedListen } from './seed-listener.ts'

export interface OriginOptions {
  readonly repositoryDir: string
  readonly dataDir: string
  /** Port 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number }
  /** How clients and volunteers reach this origin; null: by what each request used. */
  readonly publicUrl: string | null
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null
  /** How often an idle volunteer announces itself. */
  readonly announceIntervalMs: number
  /** How long the tree must be still before a change is published. */
  readonly settleMs: number
  /** How often the tree is scanned for changes that no marker file shows. */
  readonly scanIntervalMs: number
  /** What a snapshot drops stays available this long: volunteers keep it, the origin sends there. */
  readonly graceMs: number
  /** Patterns of names that are never redirected, besides the built-in ones. */
  readonly keepAtOrigin: readonly string[]
  /** Files sent at the same time because no volunteer has them. */
  readonly servingLimit: number
  /** Rules for which clients go where: 'CIDR=NAME,NAME' or 'CIDR=site:SITE'. */
  readonly prefer: readonly string[]
  /** MaxMind DB files: where addresses are. */
  readonly geoDatabases: readonly string[]
  /** The part of all redirects that one volunteer may get, 0 to 1; null: all. */
  readonly maxShare: number | null
  /** How the choice falls among the nearest: for benches and simulations only. */
  readonly policy?: Policy
  /** Null: as fast as it goes. */
  readonly uploadLimitBytesPerSecond: number | null
  /** Of that, for volunteers and BitTorrent clients together; null: as much as clients leave. */
  readonly swarmUploadLimitBytesPerSecond: number | null
  /** Where stock BitTorrent clients connect; null: nowhere. */
  readonly bittorrentListen: SeedListen | null
  /** An rsync server whose files are pulled before each publish; null: the tree is others' to fill. */
  readonly upstream: string | null
  /** How often that is done. */
  readonly upstreamIntervalMs: number
  /** Threads that hold clients' connections, on Linux; 1: the one that decides does that, too. */
  readonly workers: number
  /** Hashing threads; null: one for each processor. */
  readonly hashThreads: number | null
  /** Only clients with credentials, or in a client's network, may read. */
  readonly requireClients: boolean
  /** Whoever may read anything may watch the network; else the operator alone. */
  readonly publicDashboard: boolean
  /** What volunteers install, made by npm pack; null: nothing is offered. */
  readonly packageFile: string | null
  /** Proxies, and limits of what one address may ask. */
  readonly front: FrontOptions
  /** A DNS zone with a name for each volunteer that leads to the origin, too; null: none. */
  readonly rescueZone: string | null
  /** Mean time between two audits of volunteers that nobody suspects. */
  readonly auditIntervalMs: number
  /** A file, or '-': standard output, with a line for each redirect; null: none. */
  readonly accessLog: string | null
  readonly logLevel: LogLevel
  readonly logAddresses: LogAddresses
}

/** What a test or program gets that names only the folders and where to listen. */
export const originDefaults: Omit<OriginOptions, 'repositoryDir' | 'dataDir'> = {
  listen: { host: '127.0.0.1', port: 0 },
  publicUrl: null,
  tls: null,
  announceIntervalMs: 30_000,
  settleMs: 2_000,
  scanIntervalMs: 60_000,
  graceMs: defaultGraceMs,
  keepAtOrigin: [],
  servingLimit: directAnswers,
  prefer: [],
  geoDatabases: [],
  maxShare: null,
  uploadLimitBytesPerSecond: null,
  swarmUploadLimitBytesPerSecond: null,
  bittorrentListen: null,
  upstream: null,
  upstreamIntervalMs: 3_600_000,
  workers: 1,
  hashThreads: null,
  requireClients: false,
  publicDashboard: false,
  packageFile: null,
  front: frontDefaults,
  rescueZone: null,
  auditIntervalMs: 60_000,
  accessLog: null,
  logLevel: 'info',
  logAddresses: 'full',
}

/** The most that volunteers and BitTorrent clients get together; null: no limit. */
export const swarmRateOf = (
  options: Pick<OriginOptions, 'uploadLimitBytesPerSecond' | 'swarmUploadLimitBytesPerSecond'>,
): number | null => {
  const { uploadLimitBytesPerSecond: all, swarmUploadLimitBytesPerSecond: swarm } = options
  return all === null || swarm === null ? (all ?? swarm) : Math.min(all, swarm)
}
