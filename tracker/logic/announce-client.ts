// The volunteer's half of the announce: it keeps what is held and what the tracker has acknowledged,
// and says as little as is enough. Whatever is lost, repeated or overtaken on the way, the tracker's
// holdings become the volunteer's as soon as requests and answers get through again.

import type { ContentNumber } from '../../core/ids.ts'
import { announceGapMs, earlyAnswerPauseMs, holdingsHistory } from '../../core/limits.ts'
import { Holdings } from '../holdings.ts'
import type {
  AnnounceAnswer,
  AnnouncedScope,
  AnnouncedTotals,
  AnnounceRequest,
  LoadStatus,
  ManifestPosition,
  ServingLimits,
  SyncStatus,
} from '../messages.ts'
import { sameNumbers } from './network-state.ts'

/** What the volunteer says of itself besides its holdings. */
export interface VolunteerStatus {
  readonly peerPort: number | null
  /** Null: wants everything, or more patterns than an announce takes. */
  readonly scope: AnnouncedScope | null
  readonly sync: SyncStatus
  readonly load: LoadStatus
  /** Of the machine's own clock. */
  readonly clockMs?: number
  /** Missing: they are not known. */
  readonly totals?: AnnouncedTotals
  readonly limits: ServingLimits
  readonly draining: boolean
  readonly reasons: readonly string[]
}

/**
 * How long to wait before the next long poll: hardly at all, unless the last one was answered
 * early and without news (the tracker stops, or holds too many).
 */
export const pauseBeforePollMs = (
  request: Pick<AnnounceRequest, 'waitMs' | 'seen'>,
  answer: Pick<AnnounceAnswer, 'tag' | 'intervalMs'>,
  elapsedMs: number,
): number => {
  const heldMs = Math.min(request.waitMs, answer.intervalMs) / 2
  const early = request.waitMs > 0 && answer.tag === request.seen && elapsedMs < heldMs
  return early ? earlyAnswerPauseMs : Math.max(0, announceGapMs - elapsedMs)
}

/**
 * Mutable and without I/O: the daemon sends the requests and brings the answers. It may have one
 * long poll and one other request under way; two with changes at once would cost a full state.
 */
export class AnnounceClient {
  #session: string
  #sequence = 0
  #manifest: ManifestPosition | null = null
  #holdings = new Holdings()
  /** Version of the holdings in the newest request; each differs from the one before. */
  #version = 0
  #changed = true
  /** The version that the tracker has; null: none that is known. */
  #acknowledged: number | null = null
  #acknowledgedBy = 0
  /** Holdings of versions that were sent, from the acknowledged one on. */
  readonly #sent = new Map<number, Holdings>()
  #seen: string | null = null
  /** undefined: the tracker is not asked what is popular. */
  #popular: string | null | undefined = undefined
  /** undefined: the tracker is not asked for a roster. */
  #roster: string | null | undefined = undefined

  /** `session`: random, new at each start of the daemon. */
  constructor(options: { readonly session: string }) {
    this.#session = options.session
  }

  get manifest(): ManifestPosition | null {
    return this.#manifest
  }

  get count(): number {
    return this.#holdings.count
  }

  /** Whether the tracker knows all that is held; else the next request does not wait. */
  get upToDate(): boolean {
    if (this.#manifest === null) return true
    return !this.#changed && this.#acknowledged === this.#version
  }

  has(content: ContentNumber): boolean {
    return this.#holdings.has(content)
  }

  /** A content was verified on the disk. True if that is new. */
  hold(content: ContentNumber): boolean {
    const isNew = this.#holdings.add(content)
    if (isNew) this.#changed = true
    return isNew
  }

  /** A content is no longer there. True if it was. */
  drop(content: ContentNumber): boolean {
    const wasHeld = this.#holdings.remove(content)
    if (wasHeld) this.#changed = true
    return wasHeld
  }

  /** Take `holdings` (which this owns from now on) for all that is held. */
  replace(holdings: Holdings): void {
    if (!holdings.equals(this.#holdings)) this.#changed = true
    this.#holdings = holdings
  }

  /** A snapshot was applied. Numbers of another epoch name other contents: nothing is held then. */
  setManifest(manifest: ManifestPosition | null): void {
    if (!sameNumbers(this.#manifest, manifest)) {
      this.#holdings = new Holdings()
      this.#changed = true
      this.#forgetSent()
    }
    this.#manifest = manifest
  }

  /** The tag of the roster that is here; null: none, the tracker shall send one. */
  setRoster(tag: string | null): void {
    this.#roster = tag
  }

  /** The tag of the list of popular contents that is here; null: none yet. */
  setPopular(tag: string | null): void {
    this.#popular = tag
  }

  /** Begin a new session: after the tracker refused the old one as replaced (MS_NAME_TAKEN). */
  restart(session: string): void {
    this.#session = session
    this.#sequence = 0
    this.#acknowledgedBy = 0
    this.#seen = null
    this.#forgetSent()
  }

  /**
   * The next announce. `waitMs` is how long the answer may wait for news; it does not wait while
   * there are holdings to acknowledge.
   */
  nextRequest(status: VolunteerStatus, waitMs: number): AnnounceRequest {
    const holdings = this.#manifest === null ? null : this.#nextHoldings()
    const { scope, ...present } = status
    return {
      version: 1,
      session: this.#session,
      sequence: ++this.#sequence,
      manifest: this.#manifest,
      holdings,
      ...present,
      ...(holdings?.base == null && scope !== null ? { scope } : {}),
      reasons: [...status.reasons],
      seen: this.#seen,
      ...(this.#roster === undefined ? {} : { roster: this.#roster }),
      ...(this.#popular === undefined ? {} : { popular: this.#popular }),
      waitMs: this.upToDate ? waitMs : 0,
    }
  }

  /** Take in the answer to one of the requests. */
  heed(request: AnnounceRequest, answer: AnnounceAnswer): void {
    if (request.session !== this.#session) return
    this.#seen = answer.tag
    if (request.sequence <= this.#acknowledgedBy) return
    this.#acknowledgedBy = request.sequence
    if (!sameNumbers(request.manifest, this.#manifest)) return
    this.#acknowledged = answer.wantFull ? null : answer.holdingsVersion
    const acknowledged = this.#acknowledged ?? 0
    for (const version of this.#sent.keys()) {
      if (version < acknowledged) this.#sent.delete(version)
    }
  }

  #nextHoldings(): NonNullable<AnnounceRequest['holdings']> {
    if (this.#changed) {
      this.#version++
      this.#changed = false
      this.#sent.set(this.#version, this.#holdings.clone())
      this.#boundSent()
    }
    const version = this.#version
    const base = this.#acknowledged
    if (base === version) return { base, version, containers: [] }
    const known = base === null ? undefined : this.#sent.get(base)
    if (known === undefined) return { base: null, version, containers: this.#holdings.encode() }
    return { base, version, containers: this.#holdings.changesSince(known) }
  }

  #boundSent(): void {
    for (const version of this.#sent.keys()) {
      if (this.#sent.size <= holdingsHistory) return
      if (version !== this.#acknowledged) this.#sent.delete(version)
    }
  }

  #forgetSent(): void {
    this.#acknowledged = null
    this.#sent.clear()
  }
}
