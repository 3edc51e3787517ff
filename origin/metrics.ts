// What the origin counts, for Prometheus at /-/metrics. Labels are fixed sets, and the names of so
// many volunteers at most: neither paths nor clients appear, so the number of series is bounded.

import { Counter, Gauge, Registry } from 'prom-client'
import { addCounter, newErrorCounts, WordCounts } from '../core/collected-counter.ts'
import { gentleScrape } from '../core/gentle-scrape.ts'
import { addProcessMetrics } from '../core/process-metrics.ts'
import { type BounceReason, bounceReasons } from '../delivery/bounces.ts'
import { DurationCounts } from './duration-counts.ts'
import { addMirrorMetrics, type MirrorMetricsSources } from './foreign/mirror-metrics.ts'
import { type WhyNobody, whyNobody } from './logic/nearest-refusal.ts'
import { type Finding, findings } from './logic/probe-verdict.ts'
import { addNetworkMetrics, type NetworkMetricsSources } from './network-metrics.ts'
import { addVolunteerMetrics, type VolunteerMetricsSources } from './volunteer-metrics.ts'
import { addWorkerMetrics, type WorkerMetricsSources } from './workers/worker-metrics.ts'
import { addWorkingMetrics, type WorkingMetricsSources } from './working-metrics.ts'

/** How a request for a repository path ended. */
export const outcomes = [
  'redirect',
  'kept',
  'tree',
  'direct',
  'repeat',
  'rescued',
  'not-modified',
  'list',
  'page',
  'not-found',
  'refused',
  'busy',
  'changed',
  'unpublished',
] as const

export type Outcome = (typeof outcomes)[number]
const bytesKinds = ['client', 'sync', 'bittorrent'] as const
export type BytesKind = (typeof bytesKinds)[number]

/** Why the origin answered by itself what could have been asked of a volunteer. */
export type WhyHere = 'kept' | 'small' | 'direct' | 'repeat' | WhyNobody
const whyHere: readonly WhyHere[] = ['kept', 'small', 'direct', 'repeat', ...whyNobody]

export interface MetricsSources
  extends VolunteerMetricsSources,
    WorkingMetricsSources,
    NetworkMetricsSources,
    MirrorMetricsSources,
    WorkerMetricsSources {
  /** Volunteers by state, as the tracker sees them now. */
  volunteersByState(): Readonly<Record<string, number>>
  /** Announces that wait for news. */
  openPolls(): number
  snapshotNumber(): number
  publishing(): boolean
  /** Pulls from an rsync server since the start; null where there is none. */
  upstream(): {
    readonly succeeded: number
    readonly failed: number
    readonly pulledMs: number | null
  } | null
}

const makeBounces = (registers: Registry[]): Counter<'reason'> => {
  const bounces = new Counter({
    name: 'mirrorswarm_bounces_total',
    help: 'Requests with "?direct" by what the volunteer that sent the client back said',
    labelNames: ['reason'],
    registers,
  })
  for (const reason of [...bounceReasons, 'plain', 'invalid']) bounces.inc({ reason }, 0)
  return bounces
}

const makeAudits = (registers: Registry[]): Counter<'by' | 'result'> => {
  const audits = new Counter({
    name: 'mirrorswarm_audits_total',
    help: 'Probes and audits of volunteers, by the origin or through others, by what they showed',
    labelNames: ['by', 'result'],
    registers,
  })
  for (const result of findings) {
    for (const by of ['direct', 'through']) audits.inc({ by, result }, 0)
  }
  audits.inc({ by: 'through', result: 'no-report' }, 0)
  return audits
}

