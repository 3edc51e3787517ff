// Remembers, in bounded memory, what the dashboard shows of the past: traffic, the spread of releases,
// what happened, and sums since the start. It is told, and looks once a second.

import type { Clock } from '../../core/clock.ts'
import { eventTickMs, rememberedHappenings, trafficSampleMs } from '../../core/dashboard-limits.ts'
import type {
  Happening,
  Release,
  Totals,
  TrafficSample,
  VolunteerRow,
} from '../../dashboard/logic/overview.ts'
import type { LogEntry } from '../../tracker/event-log.ts'
import type { NetworkEvent } from '../../tracker/events.ts'
import { happeningText } from '../logic/public-event.ts'
import { type SeenSnapshot, type SeenVolunteer, stepReleases } from '../logic/release-progress.ts'
import {
  addReading,
  beginHistory,
  resumeHistory,
  samplesOf,
  type TrafficHistory,
  type TrafficReading,
} from '../logic/traffic-history.ts'

export type Obtained = Pick<Totals, 'fromPeersBytes' | 'fromOriginBytes' | 'reusedBytes'>

/** What a restart need not take along. */
export interface KeptHistory extends Pick<TrafficHistory, 'fine' | 'coarse'> {
  readonly totals: Totals
  readonly happenings: readonly Happening[]
}

const noTotals = {
  ...{ originBytes: 0, seedBytes: 0, servedHere: 0, redirects: 0, redirectedBytes: 0 },
  ...{ fromPeersBytes: 0, fromOriginBytes: 0, reusedBytes: 0 },
} as const

export interface RecorderParts {
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>
  readonly snapshot: () => SeenSnapshot | null
  readonly volunteers: () => readonly (SeenVolunteer &
    Pick<VolunteerRow, 'clientRate' | 'syncRate'>)[]
  /** Another number whenever a volunteer may have changed. */
  readonly revision: () => number
  /** Bytes that the origin sent since it started, and files that it served itself. */
  readonly sent: () => {
    readonly clientBytes: number
    readonly seedBytes: number
    readonly servedHere: number
  }
  /** What volunteers announced to have got since the origin started. */
  readonly obtained: () => Obtained
  /** Told of each new sample. */
  readonly onSample: (sample: TrafficSample, totals: Totals) => void
  readonly onHappening: (happening: Happening) => void
}

const addTotals = (before: Totals, own: Omit<Totals, 'sinceMs'>): Totals => {
  const keys = Object.keys(noTotals) as (keyof typeof noTotals)[]
  const sums = keys.map(key => [key, Math.min(Number.MAX_SAFE_INTEGER, before[key] + own[key])])
  return { ...before, ...Object.fromEntries(sums) }
}

export class Recorder {
  readonly #parts: RecorderParts
  readonly #startedMs: number
  #redirects = 0
  #redirectedBytes = 0
  #happenings: readonly Happening[] = []
  #releases: readonly Release[] = []
  #history: TrafficHistory
  #sampledMs: number
  #seen: string | null = null
  /** Sums from before the start of this process. */
  #before: Totals
  #timer: NodeJS.Timeout | null = null

  constructor(parts: RecorderParts) {
    this.#parts = parts
    this.#startedMs = parts.clock.nowMs()
    this.#sampledMs = parts.clock.monotonicMs()
    this.#before = { ...noTotals, sinceMs: this.#startedMs }
    this.#history = beginHistory(this.#firstReading())
  }

  /** Go on from what an earlier process kept; to be called before the start. */
  resume({ fine, coarse, totals, happenings }: KeptHistory): void {
    this.#history = resumeHistory({ fine, coarse }, this.#firstReading())
    this.#before = { ...totals, sinceMs: Math.min(totals.sinceMs, this.#startedMs) }
    this.#happenings = [...happenings, ...this.#happenings].slice(-rememberedHappenings)
  }

  get kept(): KeptHistory {
    const { fine, coarse } = this.#history
    return { fine, coarse, totals: this.totals, happenings: this.#happenings }
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), eventTickMs).unref()
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
  }

  /** A client was sent to a volunteer for so many bytes. */
  redirected(bytes: number): void {
    this.#redirects++
    this.#redirectedBytes += bytes
  }

  happened(entries: readonly LogEntry<NetworkEvent>[]): void {
    for (const { event } of entries) {
      const text = happeningText(event)
      if (text === null) continue
      const happening = { atMs: this.#parts.clock.nowMs(), type: event.type, text }
      this.#happenings = [...this.#happenings, happening].slice(-rememberedHappenings)
      this.#parts.onHappening(happening)
    }
  }

  /** Take up how things are now. */
  look(): void {
    const { clock, snapshot, revision } = this.#parts
    const newest = snapshot()
    const seen = `${newest?.number ?? 0} ${revision()}`
    if (seen !== this.#seen) {
      this.#seen = seen
      const volunteers = this.#parts.volunteers()
      const nowMs = clock.nowMs()
      this.#releases = stepReleases(this.#releases, newest, volunteers, nowMs, this.#startedMs)
    }
    if (clock.monotonicMs() - this.#sampledMs < trafficSampleMs) return
    this.#sampledMs = clock.monotonicMs()
    this.#history = addReading(this.#history, this.#reading())
    const sample = this.#history.fine.at(-1)
    if (sample !== undefined) this.#parts.onSample(sample, this.totals)
  }

  get happenings(): readonly Happening[] {
    return this.#happenings
  }

  get releases(): readonly Release[] {
    return this.#releases
  }

  get traffic(): readonly TrafficSample[] {
    return samplesOf(this.#history)
  }

  get totals(): Totals {
    const { clientBytes: originBytes, seedBytes, servedHere } = this.#parts.sent()
    const [redirects, redirectedBytes] = [this.#redirects, this.#redirectedBytes]
    const own = { originBytes, seedBytes, servedHere, redirects, redirectedBytes }
    return addTotals(this.#before, { ...own, ...this.#parts.obtained() })
  }

  #firstReading(): TrafficReading {
    return {
      ...{ atMs: this.#startedMs, originBytes: 0, seedBytes: 0, redirects: 0 },
      ...{ volunteerRate: 0, swarmRate: 0, reusedBytes: 0 },
    }
  }

  #reading(): TrafficReading {
    const { clientBytes, seedBytes } = this.#parts.sent()
    let volunteerRate = 0
    let swarmRate = 0
    for (const { state, clientRate, syncRate } of this.#parts.volunteers()) {
      if (state === 'offline') continue
      volunteerRate += clientRate
      swarmRate += syncRate
    }
    return {
      atMs: this.#parts.clock.nowMs(),
      originBytes: clientBytes,
      seedBytes,
      redirects: this.#redirects,
      volunteerRate,
      swarmRate,
      reusedBytes: this.#parts.obtained().reusedBytes,
    }
  }
}
