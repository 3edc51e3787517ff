// Carries out what select decides: gathers the candidates from the tracker, remembers where clients
// were sent (in bounded memory), and makes the signed link. It knows no sockets.

import { LRUCache } from 'lru-cache'
import type { Clock, Random } from '../core/clock.ts'
import type { RepoPath, VolunteerName } from '../core/ids.ts'
import {
  duplicateLinks,
  redirectCostBytes,
  rememberedClients,
  repeatEntries,
  stickyMs,
  volunteers,
} from '../core/limits.ts'
import { linkExpiry, signLink } from '../delivery/links.ts'
import type { Content } from '../manifest/model.ts'
import type { Candidate } from '../tracker/logic/views.ts'
import { verifiedByClients } from './logic/redirectable.ts'
import { adviseRepeat, type Repeat, rangeOffset, recordAnswer, repeatKey } from './logic/repeats.ts'
import { type Accepted, type Selection, type SelectionCandidate, select } from './logic/select.ts'

/** A request for one file, as far as the choice of a volunteer depends on it. */
export interface RedirectRequest {
  /** Whoever asks: see clientOf. */
  readonly client: string
  /** The client's IP address; missing or null: not known. */
  readonly address?: string | null
  readonly https: boolean
  readonly path: RepoPath
  readonly content: Content
  readonly range: string | undefined
}

export type RedirectDecision = {
  readonly selection: Selection
  /** Where this client was sent for this path a moment ago. */
  readonly tried: readonly VolunteerName[]
  /** A few others that could serve, for Link headers; at most `duplicateLinks`. */
  readonly duplicates: readonly VolunteerName[]
} & (
  | {
      /** No volunteer will do, or enough were tried. */
      readonly serveHere: true
    }
  | { readonly serveHere: false; readonly chosen: Accepted; readonly location: string }
)

interface Pending {
  readonly announcedMs: number | null
  bytes: number
}

/** Where the volunteers come from: the tracker, or a list in tests and simulations. */
export interface VolunteerSource {
  candidates(): readonly Candidate[]
}

export interface RedirectorParts {
  readonly source: VolunteerSource
  readonly clock: Clock
  readonly random: Random
  readonly announceIntervalMs: number
  /** Whether the origin may serve one more client that came back; missing: always. */
  readonly hasRoomForRepeats?: () => boolean
  /** Told of each client that is sent to a volunteer. */
  readonly onSent?: (name: VolunteerName, request: RedirectRequest) => void
}

export class Redirector {
  readonly #parts: RedirectorParts
  readonly #repeats = new LRUCache<string, Repeat>({ max: repeatEntries })
  readonly #sticky: LRUCache<string, VolunteerName>
  readonly #pending = new LRUCache<VolunteerName, Pending>({ max: volunteers })

