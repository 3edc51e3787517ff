// One mirror without our daemon, watched: looks at one file after the other, keeps what was proved and
// says it to the tracker in the mirror's name. What to look at and how long to wait is decided elsewhere.

import { LRUCache } from 'lru-cache'
import type { Clock, Random } from '../../core/clock.ts'
import type { ContentNumber, RepoPath } from '../../core/ids.ts'
import type { Logger } from '../../core/log.ts'
import {
  idleLookMs,
  lookBytesPerSecond,
  pathsTried,
  popularTried,
  proofAnnounceMs,
  segmentSpacingMs,
  suspectedContents,
  unansweredLooks,
  untoldAgainMs,
  walkPauseMs,
} from '../../core/sampling-limits.ts'
import type { Content, RepositoryIdentity } from '../../manifest/model.ts'
import type { ManifestReader } from '../../manifest/store/reader.ts'
import type { VolunteerRecord } from '../../tracker/events.ts'
import { AnnounceClient } from '../../tracker/logic/announce-client.ts'
import type { Tracker } from '../../tracker/tracker.ts'
import {
  absentAgainMs,
  busyPauseMs,
  nextLook,
  partsOf,
  pauseMs,
  provedBy,
  renewalMs,
  spacingMs,
  type Look as Task,
} from '../logic/mirror-sampling.ts'
import { MirrorWalk } from '../logic/mirror-walk.ts'
import { isAuditDue, stepSuspicion } from '../logic/suspicion.ts'
import { type LookParts, type LookResult, lookAt } from './look.ts'
import { MirrorHoldings, type MirrorHoldingsParts } from './mirror-holdings.ts'
import type { Look } from './proof-store.ts'

/** For metrics; all grow from the start of the process. */
export interface MirrorCounters {
  readonly looks: Record<LookResult['kind'], number>
  readBytes: number
  /** Files that a mirror had and has no more. */
  lostProofs: number
}

export interface WatchedMirrorParts extends Omit<MirrorHoldingsParts, 'client' | 'reader'> {
  readonly tracker: Pick<
    Tracker,
    'announce' | 'volunteer' | 'suspicion' | 'setSuspicion' | 'setReachable'
  >
  readonly reader: MirrorHoldingsParts['reader'] &
    Pick<ManifestReader, 'identity' | 'latest' | 'pathsOf'>
  readonly look: LookParts
  /** Whether clients are redirected for this path at all. */
  readonly isRedirected: (path: RepoPath, sizeBytes: number) => boolean
  /** Contents that clients asked for, the newest first. */
  readonly popular: () => Iterable<ContentNumber>
  readonly session: () => string
  readonly announceMs: number
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly counters: MirrorCounters
}

/** What makes a mirror another one, whose proofs are not those of the one before. */
export const mirrorKey = (
  { name, url, enrolledMs }: VolunteerRecord,
  { repositoryId, epoch }: RepositoryIdentity,
): string => `${name} ${enrolledMs} ${url} ${repositoryId} ${epoch}`

export class WatchedMirror {
  readonly #parts: WatchedMirrorParts
  readonly #record: VolunteerRecord
  readonly #key: string
  readonly #client: AnnounceClient
  readonly #holdings: MirrorHoldings
  readonly #walk = new MirrorWalk()
  readonly #suspected = new LRUCache<ContentNumber, true>({ max: suspectedContents })
  #turn = 0
  #absentInRow = 0
  #failures = 0
  #busy = 0
  #reason = ''
  #pausedUntilMs = 0
  #announcing: Promise<void> = Promise.resolve()
  #announcedMs = Number.NEGATIVE_INFINITY

  constructor(record: VolunteerRecord, identity: RepositoryIdentity, parts: WatchedMirrorParts) {
    this.#parts = parts
    this.#record = record
    this.#key = mirrorKey(record, identity)
    this.#client = new AnnounceClient({ session: parts.session() })
    this.#holdings = new MirrorHoldings(this.#key, { ...parts, client: this.#client })
  }

  get key(): string {
    return this.#key
  }

  /** Whether it is enrolled still: one of the same name may be another mirror. */
  get isEnrolled(): boolean {
    const { name, url, enrolledMs } = this.#record
    const record = this.#parts.tracker.volunteer(name)
    return record?.enrolledMs === enrolledMs && record.url === url && record.mirror !== undefined
  }

