// What the routes work with: the parts of a running origin, put together once by main.ts.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import type { ContentNumber, RepoPath, VolunteerName } from '../core/ids.ts'
import type { KeyPair } from '../core/keys.ts'
import type { Logger } from '../core/log.ts'
import { ownText } from '../core/own-text.ts'
import type { RateLimiter } from '../core/rate-limiter.ts'
import type { ReadBudget } from '../delivery/read-budget.ts'
import type { KeepAtOrigin } from '../manifest/logic/keep-at-origin.ts'
import type { Content } from '../manifest/model.ts'
import type { ObjectStore } from '../manifest/objects.ts'
import type { Forms } from '../prsync/unpacked/forms.ts'
import type { Access, Caller } from './access/access.ts'
import type { Authority } from './authority.ts'
import type { BodySource } from './bodies.ts'
import type { Bounces } from './bounces.ts'
import type { Grace } from './grace.ts'
import type { HotFiles } from './hot-files.ts'
import { baseUrl, splitTarget } from './logic/public-url.ts'
import type { Rights } from './logic/rights.ts'
import type { Metrics } from './metrics.ts'
import type { Redirector, RedirectRequest } from './redirector.ts'
import type { RescueNames } from './rescue-names.ts'
import type { PinnedAsker, Resolver } from './resolver.ts'
import type { DirectoryPages } from './routes/directories.ts'
import type { ServingGate } from './serving-gate.ts'
import type { TorrentIndex } from './torrent-index.ts'
import type { ZsyncFiles } from './zsync-files.ts'

export interface OriginContext {
  readonly resolver: Resolver
  readonly hotFiles: HotFiles
  readonly bodies: BodySource
  readonly objects: ObjectStore
  readonly redirector: Redirector
  readonly keepAtOrigin: KeepAtOrigin
  /** By its name: which snapshot's a client is given depends on the update it is in. */
  readonly isIndex: (path: RepoPath) => boolean
  readonly gate: ServingGate
  readonly bounces: Bounces
  /** Null: the operator has no zone for them. */
  readonly rescueNames: RescueNames | null
  readonly budget: ReadBudget
  /** What the origin may send. */
  readonly limiter: RateLimiter
  readonly metrics: Metrics
  readonly authority: Authority
  /** Who may ask for anything. */
  readonly access: Access
  readonly pages: DirectoryPages
  readonly torrents: TorrentIndex
  readonly zsync: ZsyncFiles
  /** Unpacked forms of gzip files. */
  readonly forms: Forms
  /** Sign lists of hashes. */
  readonly listKeys: KeyPair
  readonly clock: Clock
  readonly logger: Logger
  readonly publicUrl: string | null
  /** Path prefix of the public URL: '' or '/mirror'. */
  readonly prefix: string
  /** Clients come by https, here or at a proxy in front of it. */
  readonly https: boolean
  /** What a snapshot drops stays available this long. */
  readonly grace: Grace
  /** Aborted when the origin stops. */
  readonly stopping: AbortSignal
  /** A client asked for a content. */
  onRequest(content: ContentNumber): void
  /** An answer names a volunteer, and is none to count: to HEAD, or one that sends a client on. */
  onNamed(name: VolunteerName, request: RedirectRequest): void
  /** A client came back from this volunteer for the same file. */
  onRepeat(name: VolunteerName, file: { readonly path: RepoPath; readonly content: Content }): void
}

/** One request for repository content, and how it is answered. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly method: 'GET' | 'HEAD'
  /** The request's path, canonical or not, without the public prefix. */
  readonly raw: string
  readonly query: URLSearchParams
  /** The query as it stood on the request line. */
  readonly queryText: string
  /** Who asks: see Caller. */
  readonly client: string
  /** What the client may read. */
  readonly rights: Rights
  /** The client came by https, here or to a trusted proxy. */
  readonly https: boolean
  /** The client's IP address; null: the connection is gone. */
  readonly address: string | null
  /** The origin's URL for links, without trailing slash. */
  readonly base: string
}

/** Whose update this request belongs to; proxies may send several clients' on one connection. */
export const pinnedAskerOf = ({ client, request }: Exchange): PinnedAsker => {
  const { via, forwarded, 'x-forwarded-for': forwardedFor } = request.headers
  const isProxied = via !== undefined || forwarded !== undefined || forwardedFor !== undefined
  return { client, connection: isProxied ? null : request.socket }
}

/**
 * At most `length` characters of a header, as a text of its own: a slice would keep the whole header
 * in memory for as long as somebody remembers the slice.
 */
export const headerStart = (text: string, length: number): string =>
  text.length <= length ? text : ownText(text.slice(0, length))

/** What links depend on where the public URL is not known. */
export interface Reached {
  readonly headers: { readonly host?: string | undefined }
  readonly socket: {
    readonly localAddress?: string | undefined
    readonly localPort?: number | undefined
  }
}

export const baseOf = (
  context: Pick<OriginContext, 'publicUrl'>,
  request: Reached,
  https: boolean,
): string => {
  const { localAddress = '127.0.0.1', localPort = 80 } = request.socket
  const host = localAddress.includes(':') ? `[${localAddress}]` : localAddress
  return baseUrl(context.publicUrl, {
    https,
    host: request.headers.host,
    local: `${host}:${localPort}`,
  })
}

export const makeExchange = (
  context: OriginContext,
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
  caller: Caller,
): Exchange => {
  const { raw, query } = splitTarget(target, context.prefix)
  const https = context.https || caller.https === true
  return {
    request,
    response,
    method: request.method === 'HEAD' ? 'HEAD' : 'GET',
    raw,
    query: new URLSearchParams(query),
    queryText: query,
    client: caller.client,
    rights: caller.rights,
    https,
    address: caller.address === '' ? null : caller.address,
    base: baseOf(context, request, https),
  }
}
