// The usual request on the shortest way: a genuine link, without ranges or conditions, to a content
// that is kept in memory, or whose name the proxy in front was told before. It decides nothing that
// serve.ts would not decide, and leaves whatever is not usual to it, before anything was answered or
// counted.

import { STATUS_CODES } from 'node:http'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../core/clock.ts'
import type { Sha256 } from '../core/ids.ts'
import { readBufferBytes } from '../core/limits.ts'
import { inNetworks } from '../core/networks.ts'
import { ownText } from '../core/own-text.ts'
import type { RateLimiter } from '../core/rate-limiter.ts'
import { hotAnswers, rememberedLinkCharacters } from '../core/serving-limits.ts'
import { type Asking, socketAddress } from '../delivery/client-address.ts'
import type { ContentMemory } from '../delivery/content-memory.ts'
import { contentTypeOf } from '../delivery/content-type.ts'
import type { HandOver } from '../delivery/hand-over.ts'
import { headLines, tailAt } from '../delivery/head-lines.ts'
import type { LinkMemory } from '../delivery/link-memory.ts'
import { linkExpiryOf } from '../delivery/links.ts'
import {
  type HandedFile,
  handOverHeaders,
  handOverStatus,
  mayHandOver,
} from '../delivery/logic/hand-over.ts'
import type { QuickHead } from '../delivery/logic/quick-head.ts'
import { type Decision, respond } from '../delivery/logic/respond.ts'
import type { FrontEnds, QuickBody } from '../delivery/quick-front.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'
import type { HeldStore } from './held-store.ts'
import { decideServing } from './logic/serving.ts'
import type { Metrics } from './metrics.ts'
import { parseTarget, type RequestTarget } from './request-target.ts'
import type { ServingOptions } from './serve.ts'

/** Who is being served now; shared with serve.ts. */
export interface ActiveClients {
  count: number
}

type Handing = Pick<HandOver, 'findNow'>

export interface QuickServingParts {
  readonly reader: Pick<ManifestReader, 'contentByHash'>
  readonly store: Pick<HeldStore, 'filesOf' | 'onHolding'>
  readonly memory: ContentMemory
  readonly links: LinkMemory
  readonly uploadLimiter: Pick<RateLimiter, 'limits'>
  readonly metrics: Pick<Metrics, 'addSent' | 'count'>
  readonly clients: ActiveClients
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>
  /** On the origin's clock. */
  readonly nowSeconds: () => number
  readonly isWithinHours: () => boolean
  readonly isDraining: () => boolean
  /** Lets a proxy send the bytes itself; null: none does. */
  readonly handOver: Handing | null
}

/** What an answer is made of, for one target as it stands on the request line. */
interface HotAnswer {
  readonly sha256: Sha256
  readonly bodyBytes: number
  readonly expiresSeconds: number
  /** How many contents had been given up when this one was held. */
  dropped: number
  /** Status line and headers, without those of date and connection. */
  readonly head: string
}

/** Null for what is sent in slices, so that it can be seen how much of it went out. */
const ownHead = ({ headers, bodyBytes }: Decision): string | null =>
  bodyBytes === 0 || bodyBytes > readBufferBytes
    ? null
    : ownText(`HTTP/1.1 200 OK\r\n${headLines(headers)}`)

