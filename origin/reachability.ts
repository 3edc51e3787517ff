// Watches whether volunteers' public URLs answer: those that did not are probed again in each
// interval and when they announce, those that clients came back from are probed at once. A failed
// download alone takes nobody out; failed probes do. Mirrors without our daemon are looked at elsewhere.

import { LRUCache } from 'lru-cache'
import { describeError } from '../core/errors.ts'
import type { VolunteerName } from '../core/ids.ts'
import { concurrentProbes, suspectAgainMs, volunteers } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import type { VolunteerRecord } from '../tracker/events.ts'
import type { Tracker } from '../tracker/tracker.ts'
import type { Prober } from './prober.ts'

export interface ReachabilityParts {
  readonly tracker: Pick<Tracker, 'candidates' | 'volunteer' | 'setReachable'>
  readonly prober: Pick<Prober, 'probe'>
  readonly logger: Logger
}

/** One lost packet is no verdict. */
const probesBeforeVerdict = 2

export class Reachability {
  readonly #parts: ReachabilityParts
  readonly #intervalMs: number
  readonly #stop = new AbortController()
  readonly #suspected = new LRUCache<VolunteerName, true>({ max: volunteers, ttl: suspectAgainMs })
  readonly #heard = new LRUCache<VolunteerName, true>({ max: volunteers, ttl: suspectAgainMs })
  readonly #checks = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  #round: Promise<void> = Promise.resolve()

  constructor(parts: ReachabilityParts, options: { readonly intervalMs: number }) {
    this.#parts = parts
    this.#intervalMs = options.intervalMs
  }

  /** Probe unreachable volunteers in each interval from now on. */
  start(): void {
    this.#timer = setTimeout(() => {
      this.#round = this.#probeUnreachable().then(() => {
        if (!this.#stop.signal.aborted) this.start()
      })
    }, this.#intervalMs)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    clearTimeout(this.#timer)
    await Promise.all([this.#round, ...this.#checks])
  }

  /** A client came back from this volunteer: look whether it still answers. Never waits. */
  suspect(name: VolunteerName): void {
    const record = this.#parts.tracker.volunteer(name)
    if (record === null || !record.reachable || this.#suspected.has(name)) return
    if (record.mirror !== undefined) return
    this.#begin(() => {
      this.#suspected.set(name, true)
      return this.#check(record)
    })
  }

  /**
   * A volunteer announced itself: one that did not answer, because it was down or busy just then,
   * need not wait for the next interval. Never waits.
   */
  heard(name: VolunteerName): void {
    const record = this.#parts.tracker.volunteer(name)
    if (record === null || record.reachable || this.#heard.has(name)) return
    if (record.mirror !== undefined) return
    this.#begin(() => {
      this.#heard.set(name, true)
      return this.#recheck(record)
    })
  }

  #begin(work: () => Promise<void>): void {
    if (this.#checks.size >= concurrentProbes || this.#stop.signal.aborted) return
    const check = work().finally(() => this.#checks.delete(check))
    this.#checks.add(check)
  }

  async #check(record: VolunteerRecord): Promise<void> {
    let reason = ''
    for (let attempt = 0; attempt < probesBeforeVerdict; attempt++) {
      const probe = await this.#parts.prober.probe(record, this.#stop.signal)
      if (probe.reachable || this.#stop.signal.aborted) return
      reason = probe.reason
    }
    await this.#settle(record, false, reason)
  }

  async #recheck(record: VolunteerRecord): Promise<void> {
    const probe = await this.#parts.prober.probe(record, this.#stop.signal)
    if (probe.reachable) await this.#settle(record, true, 'it answers')
  }

  async #probeUnreachable(): Promise<void> {
    const waiting = this.#parts.tracker
      .candidates()
      .filter(({ state, record }) => state === 'unreachable' && record.mirror === undefined)
      .map(candidate => candidate.record)
    const worker = async (): Promise<void> => {
      for (let record = waiting.pop(); record !== undefined; record = waiting.pop()) {
        if (this.#stop.signal.aborted) return
        await this.#recheck(record)
      }
    }
    await Promise.all(Array.from({ length: concurrentProbes }, worker))
  }

  /** Only if it is still the volunteer that was probed: it may have enrolled anew meanwhile. */
  async #settle(record: VolunteerRecord, reachable: boolean, reason: string): Promise<void> {
    const { tracker, logger } = this.#parts
    const { name } = record
    if (tracker.volunteer(name)?.url !== record.url) return
    try {
      await tracker.setReachable(name, reachable)
      logger.info({ volunteer: name, reachable, reason }, 'reachability changed')
    } catch (error) {
      logger.warn({ volunteer: name, error: describeError(error) }, 'cannot note reachability')
    }
  }
}
