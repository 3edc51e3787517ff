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
  samplesOf,
  type TrafficHistory,
  type TrafficReading,
} from '../logic/traffic-history.ts'

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
  /** Told of each new sample. */
  readonly onSample: (sample: TrafficSample, totals: Totals) => void
  readonly onHappening: (happening: Happening) => void
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
  #timer: NodeJS.Timeout | null = null

  constructor(parts: RecorderParts) {
    this.#parts = parts
    this.#startedMs = parts.clock.nowMs()
    this.#sampledMs = parts.clock.monotonicMs()
    this.#history = beginHistory({
      atMs: this.#startedMs,
      ...{ originBytes: 0, seedBytes: 0, redirects: 0, volunteerRate: 0, swarmRate: 0 },
    })
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
    const { clientBytes, seedBytes, servedHere } = this.#parts.sent()
    return {
      sinceMs: this.#startedMs,
      originBytes: clientBytes,
      seedBytes,
      servedHere,
      redirects: this.#redirects,
      redirectedBytes: this.#redirectedBytes,
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
    }
  }
}
