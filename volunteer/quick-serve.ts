// The usual request on the shortest way: a genuine link to a content that is kept in memory, without
// ranges or conditions. It decides nothing that serve.ts would not decide, and leaves whatever is not
// usual to it, before anything was answered or counted.

import { LRUCache } from 'lru-cache'
import type { Clock } from '../core/clock.ts'
import type { Sha256 } from '../core/ids.ts'
import { readBufferBytes } from '../core/limits.ts'
import { inNetworks } from '../core/networks.ts'
import { ownText } from '../core/own-text.ts'
import type { RateLimiter } from '../core/rate-limiter.ts'
import { hotAnswers, rememberedLinkCharacters } from '../core/serving-limits.ts'
import { socketAddress } from '../delivery/client-address.ts'
import type { ContentMemory } from '../delivery/content-memory.ts'
import { contentTypeOf } from '../delivery/content-type.ts'
import { headLines, tailAt } from '../delivery/head-lines.ts'
import type { LinkMemory } from '../delivery/link-memory.ts'
import { linkExpiryOf } from '../delivery/links.ts'
import type { QuickHead } from '../delivery/logic/quick-head.ts'
import { respond } from '../delivery/logic/respond.ts'
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
  /** A proxy sends the bytes itself. */
  readonly handsOver: boolean
}

/** What an answer is made of, for one target as it stands on the request line. */
interface HotAnswer {
  readonly sha256: Sha256
  readonly expiresSeconds: number
  /** How many contents had been given up when this one was held. */
  dropped: number
  /** Status line and headers, without those of date and connection. */
  readonly head: string
}

export class QuickServing {
  readonly #parts: QuickServingParts
  readonly #options: () => ServingOptions
  readonly #known = new LRUCache<string, HotAnswer>({ max: hotAnswers })
  #dropped = 0

  /** `options`: as they are at each request. */
  constructor(parts: QuickServingParts, options: () => ServingOptions) {
    this.#parts = parts
    this.#options = options
    parts.store.onHolding((_content, held) => {
      if (!held) this.#dropped++
    })
  }

  /** The answer; null when nothing was done and serve.ts has to. */
  answer(head: QuickHead, socket: FrontEnds): QuickBody | null {
    if (head.method !== 'GET') return null
    const hot = this.#known.get(head.target) ?? this.#look(head.target)
    if (hot === null || this.#parts.nowSeconds() > hot.expiresSeconds) return null
    if (!this.#isHeld(hot)) return null
    const limited = this.#maySend(head, socket)
    if (limited === null) return null
    const { memory, clock } = this.#parts
    const kept = memory.findNow(hot.sha256, clock.monotonicMs())
    if (kept === null) return null
    const onEnd = this.#begin(kept.bytes.length, limited, kept.leave)
    return { head: hot.head + tailAt(clock.nowMs()), bytes: kept.bytes, onEnd }
  }

  /** Asked again only when something was given up since. */
  #isHeld(hot: HotAnswer): boolean {
    if (hot.dropped === this.#dropped) return true
    if (this.#parts.store.filesOf(hot.sha256).length === 0) return false
    hot.dropped = this.#dropped
    return true
  }

  /** Whether the limits for clients apply to this one; null: not to be served, or not from here. */
  #maySend({ headers }: QuickHead, socket: FrontEnds): boolean | null {
    const { clients, handsOver, uploadLimiter, isDraining, isWithinHours } = this.#parts
    const { addresses, networks, maxClients } = this.#options()
    const request = { headers, socket }
    if (handsOver && addresses?.isProxy(request)) return null
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
    if (decision.kind !== 'serve') return null
    // Limited bytes go out in small slices.
    return decision.limited && uploadLimiter.limits ? null : decision.limited
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

  #look(target: string): HotAnswer | null {
    if (target.length > rememberedLinkCharacters) return null
    const parsed = parseTarget(target, this.#options().prefix)
    if (!parsed.ok || parsed.directory) return null
    const hot = this.#hotAnswer(parsed)
    if (hot !== null) this.#known.set(target, hot)
    return hot
  }

  #hotAnswer({ path, query }: Pick<RequestTarget, 'path' | 'query'>): HotAnswer | null {
    const { links, memory, reader, nowSeconds } = this.#parts
    const verdict = links.verify(path, query, nowSeconds())
    const expiresSeconds = linkExpiryOf(query)
    if (!verdict.ok || expiresSeconds === null || !memory.keeps(verdict.sha256)) return null
    const content = reader.contentByHash(verdict.sha256)
    // What is longer is sent in slices, so that it can be seen how much of it went out.
    if (content === null || content.sizeBytes === 0 || content.sizeBytes > readBufferBytes) {
      return null
    }
    const { sha256, sizeBytes, modifiedSeconds } = content
    const contentType = contentTypeOf(path)
    const { headers } = respond('GET', {}, { sha256, sizeBytes, modifiedSeconds, contentType })
    const head = ownText(`HTTP/1.1 200 OK\r\n${headLines(headers)}`)
    // As if it had to be asked whether it is held.
    return { sha256, expiresSeconds, dropped: Number.NaN, head }
  }
}
