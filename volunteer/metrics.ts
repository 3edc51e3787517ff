// What a volunteer counts, for Prometheus at /-/metrics. Labels are fixed sets, so the number of
// series is bounded; the same names as at the origin where they mean the same.

import { Counter, Gauge, Registry } from 'prom-client'
import { addCounter, newErrorCounts, WordCounts } from '../core/collected-counter.ts'
import { addWorkingMetrics, type WorkingMetricsSources } from './working-metrics.ts'

/** How a request ended. */
export const outcomes = [
  'served',
  'network',
  'bounced',
  'refused',
  'not-found',
  'page',
  'changed',
  'broken-off',
] as const

export type Outcome = (typeof outcomes)[number]

/** Read when the metrics are asked for. */
export interface MetricsSources {
  swarmSentBytes(): number
  fetchedBytes(): { readonly peers: number; readonly origin: number }
  reusedBytes(): number
  heldFiles(): number
  heldBytes(): number
  wantedBytes(): number
  snapshot(): number
  activeClients(): number
}

/** sync: to other volunteers over HTTP; what the swarm sends is counted there. */
export type SentTo = 'client' | 'network' | 'sync'

export class Metrics {
  /** What failed, by code. */
  readonly errors = newErrorCounts()
  readonly #registry = new Registry()
  readonly #requests = new WordCounts(outcomes)
  readonly #sent = { client: 0, network: 0, sync: 0 }

  /** `working` missing: only what is served shows, as in tests. */
  constructor(sources: MetricsSources, working: WorkingMetricsSources | null = null) {
    const registers = [this.#registry]
    addCounter(this.#registry, {
      name: 'mirrorswarm_requests_total',
      help: 'Requests for repository paths by how they ended',
      labels: ['outcome'],
      read: () => this.#requests.samples('outcome'),
    })
    const sent = this.#sent
    new Counter({
      name: 'mirrorswarm_sent_bytes_total',
      help: 'Body bytes sent to clients, to the own network, and to peers that synchronise',
      labelNames: ['kind'],
      registers,
      collect() {
        this.reset()
        this.inc({ kind: 'client' }, sent.client)
        this.inc({ kind: 'network' }, sent.network)
        this.inc({ kind: 'sync' }, sources.swarmSentBytes() + sent.sync)
      },
    })
    new Counter({
      name: 'mirrorswarm_fetched_bytes_total',
      help: 'Bytes of contents fetched while synchronising, from peers or from the origin',
      labelNames: ['from'],
      registers,
      collect() {
        const { peers, origin } = sources.fetchedBytes()
        this.reset()
        this.inc({ from: 'peers' }, peers)
        this.inc({ from: 'origin' }, origin)
      },
    })
    new Counter({
      name: 'mirrorswarm_delta_reused_bytes_total',
      help: 'Bytes of contents copied from files held already instead of being fetched',
      registers,
      collect() {
        this.reset()
        this.inc(sources.reusedBytes())
      },
    })
    const gauge = (name: string, help: string, read: () => number): void => {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read())
        },
      })
    }
    gauge('mirrorswarm_held_files', 'Wanted files that are in place', () => sources.heldFiles())
    gauge('mirrorswarm_held_bytes', 'Wanted distinct bytes in place', () => sources.heldBytes())
    gauge('mirrorswarm_wanted_bytes', 'Distinct bytes wanted', () => sources.wantedBytes())
    gauge('mirrorswarm_snapshot_number', 'The snapshot that is wholly in place', () =>
      sources.snapshot(),
    )
    gauge('mirrorswarm_active_clients', 'Clients being served', () => sources.activeClients())
    if (working !== null) addWorkingMetrics(this.#registry, working, this.errors)
  }

  count(outcome: Outcome): void {
    this.#requests.add(outcome)
  }

  addSent(to: SentTo, bytes: number): void {
    this.#sent[to] += bytes
  }

  sentBytes(to: SentTo): number {
    return this.#sent[to]
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** The text format of Prometheus. */
  render(): Promise<string> {
    return this.#registry.metrics()
  }
}
