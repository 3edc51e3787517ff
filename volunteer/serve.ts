// Answers requests for repository paths: genuine links and the own network's machines are served
// from the mirror, everything else is sent back to the origin or refused. Bytes leave only from a
// file that is still the one that was verified.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import { describeError } from '../core/errors.ts'
import type { RepoPath, Sha256, SnapshotNumber } from '../core/ids.ts'
import type { Logger } from '../core/log.ts'
import { inNetworks, type Network } from '../core/networks.ts'
import type { RateLimiter } from '../core/rate-limiter.ts'
import { folderPageEntries } from '../core/volunteer-limits.ts'
import { type BounceReason, signBounce } from '../delivery/bounces.ts'
import { type ClientAddresses, socketAddress } from '../delivery/client-address.ts'
import type { ContentMemory, KeptBody } from '../delivery/content-memory.ts'
import { contentTypeOf } from '../delivery/content-type.ts'
import type { HandOver } from '../delivery/hand-over.ts'
import { LinkMemory } from '../delivery/link-memory.ts'
import type { LinkKey } from '../delivery/links.ts'
import { handOverHeaders, handOverStatus, mayHandOver } from '../delivery/logic/hand-over.ts'
import type { QuickHead } from '../delivery/logic/quick-head.ts'
import { type Decision, respond } from '../delivery/logic/respond.ts'
import type { FrontEnds, QuickBody } from '../delivery/quick-front.ts'
import type { ReadBudget } from '../delivery/read-budget.ts'
import { type SendResult, sendRepresentation } from '../delivery/send.ts'
import type { Content } from '../manifest/model.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'
import { folderPage } from './folder-page.ts'
import { HeldContents, type OpenHeldFile } from './held-contents.ts'
import type { HeldStore } from './held-store.ts'
import { decideServing, type LinkState, type OriginClock, originNowMs } from './logic/serving.ts'
import type { Metrics } from './metrics.ts'
import type { MirrorFolder } from './mirror-folder.ts'
import { type ActiveClients, QuickServing } from './quick-serve.ts'
import { parseTarget } from './request-target.ts'

export interface ServingParts {
  readonly reader: ManifestReader
  readonly store: HeldStore
  readonly folder: MirrorFolder
  readonly linkKey: LinkKey
  readonly uploadLimiter: RateLimiter
  readonly budget: ReadBudget
  /** Missing: every answer is read from its file. */
  readonly memory?: ContentMemory
  /** Lets a proxy send the bytes; missing: none does. */
  readonly handOver?: HandOver | null
  readonly metrics: Metrics
  readonly clock: Clock
  readonly logger: Logger
  /** What announces taught about the origin's clock. */
  readonly originClock: () => OriginClock | null
  readonly isWithinHours: () => boolean
  readonly isDraining: () => boolean
  /** A held file turned out to be gone or changed. */
  readonly onLost: (path: RepoPath) => void
}

export interface ServingOptions {
  readonly originUrl: string
  readonly networks: readonly Network[]
  /** Who asks, behind proxies too; missing: the connection's other end. */
  readonly addresses?: ClientAddresses
  readonly maxClients: number | null
  /** The path of the public URL, '' or '/prefix'; a proxy may have removed it or not. */
  readonly prefix: string
  /** Cuts what is being sent. */
  readonly signal: AbortSignal
}

interface Request {
  readonly raw: IncomingMessage
  readonly response: ServerResponse
  readonly method: 'GET' | 'HEAD'
  readonly path: RepoPath
  readonly directory: boolean
  readonly query: string
  readonly ownNetwork: boolean
}

const plain = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' }

const end = (
  { method, response }: Pick<Request, 'method' | 'response'>,
  status: number,
  headers: Readonly<Record<string, string>>,
  body = '',
): void => {
  const length = String(Buffer.byteLength(body))
  response.writeHead(status, { 'content-length': length, ...headers })
  response.end(method === 'HEAD' ? undefined : body)
}

export class Serving {
  readonly #contents: HeldContents
  readonly #links: LinkMemory
  readonly #parts: ServingParts
  #options: ServingOptions
  readonly #clients: ActiveClients = { count: 0 }
  readonly #quick: QuickServing | null

  constructor(parts: ServingParts, options: ServingOptions) {
    this.#parts = parts
    this.#options = options
    this.#contents = new HeldContents(parts)
    this.#links = new LinkMemory(parts.linkKey)
    this.#quick = this.#quickServing()
  }

  /** From the next request on. */
  change(options: Pick<ServingOptions, 'networks' | 'maxClients'>): void {
    this.#options = { ...this.#options, ...options }
  }

  /** Clients with links that are being sent something; the own network's machines do not count. */
  get activeClients(): number {
    return this.#clients.count
  }