const handedHead = (decision: Decision, file: HandedFile): string | null => {
  if (!mayHandOver({}, decision, file.header)) return null
  const status = handOverStatus(file)
  const lines = headLines(handOverHeaders(decision, file))
  return ownText(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines}`)
}

export class QuickServing {
  readonly #parts: QuickServingParts
  readonly #options: () => ServingOptions
  /** By the target as it stands on the request line: to whoever asks, and to the proxy in front. */
  readonly #own = new LRUCache<string, HotAnswer>({ max: hotAnswers })
  readonly #handed = new LRUCache<string, HotAnswer>({ max: hotAnswers })
  #dropped = 0

  /** `options`: as they are at each request. */
  constructor(parts: QuickServingParts, options: () => ServingOptions) {
    this.#parts = parts
    this.#options = options
    parts.store.onHolding((_content, held) => {
      if (!held) this.#dropped++
    })
  }

  /** The answer, as text if it has no body; null when nothing was done and serve.ts has to. */
  answer(head: QuickHead, socket: FrontEnds): string | QuickBody | null {
    if (head.method !== 'GET') return null
    const request = { headers: head.headers, socket }
    const isProxy = this.#options().addresses?.isProxy(request) === true
    const handOver = isProxy ? this.#parts.handOver : null
    const hot = this.#find(head.target, handOver)
    if (hot === null || this.#parts.nowSeconds() > hot.expiresSeconds) return null
    if (!this.#isHeld(hot)) return null
    const limited = this.#maySend(request)
    if (limited === null) return null
    return handOver === null ? this.#send(hot, limited) : this.#tell(hot, limited, handOver)
  }

  #send(hot: HotAnswer, limited: boolean): QuickBody | null {
    const { memory, clock, uploadLimiter } = this.#parts
    // Limited bytes go out in small slices.
    if (limited && uploadLimiter.limits) return null
    const kept = memory.findNow(hot.sha256, clock.monotonicMs())
    if (kept === null) return null
    const onEnd = this.#begin(kept.bytes.length, limited, kept.leave)
    return { head: hot.head + tailAt(clock.nowMs()), bytes: kept.bytes, onEnd }
  }

  #tell(hot: HotAnswer, limited: boolean, handOver: Handing): string | null {
    if (handOver.findNow(hot.sha256) === null) return null
    const { metrics, clock } = this.#parts
    metrics.addSent(limited ? 'client' : 'network', hot.bodyBytes)
    metrics.count(limited ? 'served' : 'network')
    return hot.head + tailAt(clock.nowMs())
  }

  /** Asked again only when something was given up since. */
  #isHeld(hot: HotAnswer): boolean {
    if (hot.dropped === this.#dropped) return true
    if (this.#parts.store.filesOf(hot.sha256).length === 0) return false
    hot.dropped = this.#dropped
    return true
  }

  /** Whether the limits for clients apply to this one; null: not to be served, or not from here. */
  #maySend(request: Asking): boolean | null {
    const { clients, isDraining, isWithinHours } = this.#parts
    const { addresses, networks, maxClients } = this.#options()
    const decision = decideServing({
      ownNetwork:
        networks.length > 0 &&
        inNetworks(networks, addresses?.of(request).address ?? socketAddress(request)),
      ...{ link: 'genuine', held: true },
      withinHours: isWithinHours(),
      draining: isDraining(),
      activeClients: clients.count,
      maxClients,
    })
    return decision.kind === 'serve' ? decision.limited : null
  }

  #begin(bytes: number, limited: boolean, leave: () => void): (sent: boolean) => void {
    const { clients, metrics } = this.#parts
    if (limited) clients.count++
    metrics.addSent(limited ? 'client' : 'network', bytes)
    return sent => {
      if (limited) clients.count--
      metrics.count(sent ? (limited ? 'served' : 'network') : 'broken-off')
      leave()
    }
  }

  #find(target: string, handOver: Handing | null): HotAnswer | null {
    const known = handOver === null ? this.#own : this.#handed
    const before = known.get(target)
    if (before !== undefined) return before
    if (target.length > rememberedLinkCharacters) return null
    const parsed = parseTarget(target, this.#options().prefix)
    if (!parsed.ok || parsed.directory) return null
    const hot = this.#look(parsed, handOver)
    if (hot !== null) known.set(target, hot)
    return hot
  }

  #look(
    { path, query }: Pick<RequestTarget, 'path' | 'query'>,
    handOver: Handing | null,
  ): HotAnswer | null {
    const { links, memory, reader, nowSeconds } = this.#parts
    const verdict = links.verify(path, query, nowSeconds())
    const expiresSeconds = linkExpiryOf(query)
    if (!verdict.ok || expiresSeconds === null) return null
    const { sha256 } = verdict
    const file = handOver?.findNow(sha256) ?? null
    if (handOver === null ? !memory.keeps(sha256) : file === null) return null
    const content = reader.contentByHash(sha256)
    if (content === null) return null
    const { sizeBytes, modifiedSeconds } = content
    const contentType = contentTypeOf(path)
    const decision = respond('GET', {}, { sha256, sizeBytes, modifiedSeconds, contentType })
    const head = file === null ? ownHead(decision) : handedHead(decision, file)
    if (head === null) return null
    // As if it had to be asked whether it is held.
    return { sha256, bodyBytes: decision.bodyBytes, expiresSeconds, dropped: Number.NaN, head }
  }
}
