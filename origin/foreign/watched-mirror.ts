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
  proofAgeMs,
  proofAnnounceMs,
  segmentSpacingMs,
  unansweredLooks,
  untoldAgainMs,
  walkedContents,
} from '../../core/sampling-limits.ts'
import type { Content, RepositoryIdentity } from '../../manifest/model.ts'
import type { ManifestReader } from '../../manifest/store/reader.ts'
import type { VolunteerRecord } from '../../tracker/events.ts'
import { Holdings } from '../../tracker/holdings.ts'
import { AnnounceClient } from '../../tracker/logic/announce-client.ts'
import type { Tracker } from '../../tracker/tracker.ts'
import {
  absentAgainMs,
  busyPauseMs,
  isValidProof,
  nextLook,
  partsOf,
  pauseMs,
  provedBy,
  renewalMs,
  spacingMs,
  type Look as Task,
} from '../logic/mirror-sampling.ts'
import { isAuditDue, stepSuspicion } from '../logic/suspicion.ts'
import { type LookParts, type LookResult, lookAt } from './look.ts'
import type { Look, ProofStore } from './proof-store.ts'

export interface WatchedMirrorParts {
  readonly store: ProofStore
  readonly tracker: Pick<
    Tracker,
    'announce' | 'volunteer' | 'suspicion' | 'setSuspicion' | 'setReachable'
  >
  readonly reader: Pick<
    ManifestReader,
    | 'identity'
    | 'latest'
    | 'contentByNumber'
    | 'contentCount'
    | 'pathsOf'
    | 'endedSince'
    | 'snapshots'
  >
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
}

/** What makes a mirror another one, whose proofs are not those of the one before. */
export const mirrorKey = (
  { name, url, enrolledMs }: VolunteerRecord,
  { repositoryId, epoch }: RepositoryIdentity,
): string => `${name} ${enrolledMs} ${url} ${repositoryId} ${epoch}`

/** Contents whose proofs are in doubt, at most. */
const suspectedContents = 64

export class WatchedMirror {
  readonly #parts: WatchedMirrorParts
  readonly #record: VolunteerRecord
  readonly #key: string
  readonly #client: AnnounceClient
  readonly #suspected = new LRUCache<ContentNumber, true>({ max: suspectedContents })
  readonly #sizes = new Map<ContentNumber, number>()
  #heldBytes = 0
  /** Contents from the newest on that need no first look. */
  #walked = 0
  #turn = 0
  #absentInRow = 0
  #failures = 0
  #busy = 0
  #reason = ''
  #pausedUntilMs = 0
  #announcedMs = Number.NEGATIVE_INFINITY
  #sweptMs = Number.NEGATIVE_INFINITY

  constructor(record: VolunteerRecord, identity: RepositoryIdentity, parts: WatchedMirrorParts) {
    this.#parts = parts
    this.#record = record
    this.#key = mirrorKey(record, identity)
    this.#client = new AnnounceClient({ session: parts.session() })
  }

  get key(): string {
    return this.#key
  }