  /** Clients came back from it for this content. */
  suspect(content: ContentNumber): void {
    if (this.#holdings.has(content)) this.#suspected.set(content, true)
  }

  /** Where below its URL this content was proved to be; null: nowhere now. */
  provedPathOf(content: ContentNumber): RepoPath | null {
    return this.isEnrolled ? this.#holdings.provedPathOf(content) : null
  }

  /** Take up a snapshot, before clients see it. */
  published(): void {
    const { reader, clock } = this.#parts
    const [identity, latest] = [reader.identity(), reader.latest()]
    if (identity === null || latest === null) return
    const { epoch, repositoryId } = identity
    this.#client.setManifest({ repositoryId, epoch, snapshot: latest.number })
    this.#holdings.published(latest)
    this.#walk.grow(reader.contentCount(), clock.monotonicMs())
  }

  /** One step; resolves with how long to wait before the next. Throws when it is aborted. */
  async step(signal: AbortSignal): Promise<number> {
    const { clock, tracker } = this.#parts
    if (this.#holdings.isNew) this.#walk.again(clock.monotonicMs())
    let waitMs = idleLookMs
    const isPaused = clock.monotonicMs() < this.#pausedUntilMs
    if (this.#holdings.tend()) waitMs = 0
    else if (!isPaused && tracker.volunteer(this.#record.name)?.disabled !== true) {
      const task = this.#next()
      if (task !== null) waitMs = await this.#carryOut(task, signal)
      else if (!this.#walk.isOver) waitMs = walkPauseMs
    }
    signal.throwIfAborted()
    await this.announceIfDue()
    return waitMs
  }

  /** Say to the tracker what is new, or that it is still there. */
  async announceIfDue(): Promise<void> {
    const { clock, announceMs } = this.#parts
    const sinceMs = clock.monotonicMs() - this.#announcedMs
    const dueMs = this.#client.upToDate ? announceMs / 2 : proofAnnounceMs
    if (sinceMs >= dueMs) await this.#announce()
  }

  /** What is being said to the tracker now; never rejects. */
  get announcing(): Promise<void> {
    return this.#announcing
  }

  /** One at a time: two at once would cost a full state. */
  #announce(): Promise<void> {
    const turn = this.#announcing.then(() => this.#announceNow())
    this.#announcing = turn.catch(() => undefined)
    return turn
  }

  async #announceNow(): Promise<void> {
    const { clock, tracker } = this.#parts
    if (!this.isEnrolled) return
    this.#announcedMs = clock.monotonicMs()
    const capacity = this.#record.mirror?.capacityBytesPerSecond ?? null
    const { files, bytes } = this.#holdings
    const request = this.#client.nextRequest(
      {
        peerPort: null,
        scope: { include: [], exclude: [] },
        sync: {
          state: 'idle',
          ...{ wantedFiles: files, wantedBytes: bytes, heldFiles: files, heldBytes: bytes },
          torrents: [],
        },
        load: { clientBytesPerSecond: 0, syncBytesPerSecond: 0, activeClients: 0 },
        limits: { uploadBytesPerSecond: capacity, maxClients: null },
        draining: this.#busy > 0,
        reasons: [
          'a mirror without our daemon: the origin looks at its files',
          ...(this.#reason === '' ? [] : [this.#reason.slice(0, 200)]),
        ],
      },
      0,
    )
    this.#client.heed(request, await tracker.announce(this.#record, request))
  }

  #next(): Task | null {
    const { store, tracker, clock } = this.#parts
    const nowMs = clock.nowMs()
    const suspicion = tracker.suspicion(this.#record.name)
    const isDue = isAuditDue(suspicion, nowMs)
    if (suspicion?.quarantined === true && !isDue) return null
    const listed = (content: ContentNumber | null | undefined) => (content == null ? [] : [content])
    // One under suspicion, or that did not answer, is asked for what it had.
    const isAsked = isDue || this.#failures > 0 || this.#busy > 0
    const isOut = tracker.volunteer(this.#record.name)?.reachable === false
    const again = isAsked || isOut ? store.due(this.#key, true, Number.MAX_SAFE_INTEGER) : null
    const suspected = this.#suspected.keys().next().value ?? again
    return nextLook(
      {
        suspected: listed(suspected),
        popular: listed(this.#popular()),
        expiring: listed(store.due(this.#key, true, nowMs)),
        unknown: listed(this.#unknown()),
        absent: listed(store.due(this.#key, false, nowMs)),
        unfinished: listed(store.unfinished(this.#key, nowMs - segmentSpacingMs)),
      },
      this.#turn++,
    )
  }

  #popular(): ContentNumber | null {
    let left = popularTried
    for (const content of this.#parts.popular()) {
      if (left-- === 0) break
      if (!this.#holdings.has(content) && this.#isWanted(content)) return content
    }
    return null
  }

  #unknown(): ContentNumber | null {
    this.#walk.repeat(this.#parts.clock.monotonicMs())
    return this.#walk.next({
      isHeld: content => this.#holdings.has(content),
      isWanted: content => this.#isWanted(content),
    })
  }

  #isWanted(content: ContentNumber): boolean {
    return this.#holdings.find(content) === null && this.#pathOf(content, 0) !== null
  }

  /** A path of the content in the newest snapshot that clients are redirected for. */
  #pathOf(content: ContentNumber, times: number): RepoPath | null {
    const { reader, isRedirected } = this.#parts
    const latest = reader.latest()
    const sizeBytes = reader.contentByNumber(content)?.sizeBytes
    if (latest === null || sizeBytes === undefined) return null
    const paths = reader
      .pathsOf(content, latest.number, pathsTried)
      .filter(path => isRedirected(path, sizeBytes))
    return paths[times % Math.max(1, paths.length)] ?? null
  }

  async #carryOut({ kind, content: number }: Task, signal: AbortSignal): Promise<number> {
    const { reader, random, look, logger, clock, counters } = this.#parts
    const content = reader.contentByNumber(number)
    const known = this.#holdings.find(number)
    // Of what stands elsewhere by now nothing is proved.
    const before =
      known?.proved === true && this.#holdings.isBound(known.path, number) ? known : null
    const path = before?.path ?? this.#pathOf(number, known?.times ?? 0)
    this.#suspected.delete(number)
    if (content === null || path === null) {
      this.#holdings.forget(number)
      return 0
    }
    const parts = partsOf(kind, content.sizeBytes, before, random)
    const result = await lookAt(look, this.#record.url, path, content, parts)
    signal.throwIfAborted()
    logger.debug({ mirror: this.#record.name, path, ...result }, 'looked at a mirror')
    counters.looks[result.kind]++
    counters.readBytes += result.readBytes
    // A snapshot that was published meanwhile may have ended this very path.
    if (!this.isEnrolled || !this.#holdings.isBound(path, number)) return 0
    await this.#answered(result)
    signal.throwIfAborted()
    if (result.kind === 'right') {
      const proof = provedBy(before, parts, result.validator, clock.nowMs())
      const sizeBytes = content.sizeBytes
      const kept = { ...proof, path, sizeBytes, proved: true, dueMs: renewalMs(proof), times: 0 }
      this.#absentInRow = 0
      this.#holdings.proved(content, kept)
      // Who just added it wants to see that it is of use.
      if (this.#holdings.files === 1) await this.#announce()
      await this.#judge('passed', '')
    } else if (result.kind === 'absent' || result.kind === 'untold') {
      await this.#lost(content, path, known, result)
    }
    return Math.max(spacingMs(this.#absentInRow), (result.readBytes * 1000) / lookBytesPerSecond)
  }

  /** Not there, not the right one, or not to be told: no client is sent there for it. */
  async #lost(
    content: Content,
    path: RepoPath,
    known: Look | null,
    { kind, reason }: { readonly kind: 'absent' | 'untold'; readonly reason: string },
  ): Promise<void> {
    const { clock, logger, counters } = this.#parts
    const times = known?.proved === false ? known.times + 1 : 1
    const lookedMs = clock.nowMs()
    const dueMs = lookedMs + (kind === 'untold' ? untoldAgainMs : absentAgainMs(times))
    const wasHeld = this.#holdings.lost(content, {
      ...{ path, sizeBytes: content.sizeBytes, proved: false, lookedMs, dueMs, times },
      ...{ coveredBytes: 0, validator: '' },
    })
    if (kind === 'absent') this.#absentInRow++
    if (wasHeld) await this.#announce()
    if (kind !== 'absent' || known?.proved !== true || known.path !== path) return
    counters.lostProofs++
    logger.warn({ mirror: this.#record.name, path, reason }, 'a mirror lost a file it had')
    await this.#judge('wrong-status', `${path}: ${reason}`)
  }

  async #judge(finding: 'passed' | 'wrong-status', detail: string): Promise<void> {
    const { tracker, clock } = this.#parts
    const { name } = this.#record
    const before = tracker.suspicion(name)
    const after = stepSuspicion(before, { finding, by: 'origin', detail }, clock.nowMs())
    if (after !== before && this.isEnrolled) await tracker.setSuspicion(name, after)
  }

  /** Whether it answers at all, and wants to. */
  async #answered(result: LookResult): Promise<void> {
    const { clock, tracker, logger } = this.#parts
    const { name } = this.#record
    const wasBusy = this.#busy > 0
    this.#failures = result.kind === 'failed' ? this.#failures + 1 : 0
    this.#busy = result.kind === 'busy' ? this.#busy + 1 : 0
    this.#reason = result.kind === 'failed' || result.kind === 'busy' ? result.reason : ''
    if (result.kind === 'failed') this.#pause(pauseMs(this.#failures))
    if (result.kind === 'busy') {
      this.#pause(busyPauseMs(result.retryAfter, this.#busy, clock.nowMs()))
    }
    if (this.#busy > 0 !== wasBusy) await this.#announce()
    const reachable = this.#failures === 0
    if (!reachable && this.#failures < unansweredLooks) return
    const record = tracker.volunteer(name)
    if (!this.isEnrolled || record?.reachable === reachable || result.kind === 'untold') return
    logger.info({ mirror: name, reachable, reason: this.#reason }, 'reachability changed')
    await tracker.setReachable(name, reachable)
  }

  #pause(ms: number): void {
    this.#pausedUntilMs = this.#parts.clock.monotonicMs() + ms
  }
}