  constructor(parts: RedirectorParts) {
    this.#parts = parts
    this.#sticky = new LRUCache({
      max: rememberedClients,
      ttl: stickyMs,
      ttlResolution: 0,
      perf: { now: () => parts.clock.monotonicMs() },
    })
  }

  /** The choice for a request, without remembering anything. */
  decide(request: RedirectRequest): RedirectDecision {
    const repeat = this.#repeats.get(this.#repeatKey(request))
    const hasRoom = this.#parts.hasRoomForRepeats?.() ?? true
    const advice = adviseRepeat(repeat, this.#repeatRequest(request), hasRoom)
    const { serveHere, tried } = advice
    let selection = this.#select(request, serveHere ? [] : tried)
    // One that was tried is better than the origin, which has made sure already.
    if (selection.chosen === null && tried.length > 0 && !advice.mayServe) {
      selection = this.#select(request, [])
    }
    const { chosen } = selection
    const duplicates = selection.accepted
      .filter(({ candidate }) => candidate.name !== chosen?.candidate.name)
      .slice(0, duplicateLinks)
      .map(({ candidate }) => candidate.name)
    if (serveHere || chosen === null) return { selection, tried, duplicates, serveHere: true }
    const location = this.linkTo(chosen.candidate.name, request.path, request.content)
    return location === null
      ? { selection, tried, duplicates, serveHere: true }
      : { selection, tried, duplicates, serveHere: false, chosen, location }
  }

  /** The same choice with everybody that could serve or not, and why: lists and "?explain". */
  explain(request: RedirectRequest): RedirectDecision {
    return this.decide(request)
  }

  #select(request: RedirectRequest, tried: readonly VolunteerName[]): Selection {
    const wanted = {
      https: request.https,
      tried: new Set(tried),
      sticky: this.#sticky.get(request.client) ?? null,
      verifiedByClients: verifiedByClients(request.path),
    }
    return select(this.candidates(request.content), wanted, this.#parts.random)
  }

  #repeatRequest({ range }: RedirectRequest) {
    return { nowMs: this.#parts.clock.nowMs(), offset: rangeOffset(range) }
  }

  /** Remember that the decision was carried out. */
  record(request: RedirectRequest, decision: RedirectDecision): void {
    const sentTo = decision.serveHere ? null : decision.chosen.candidate.name
    const key = this.#repeatKey(request)
    const { sizeBytes } = request.content
    const asked = this.#repeatRequest(request)
    const repeat = recordAnswer(this.#repeats.get(key), sentTo, sizeBytes, asked)
    if (repeat === undefined) this.#repeats.delete(key)
    else this.#repeats.set(key, repeat)
    if (sentTo === null) return
    this.#sticky.set(request.client, sentTo)
    this.noteSent(sentTo, sizeBytes)
    this.#parts.onSent?.(sentTo, request)
  }

  /** Count a redirect against a volunteer until its next announce shows what it really does. */
  noteSent(name: VolunteerName, sizeBytes: number): void {
    const pending = this.#pending.get(name)
    const announcedMs = this.#find(name)?.lastAnnounceMs ?? null
    if (pending === undefined || pending.announcedMs !== announcedMs) {
      this.#pending.set(name, { announcedMs, bytes: sizeBytes + redirectCostBytes })
    } else pending.bytes += sizeBytes + redirectCostBytes
  }

  /**
   * A link to exactly this volunteer if it may serve the request; it is counted as sent. What was
   * tried before does not matter: whoever works through a list knows what failed.
   */
  linkIfAble(request: RedirectRequest, name: VolunteerName): string | null {
    const { path, content, https } = request
    const candidates = this.candidates(content).filter(candidate => candidate.name === name)
    const verified = verifiedByClients(path)
    const wanted = { https, tried: new Set<VolunteerName>(), sticky: null }
    const { chosen } = select(candidates, { ...wanted, verifiedByClients: verified }, () => 0)
    if (chosen === null) return null
    this.noteSent(name, content.sizeBytes)
    this.#parts.onSent?.(name, request)
    return this.linkTo(name, path, content)
  }

  /** All volunteers as select sees them, for one content. */
  candidates(content: Content): SelectionCandidate[] {
    const intervalSeconds = this.#parts.announceIntervalMs / 1000
    return this.#parts.source.candidates().map(volunteer => {
      const pending = this.#pending.get(volunteer.name)
      const bytes = pending?.announcedMs === volunteer.lastAnnounceMs ? pending.bytes : 0
      return {
        name: volunteer.name,
        url: volunteer.url,
        state: volunteer.state,
        disabled: volunteer.record.disabled,
        holds: volunteer.has(content.number),
        trust: volunteer.record.trust,
        clientBytesPerSecond: volunteer.clientBytesPerSecond,
        syncBytesPerSecond: volunteer.syncBytesPerSecond,
        uploadBytesPerSecond: volunteer.limits.uploadBytesPerSecond,
        weight: volunteer.record.weight,
        activeClients: volunteer.activeClients,
        maxClients: volunteer.limits.maxClients,
        pendingBytesPerSecond: bytes / intervalSeconds,
      }
    })
  }

  /** A signed link to a path at a volunteer; null when it is not enrolled any more. */
  linkTo(name: VolunteerName, path: RepoPath, content: Content): string | null {
    const volunteer = this.#find(name)
    if (volunteer === undefined) return null
    const expiresSeconds = linkExpiry(Math.floor(this.#parts.clock.nowMs() / 1000))
    const query = signLink(
      { volunteer: name, secret: Buffer.from(volunteer.record.linkKey, 'base64') },
      { path, sha256: content.sha256, expiresSeconds },
    )
    return `${volunteer.url}/${path}?${query}`
  }

  #find(name: VolunteerName): Candidate | undefined {
    return this.#parts.source.candidates().find(volunteer => volunteer.name === name)
  }

  #repeatKey(request: RedirectRequest): string {
    return repeatKey(request.client, request.path, request.range)
  }
}