  /** Clients came back from it for this content. */
  suspect(content: ContentNumber): void {
    if (this.#client.has(content)) this.#suspected.set(content, true)
  }

  /** Where below its URL this content was proved to be; null: nowhere now. */
  provedPathOf(content: ContentNumber): RepoPath | null {
    const known = this.#parts.store.find(this.#key, content)
    if (known?.proved !== true) return null
    return isValidProof(known, this.#parts.clock.nowMs()) ? known.path : null
  }

  /** Take up a snapshot: what ended with it is proved no more. To be called before clients see it. */
  published(): void {
    const { store, reader } = this.#parts
    const [identity, latest] = [reader.identity(), reader.latest()]
    if (identity === null || latest === null) return
    const before = store.snapshotOf(this.#key)
    const oldest = reader.snapshots(0, 1)[0]?.number ?? latest.number
    const isKnown = before !== null && before >= oldest
    if (before !== latest.number) {
      if (!isKnown) store.forget(this.#key)
      store.advance(this.#key, latest.number, isKnown ? reader.endedSince(before) : [])
    }
    const { epoch, repositoryId } = identity
    this.#client.setManifest({ repositoryId, epoch, snapshot: latest.number })
    this.#walked = 0
    this.#sweep()
  }

  /** One step; resolves with how long to wait before the next. Throws when it is aborted. */
  async step(signal: AbortSignal): Promise<number> {
    const { clock, tracker } = this.#parts
    if (clock.nowMs() - this.#sweptMs > 60_000) this.#sweep()
    let waitMs = idleLookMs
    const isPaused = clock.monotonicMs() < this.#pausedUntilMs
    if (!isPaused && tracker.volunteer(this.#record.name)?.disabled !== true) {
      const task = this.#next()
      if (task !== null) waitMs = await this.#carryOut(task)
    }
    signal.throwIfAborted()
    await this.announceIfDue()
    return waitMs
  }

  /** Say to the tracker what is new, or that it is still there. */
  async announceIfDue(): Promise<void> {
    const { clock, announceMs, tracker } = this.#parts
    const sinceMs = clock.monotonicMs() - this.#announcedMs
    const dueMs = this.#client.upToDate ? announceMs / 2 : proofAnnounceMs
    if (sinceMs >= dueMs && tracker.volunteer(this.#record.name) !== null) await this.#announce()
  }

  async #announce(): Promise<void> {
    const { clock, tracker } = this.#parts
    this.#announcedMs = clock.monotonicMs()
    const capacity = this.#record.mirror?.capacityBytesPerSecond ?? null
    const held = this.#sizes.size
    const request = this.#client.nextRequest(
      {
        peerPort: null,
        scope: { include: [], exclude: [] },
        sync: {
          state: 'idle',
          ...{ wantedFiles: held, wantedBytes: this.#heldBytes },
          ...{ heldFiles: held, heldBytes: this.#heldBytes },
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

  /** Hold what is proved and not too old. */
  #sweep(): void {
    const { store, clock } = this.#parts
    this.#sweptMs = clock.nowMs()
    this.#sizes.clear()
    this.#heldBytes = 0
    for (const [content, size] of store.proved(this.#key, this.#sweptMs - proofAgeMs)) {
      this.#sizes.set(content, size)
      this.#heldBytes += size
    }
    this.#client.replace(Holdings.of(this.#sizes.keys()))
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
        fresh: [],
        popular: listed(this.#popular()),
        expiring: listed(store.due(this.#key, true, nowMs)),
        unknown: listed(this.#walk()),
        absent: listed(store.due(this.#key, false, nowMs)),
        unfinished: listed(store.unfinished(this.#key, nowMs - segmentSpacingMs)),
      },
      this.#turn++,
    )
  }

  #popular(): ContentNumber | null {
    let left = 32
    for (const content of this.#parts.popular()) {
      if (left-- === 0) break
      if (!this.#isKnown(content) && this.#pathOf(content, 0) !== null) return content
    }
    return null
  }

  /** The newest contents have the largest numbers: downwards from the last one. */
  #walk(): ContentNumber | null {
    const count = this.#parts.reader.contentCount()
    for (let left = walkedContents; left > 0 && this.#walked < count; left--) {
      const content = count - 1 - this.#walked
      if (!this.#isKnown(content) && this.#pathOf(content, 0) !== null) return content
      this.#walked++
    }
    return null
  }

  #isKnown(content: ContentNumber): boolean {
    return this.#sizes.has(content) || this.#parts.store.find(this.#key, content) !== null
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

  async #carryOut({ kind, content: number }: Task): Promise<number> {
    const { store, reader, random, look, logger, clock } = this.#parts
    const content = reader.contentByNumber(number)
    const known = store.find(this.#key, number)
    const path = known?.proved === true ? known.path : this.#pathOf(number, known?.times ?? 0)
    this.#suspected.delete(number)
    if (content === null || path === null) {
      // It is in no snapshot any more that clients are redirected by.
      if (known !== null) store.drop(this.#key, number)
      return 0
    }
    const snapshot = reader.latest()?.number
    const parts = partsOf(kind, content.sizeBytes, known?.proved === true ? known : null, random)
    const result = await lookAt(look, this.#record.url, path, content, parts)
    logger.debug({ mirror: this.#record.name, path, ...result }, 'looked at a mirror')
    // A snapshot that was published meanwhile may have ended this very path.
    if (reader.latest()?.number !== snapshot) return 0
    const before = known?.proved === true ? known : null
    await this.#answered(result)
    if (result.kind === 'right') {
      const proof = provedBy(before, parts, result.validator, clock.nowMs())
      const sizeBytes = content.sizeBytes
      const kept = { ...proof, path, sizeBytes, proved: true, dueMs: renewalMs(proof), times: 0 }
      await this.#right(number, kept)
    } else if (result.kind === 'absent' || result.kind === 'untold') {
      await this.#lost(content, path, known, result)
    }
    return Math.max(spacingMs(this.#absentInRow), (result.readBytes * 1000) / lookBytesPerSecond)
  }

  async #right(content: ContentNumber, look: Look): Promise<void> {
    this.#absentInRow = 0
    this.#parts.store.put(this.#key, content, look)
    if (this.#client.hold(content)) {
      this.#sizes.set(content, look.sizeBytes)
      this.#heldBytes += look.sizeBytes
    }
    await this.#judge('passed', '')
  }

  /** Not there, not the right one, or not to be told: no client is sent there for it. */
  async #lost(
    content: Content,
    path: RepoPath,
    known: Look | null,
    { kind, reason }: { readonly kind: 'absent' | 'untold'; readonly reason: string },
  ): Promise<void> {
    const { store, clock, logger } = this.#parts
    const times = known?.proved === false ? known.times + 1 : 1
    const lookedMs = clock.nowMs()
    const dueMs = lookedMs + (kind === 'untold' ? untoldAgainMs : absentAgainMs(times))
    store.put(this.#key, content.number, {
      ...{ path, sizeBytes: content.sizeBytes, proved: false, lookedMs, dueMs, times },
      ...{ coveredBytes: 0, validator: '' },
    })
    if (kind === 'absent') this.#absentInRow++
    if (this.#client.drop(content.number)) {
      this.#sizes.delete(content.number)
      this.#heldBytes -= content.sizeBytes
      await this.#announce()
    }
    if (kind !== 'absent' || known?.proved !== true) return
    logger.warn({ mirror: this.#record.name, path, reason }, 'a mirror lost a file it had')
    await this.#judge('wrong-status', `${path}: ${reason}`)
  }

  async #judge(finding: 'passed' | 'wrong-status', detail: string): Promise<void> {
    const { tracker, clock } = this.#parts
    const { name } = this.#record
    const before = tracker.suspicion(name)
    const after = stepSuspicion(before, { finding, by: 'origin', detail }, clock.nowMs())
    if (after !== before && tracker.volunteer(name) !== null)
      await tracker.setSuspicion(name, after)
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
    if (record === null || record.reachable === reachable || result.kind === 'untold') return
    logger.info({ mirror: name, reachable, reason: this.#reason }, 'reachability changed')
    await tracker.setReachable(name, reachable)
  }

  #pause(ms: number): void {
    this.#pausedUntilMs = this.#parts.clock.monotonicMs() + ms
  }
}
