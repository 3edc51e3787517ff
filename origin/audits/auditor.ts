// Looks at volunteers: at those that clients came back from, at those under suspicion when it is
// time again, and now and then at all, in proportion to what they serve, by itself or through other
// volunteers. Bounded in number, rate and bytes; never two looks at one volunteer at a time.

import { setTimeout as delay } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { Clock, Random } from '../../core/clock.ts'
import { describeError } from '../../core/errors.ts'
import { auditTickMs } from '../../core/healing-limits.ts'
import type { RepoPath, VolunteerName } from '../../core/ids.ts'
import {
  concurrentProbes,
  redirectFloorBytes,
  suspectAgainMs,
  volunteers,
} from '../../core/limits.ts'
import type { Logger } from '../../core/log.ts'
import type { ManifestReader } from '../../manifest/store/reader.ts'
import type { Candidate } from '../../tracker/logic/views.ts'
import type { Tracker } from '../../tracker/tracker.ts'
import { chooseAuditor, chooseTarget } from '../logic/audit-choice.ts'
import { probeDelayMs } from '../logic/probe-plan.ts'
import { isAuditDue } from '../logic/suspicion.ts'
import { auditDirectly, type DirectAuditParts } from './direct-audit.ts'
import { RecentSent, type SentFile } from './recent-sent.ts'
import { auditThrough, type RemoteAuditParts } from './remote-audit.ts'
import type { Verdicts } from './verdicts.ts'

export interface AuditorParts {
  readonly tracker: Pick<Tracker, 'candidates' | 'volunteer' | 'suspicion'>
  readonly reader: Pick<ManifestReader, 'latest' | 'contentByNumber' | 'contentCount' | 'pathsOf'>
  readonly direct: DirectAuditParts
  readonly remote: RemoteAuditParts
  readonly verdicts: Verdicts
  /** What is never redirected is never asked of a volunteer by clients either. */
  readonly keepAtOrigin: (path: RepoPath, sizeBytes: number) => boolean
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export interface AuditorOptions {
  /** Mean time between two audits of volunteers that nobody suspects. */
  readonly intervalMs: number
  /** A probe follows on its reason after a random time up to this. */
  readonly probeDelayMostMs: number
}

/** Held contents that are tried to find one that clients might ask for. */
const drawnContents = 32
/** Other volunteers that are asked about one that is accused. */
const secondOpinions = 6

const serves = ({ state, record }: Candidate): boolean =>
  (state === 'synced' || state === 'syncing') && record.mirror === undefined

export class Auditor {
  readonly #parts: AuditorParts
  readonly #options: AuditorOptions
  readonly #sent = new RecentSent()
  readonly #suspected = new LRUCache<VolunteerName, true>({ max: volunteers, ttl: suspectAgainMs })
  readonly #busy = new Set<VolunteerName>()
  readonly #work = new Set<Promise<void>>()
  readonly #stop = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #nextMs: number

  constructor(parts: AuditorParts, options: AuditorOptions) {
    this.#parts = parts
    this.#options = options
    this.#nextMs = parts.clock.monotonicMs() + options.intervalMs * parts.random()
  }