export class Metrics {
  /** Answers that were errors, by code. */
  readonly errors = newErrorCounts()
  readonly #registry = new Registry()
  readonly #lookAtVolunteers: () => void
  readonly #notRedirected = new WordCounts(whyHere)
  readonly #requests = Object.fromEntries(outcomes.map(outcome => [outcome, 0])) as Record<
    Outcome,
    number
  >
  readonly #bytes: Counter<'kind'>
  readonly #sent: Record<BytesKind, number> = { client: 0, sync: 0, bittorrent: 0 }
  readonly #bounces: Counter<'reason'>
  readonly #audits: Counter<'by' | 'result'>
  readonly #decisions = new DurationCounts({
    name: 'mirrorswarm_decision_seconds',
    help: 'Time to choose a volunteer, from the parsed request to the answer',
    upTo: [
      0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
    ],
  })

  constructor(sources: MetricsSources) {
    const registers = [this.#registry]
    const requests = this.#requests
    // Counting must cost a redirect nothing, so the library learns of it when it is asked.
    new Counter({
      name: 'mirrorswarm_requests_total',
      help: 'Requests for repository paths by how they ended',
      labelNames: ['outcome'],
      registers,
      collect() {
        this.reset()
        for (const outcome of outcomes) this.inc({ outcome }, requests[outcome])
      },
    })
    this.#bytes = new Counter({
      name: 'mirrorswarm_sent_bytes_total',
      help: 'Body bytes that the origin sent itself: to clients, to volunteers that synchronise, or to BitTorrent clients',
      labelNames: ['kind'],
      registers,
    })
    for (const kind of bytesKinds) this.#bytes.inc({ kind }, 0)
    this.#bounces = makeBounces(registers)
    this.#audits = makeAudits(registers)
    new Gauge({
      name: 'mirrorswarm_volunteers',
      help: 'Enrolled volunteers by state',
      labelNames: ['state'],
      registers,
      collect() {
        this.reset()
        for (const [state, count] of Object.entries(sources.volunteersByState())) {
          this.set({ state }, count)
        }
      },
    })
    new Gauge({
      name: 'mirrorswarm_open_polls',
      help: 'Announces of volunteers that wait for news',
      registers,
      collect() {
        this.set(sources.openPolls())
      },
    })
    new Gauge({
      name: 'mirrorswarm_snapshot_number',
      help: 'The newest snapshot; 0 before the first',
      registers,
      collect() {
        this.set(sources.snapshotNumber())
      },
    })
    this.#addReasons()
    this.#addUpstream(sources)
    this.#lookAtVolunteers = addVolunteerMetrics(this.#registry, sources)
    addWorkingMetrics(this.#registry, sources)
    addMirrorMetrics(this.#registry, sources)
    addWorkerMetrics(this.#registry, sources)
    addNetworkMetrics(this.#registry, sources)
    addProcessMetrics(this.#registry)
    new Gauge({
      name: 'mirrorswarm_publishing',
      help: '1 while a publish is under way',
      registers,
      collect() {
        this.set(sources.publishing() ? 1 : 0)
      },
    })
  }

  #addReasons(): void {
    addCounter(this.#registry, {
      name: 'mirrorswarm_not_redirected_total',
      help: 'Requests for files that were not redirected, by the reason',
      labels: ['reason'],
      read: () => this.#notRedirected.samples('reason'),
    })
    addCounter(this.#registry, {
      name: 'mirrorswarm_errors_total',
      help: 'Answers that were errors, by code',
      labels: ['code'],
      read: () => this.errors.samples('code'),
    })
  }

  /** Where there is no upstream the series have no samples. */
  #addUpstream(sources: MetricsSources): void {
    const registers = [this.#registry]
    new Counter({
      name: 'mirrorswarm_upstream_pulls_total',
      help: 'Pulls from the rsync server of --upstream by how they ended',
      labelNames: ['outcome'],
      registers,
      collect() {
        this.reset()
        const upstream = sources.upstream()
        if (upstream === null) return
        this.inc({ outcome: 'succeeded' }, upstream.succeeded)
        this.inc({ outcome: 'failed' }, upstream.failed)
      },
    })
    new Gauge({
      name: 'mirrorswarm_upstream_pulled_seconds',
      help: 'When the newest pull that succeeded ended, seconds since 1970; 0: none did',
      labelNames: [],
      registers,
      collect() {
        const upstream = sources.upstream()
        this.set(Math.floor((upstream?.pulledMs ?? 0) / 1000))
      },
    })
  }

  count(outcome: Outcome): void {
    this.#requests[outcome]++
  }

  /** A request for a file was not redirected. */
  servedHere(why: WhyHere): void {
    this.#notRedirected.add(why)
  }

  /** A look at a volunteer, by the origin or through another one, and what it showed. */
  audited(by: 'direct' | 'through', result: Finding | 'no-report'): void {
    this.#audits.inc({ by, result })
  }

  /** plain: "?direct" alone · invalid: a signature that does not hold (any more). */
  bounced(reason: BounceReason | 'plain' | 'invalid'): void {
    this.#bounces.inc({ reason })
  }

  sent(kind: BytesKind, bytes: number): void {
    this.#bytes.inc({ kind }, bytes)
    this.#sent[kind] += bytes
  }

  /** Since the start: bytes sent, and requests for files that were answered with bytes. */
  sums(): {
    readonly clientBytes: number
    readonly seedBytes: number
    readonly servedHere: number
  } {
    const { client: clientBytes, sync, bittorrent } = this.#sent
    const { kept, tree, direct, repeat, rescued } = this.#requests
    const servedHere = kept + tree + direct + repeat + rescued
    return { clientBytes, seedBytes: sync + bittorrent, servedHere }
  }

  decided(seconds: number): void {
    this.#decisions.add(seconds)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  async render(): Promise<string> {
    this.#lookAtVolunteers()
    return `${await gentleScrape(this.#registry)}\n${this.#decisions.render()}`
  }
}