  #quickServing(): QuickServing | null {
    const { memory, handOver } = this.#parts
    if (memory === undefined) return null
    return new QuickServing(
      {
        ...this.#parts,
        memory,
        links: this.#links,
        clients: this.#clients,
        nowSeconds: () => this.#nowSeconds(),
        handOver: handOver ?? null,
      },
      () => this.#options,
    )
  }

  /** The answer to a usual request, at once, for what is hot or handed over; null: `handle` has to. */
  answerQuickly(head: QuickHead, socket: FrontEnds): string | QuickBody | null {
    return this.#quick?.answer(head, socket) ?? null
  }

  /** Answer a request whose target, as it stood on the wire, is no own address ("/-/…"). */
  async handle(raw: IncomingMessage, response: ServerResponse, target: string): Promise<void> {
    if (raw.method !== 'GET' && raw.method !== 'HEAD') {
      end({ method: 'GET', response }, 405, { ...plain, allow: 'GET, HEAD' }, 'use GET or HEAD\n')
      return
    }
    const { prefix, networks, addresses } = this.#options
    const parsed = parseTarget(target, prefix)
    if (!parsed.ok) {
      end({ method: raw.method, response }, 400, plain, `${parsed.reason}\n`)
      return
    }
    const request: Request = {
      raw,
      response,
      method: raw.method,
      path: parsed.path,
      directory: parsed.directory,
      query: parsed.query,
      ownNetwork: inNetworks(networks, addresses?.of(raw).address ?? socketAddress(raw)),
    }
    await this.#answer(request)
  }

  async #answer(request: Request): Promise<void> {
    const { reader } = this.#parts
    const verdict = this.#links.verify(request.path, request.query, this.#nowSeconds())
    if (verdict.ok) {
      const content = reader.contentByHash(verdict.sha256)
      await this.#decide(request, 'genuine', content, verdict.sha256)
    } else if (request.ownNetwork) await this.#answerNetwork(request)
    else if (verdict.reason === 'expired')
      await this.#decide(request, 'expired', null, verdict.sha256)
    else await this.#decide(request, verdict.reason, null, null)
  }

  /** On the origin's clock. */
  #nowSeconds(): number {
    const { clock, originClock } = this.#parts
    return Math.floor(originNowMs(originClock(), clock.monotonicMs(), clock.nowMs()) / 1000)
  }

  /** `asked`: the content that was asked for, known here or not; null: nobody can say. */
  async #decide(
    request: Request,
    link: LinkState,
    content: Content | null,
    asked: Sha256 | null,
  ): Promise<void> {
    const decision = decideServing({
      ownNetwork: request.ownNetwork,
      link,
      held: content !== null && this.#parts.store.filesOf(content.sha256).length > 0,
      withinHours: this.#parts.isWithinHours(),
      draining: this.#parts.isDraining(),
      activeClients: this.#clients.count,
      maxClients: this.#options.maxClients,
    })
    if (decision.kind === 'refuse') {
      this.#parts.metrics.count('refused')
      const text = decision.reason === 'forged' ? 'the link is not genuine' : 'the link is missing'
      end(request, 403, plain, `${text}: ask the origin for this file\n`)
    } else if (decision.kind === 'bounce' || content === null) {
      this.#bounce(request, decision.kind === 'bounce' ? decision.reason : 'not held', asked)
    } else await this.#send(request, content, decision.limited)
  }

  /**
   * The origin's "?direct" never redirects, so nobody is sent to and fro. The reason, signed, is what
   * the origin keeps room for.
   */
  #bounce({ method, response, path }: Request, reason: BounceReason, sha256: Sha256 | null): void {
    const { metrics, logger, linkKey } = this.#parts
    metrics.count('bounced')
    logger.debug({ path, reason }, 'sent back to the origin')
    const signed =
      sha256 === null ? '' : `=${signBounce(linkKey, { path, sha256, reason }, this.#nowSeconds())}`
    const location = `${this.#options.originUrl}/${path}?direct${signed}`
    end({ method, response }, 307, { location, 'cache-control': 'no-store' })
  }

  /** By path, as any mirror: what is in place first, then what is newer but arrived already. */
  async #answerNetwork(request: Request): Promise<void> {
    const { reader, store } = this.#parts
    const newest = reader.latest()?.number
    const snapshots = [store.placedSnapshot(), newest].filter(number => typeof number === 'number')
    let bounce = newest === undefined
    let missing: Sha256 | null = null
    for (const snapshot of new Set(snapshots)) {
      const found = reader.resolve(request.path, snapshot)
      if (found.kind === 'directory') {
        this.#sendFolder(request, found.path, snapshot)
        return
      }
      if (found.kind !== 'file' || request.directory) continue
      if (store.filesOf(found.content.sha256).length > 0) {
        await this.#decide(request, 'unsigned', found.content, found.content.sha256)
        return
      }
      bounce = true
      missing = found.content.sha256
    }
    if (bounce) {
      this.#bounce(request, 'not held', missing)
      return
    }
    this.#parts.metrics.count('not-found')
    end(request, 404, plain, 'there is no such file in the repository\n')
  }

  #sendFolder(request: Request, folder: RepoPath, snapshot: SnapshotNumber): void {
    this.#parts.metrics.count('page')
    if (!request.directory) {
      // Relative, since a proxy may have changed what stands before it.
      const name = request.path.slice(request.path.lastIndexOf('/') + 1)
      end(request, 301, { location: `./${name}/`, 'cache-control': 'no-store' })
      return
    }
    const limit = folderPageEntries
    const children = this.#parts.reader.list(folder, snapshot, { limit: limit + 1 })
    const page = folderPage(request.path, children.slice(0, limit), children.length <= limit)
    const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' }
    end(request, 200, headers, page)
  }

  async #send(request: Request, content: Content, limited: boolean): Promise<void> {
    const { folder } = this.#parts
    const handOver = this.#handOverTo(request)
    const memory = handOver === null ? this.#parts.memory : undefined
    // Counted before anything waits, so that a burst cannot slip past --max-clients.
    if (limited) this.#clients.count++
    try {
      const kept = await memory?.find(content.sha256)
      if (kept) {
        try {
          await this.#sendBody(request, content, kept, limited)
        } finally {
          kept.leave()
        }
        return
      }
      const file = await this.#contents.openFile(content.sha256)
      if (file === null) this.#bounce(request, 'not held', content.sha256)
      else {
        await memory?.offer(content.sha256, folder.file(file.held.path), file)
        await this.#sendBody(request, content, file, limited)
      }
    } finally {
      if (limited) this.#clients.count--
    }
  }

  /** Who is not behind the owner's own proxy would get an answer without its bytes. */
  #handOverTo({ raw }: Request): HandOver | null {
    return (this.#options.addresses?.isProxy(raw) && this.#parts.handOver) || null
  }

  /** Tell the proxy which file to send; false: nothing was answered. */
  async #handOver(
    request: Request,
    decision: Decision,
    { held, guard, handle }: OpenHeldFile,
    limited: boolean,
  ): Promise<boolean> {
    const { folder, metrics } = this.#parts
    const handOver = this.#handOverTo(request)
    if (handOver === null) return false
    if (!mayHandOver(request.raw.headers, decision, handOver.header)) return false
    const file = await handOver.place(held.sha256, folder.file(held.path), guard)
    if (file === null) return false
    await handle.close()
    metrics.addSent(limited ? 'client' : 'network', decision.bodyBytes)
    metrics.count(limited ? 'served' : 'network')
    end(request, handOverStatus(file), handOverHeaders(decision, file))
    return true
  }

  async #sendBody(
    request: Request,
    content: Content,
    body: OpenHeldFile | KeptBody,
    limited: boolean,
  ): Promise<void> {
    const { metrics, budget, uploadLimiter } = this.#parts
    const to = limited ? 'client' : 'network'
    const decision = respond(request.method, request.raw.headers, {
      sha256: content.sha256,
      sizeBytes: content.sizeBytes,
      modifiedSeconds: content.modifiedSeconds,
      contentType: contentTypeOf(request.path),
    })
    if ('held' in body && (await this.#handOver(request, decision, body, limited))) return
    const result = await sendRepresentation(request.response, decision, body, {
      budget,
      signal: this.#options.signal,
      onBytes: bytes => metrics.addSent(to, bytes),
      // Limited bytes go out in small slices, so only where there is a limit.
      ...(limited && uploadLimiter.limits
        ? { limiter: { take: (bytes, signal) => uploadLimiter.take(bytes, 'client', signal) } }
        : {}),
    })
    this.#account(request, body, limited, result)
  }

  #account(
    request: Request,
    body: OpenHeldFile | KeptBody,
    limited: boolean,
    result: SendResult,
  ): void {
    const { metrics, store, logger, onLost } = this.#parts
    if (result.outcome === 'sent') {
      metrics.count(limited ? 'served' : 'network')
      return
    }
    const failed = result.outcome === 'changed' || result.outcome === 'unreadable'
    if (!failed || !('held' in body)) {
      metrics.count('broken-off')
      return
    }
    metrics.count('changed')
    const error = result.error === undefined ? undefined : describeError(result.error)
    logger.warn({ path: body.held.path, error }, 'a held file changed while it was served')
    store.markChanged(body.held.path)
    onLost(body.held.path)
    if (!result.headersSent) this.#bounce(request, 'not held', body.held.sha256)
  }
}