  start(): void {
    const everyMs = Math.min(auditTickMs, this.#options.intervalMs)
    this.#timer = setInterval(() => this.tick(), everyMs)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stop.abort()
    await Promise.all(this.#work)
  }

  /** A client is sent to a volunteer. */
  sent(name: VolunteerName, file: SentFile): void {
    this.#sent.note(name, file, this.#parts.clock.monotonicMs())
  }

  /** A client came back from this volunteer for this file. Never waits, convicts nobody. */
  suspect(name: VolunteerName, file: SentFile): void {
    if (this.#suspected.has(name) || this.#busy.has(name)) return
    if (this.#parts.tracker.suspicion(name)?.quarantined === true) return
    if (this.#parts.tracker.volunteer(name)?.mirror !== undefined) return
    this.#suspected.set(name, true)
    this.#begin(name, async () => {
      const { random } = this.#parts
      const waitMs = probeDelayMs(this.#options.probeDelayMostMs, random)
      await delay(waitMs, undefined, { signal: this.#stop.signal })
      await this.#lookDirectly(name, file, true)
      // It may serve the origin well and clients not.
      const auditor = this.#auditorsOf(name)[0]
      if (auditor !== undefined) await this.#lookThrough(auditor, name, file)
    })
  }

  /** Begin what is due now; a timer does it. */
  tick(): void {
    const { tracker, clock } = this.#parts
    const candidates = tracker.candidates()
    const nowMs = clock.nowMs()
    for (const { name, record } of candidates) {
      const isOurs = !record.disabled && record.mirror === undefined
      const due = isOurs && isAuditDue(tracker.suspicion(name), nowMs)
      if (due) this.#begin(name, () => this.#again(name))
    }
    if (clock.monotonicMs() < this.#nextMs) return
    this.#nextMs = clock.monotonicMs() + this.#options.intervalMs * (0.5 + this.#parts.random())
    this.#routine(candidates)
  }

  #routine(candidates: readonly Candidate[]): void {
    const { random } = this.#parts
    const able = candidates.filter(each => serves(each) && !this.#busy.has(each.name))
    const list = able.map(({ name }) => ({ name, sentBytes: this.#sent.bytesOf(name) }))
    const name = chooseTarget(list, random)
    if (name === null) return
    this.#begin(name, async () => {
      const file = this.#fileAt(name)
      if (file === null) return
      this.#sent.audited(name)
      const auditor = chooseAuditor(name, this.#auditorsOf(name), random)
      if (auditor === null) await this.#lookDirectly(name, file, false)
      else await this.#lookThrough(auditor, name, file)
    })
  }

  /** One under suspicion: who found something looks again. */
  async #again(name: VolunteerName): Promise<void> {
    const { tracker, verdicts } = this.#parts
    const suspicion = tracker.suspicion(name)
    const file = this.#fileAt(name)
    const auditor = this.#auditorsOf(name)[0]
    if (suspicion === null) return
    if (file === null) {
      await verdicts.nothingToSee(name)
    } else if (suspicion.by === 'others' && auditor !== undefined) {
      await this.#lookThrough(auditor, name, file)
    } else await this.#lookDirectly(name, file, false)
  }

  async #lookDirectly(name: VolunteerName, file: SentFile, thorough: boolean): Promise<void> {
    const { direct, verdicts } = this.#parts
    const result = await auditDirectly(direct, name, file, thorough, this.#stop.signal)
    if (result !== null) await verdicts.direct(name, file, result)
  }

  /** Through one, and if that one accuses, by the origin and then through others. */
  async #lookThrough(auditor: VolunteerName, name: VolunteerName, file: SentFile): Promise<void> {
    const first = await this.#ask(auditor, name, file)
    if (!first.accused || this.#isOut(name)) return
    await this.#lookDirectly(name, file, false)
    let disputed = true
    for (const other of this.#auditorsOf(name).slice(0, secondOpinions)) {
      if (!disputed || this.#isOut(name)) return
      if (other !== auditor) disputed = (await this.#ask(other, name, file)).disputed
    }
  }

  async #ask(
    auditor: VolunteerName,
    name: VolunteerName,
    file: SentFile,
  ): Promise<{ readonly accused: boolean; readonly disputed: boolean }> {
    const { tracker, remote, verdicts } = this.#parts
    const record = tracker.volunteer(auditor)
    if (record === null) return { accused: false, disputed: true }
    const result = await auditThrough(remote, record, name, file, this.#stop.signal)
    if (result.verdict !== null) return verdicts.claimed(auditor, name, result.verdict)
    await verdicts.noReport(auditor, name, result.problem)
    return { accused: false, disputed: true }
  }

  #isOut(name: VolunteerName): boolean {
    return this.#parts.tracker.suspicion(name)?.quarantined === true
  }

  /** Volunteers that may look at this one, shuffled, those first that have not done so lately. */
  #auditorsOf(target: VolunteerName): VolunteerName[] {
    const { tracker, verdicts, random } = this.#parts
    return tracker
      .candidates()
      .filter(each => serves(each) && each.name !== target && verdicts.isCredible(each.name))
      .map(({ name }) => ({
        name,
        rank: random() + (verdicts.hasSpoken(name, target) ? 1 : 0),
      }))
      .toSorted((a, b) => a.rank - b.rank)
      .map(({ name }) => name)
  }

  /** A file that clients might be sent to this volunteer for; null: there is none. */
  #fileAt(name: VolunteerName): SentFile | null {
    const { tracker, random } = this.#parts
    const candidate = tracker.candidates().find(each => each.name === name)
    if (candidate === undefined) return null
    const sent = this.#sent.filesOf(name).filter(({ content }) => candidate.has(content.number))
    // Half of them from all that it holds: nothing is safe because nobody asks for it.
    if (sent.length > 0 && random() < 0.5) return sent[Math.floor(random() * sent.length)] ?? null
    return this.#draw(candidate) ?? sent[0] ?? null
  }

  #draw(candidate: Candidate): SentFile | null {
    const { reader, random, keepAtOrigin } = this.#parts
    const latest = reader.latest()
    if (latest === null) return null
    const count = reader.contentCount()
    for (let attempt = 0; attempt < drawnContents; attempt++) {
      const number = Math.floor(random() * count)
      if (!candidate.has(number)) continue
      const content = reader.contentByNumber(number)
      if (content === null || content.sizeBytes < redirectFloorBytes) continue
      const [path] = reader.pathsOf(number, latest.number, 1)
      if (path !== undefined && !keepAtOrigin(path, content.sizeBytes)) return { path, content }
    }
    return null
  }

  #begin(name: VolunteerName, work: () => Promise<void>): void {
    const { signal } = this.#stop
    if (this.#busy.has(name) || signal.aborted) return
    if (this.#work.size >= concurrentProbes) return
    this.#busy.add(name)
    const running = work()
      .catch((error: unknown) => {
        if (signal.aborted) return
        const fields = { volunteer: name, error: describeError(error) }
        this.#parts.logger.warn(fields, 'an audit could not be made')
      })
      .finally(() => {
        this.#busy.delete(name)
        this.#work.delete(running)
      })
    this.#work.add(running)
  }
}
