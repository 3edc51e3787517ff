// Tells the metrics where to read what they show. Holds no decision.

import { statfs } from 'node:fs/promises'
import { systemClock } from '../core/clock.ts'
import { eventStreams } from '../core/dashboard-limits.ts'
import { openPolls, volunteers, waitingPublishes } from '../core/limits.ts'
import { seedConnections } from '../core/stock-limits.ts'
import type { TlsReloader } from '../core/tls-files.ts'
import type { Dashboard } from './dashboard/dashboard.ts'
import type { DataFolder } from './data-folder.ts'
import type { ForeignMirrors } from './foreign/foreign-mirrors.ts'
import { Metrics } from './metrics.ts'
import type { PathIndex } from './path-index.ts'
import type { Publisher } from './publisher.ts'
import type { Redirector } from './redirector.ts'
import type { Resolver } from './resolver.ts'
import type { SeedListener } from './seed-listener.ts'
import type { ServingGate } from './serving-gate.ts'
import type { OpenStore } from './store.ts'
import type { Upstream } from './upstream.ts'
import type { WorkerPool } from './workers/worker-pool.ts'
import type { QueueUse } from './working-metrics.ts'

export interface MetricsParts {
  readonly store: OpenStore
  readonly resolver: Resolver
  readonly publisher: Publisher
  readonly upstream: Upstream | null
  readonly folder: DataFolder
  readonly pathIndex: Pick<PathIndex, 'files'>
  /** What is made after the metrics. */
  readonly late: () => {
    readonly redirector: Redirector
    readonly gate: ServingGate
    readonly seeding: SeedListener
    readonly dashboard: Dashboard
    readonly tlsReloader: TlsReloader | null
    readonly foreign: ForeignMirrors
    readonly pool: { readonly workers: WorkerPool } | null
  }
}

const queuesOf = ({ store, publisher, late }: MetricsParts): QueueUse[] => [
  ...late()
    .gate.rooms()
    .map(({ room, active, limit }) => ({ queue: `answers-${room}`, length: active, limit })),
  { queue: 'polls', length: store.tracker.stateSize.openPolls, limit: openPolls },
  { queue: 'publishes', length: publisher.waiting, limit: waitingPublishes },
  { queue: 'volunteers', length: store.tracker.candidates().length, limit: volunteers },
  { queue: 'events', length: late().dashboard.hub.size, limit: eventStreams },
  { queue: 'bittorrent', length: late().seeding.size, limit: seedConnections },
]

const freeBytes = async (folder: string): Promise<number> => {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch {
    // No series says so; the rest of the scrape is worth more.
    return Number.NaN
  }
}

export const makeMetrics = (parts: MetricsParts): Metrics => {
  const { store, resolver, publisher, upstream, folder, pathIndex, late } = parts
  const { tracker, reader } = store
  return new Metrics({
    volunteersByState: () => {
      const counts: Record<string, number> = {}
      for (const { state } of tracker.candidates()) counts[state] = (counts[state] ?? 0) + 1
      return counts
    },
    openPolls: () => tracker.stateSize.openPolls,
    snapshotNumber: () => resolver.latest?.number ?? 0,
    publishing: () => publisher.status.publishing,
    upstream: () =>
      upstream === null ? null : { ...upstream.counts, pulledMs: upstream.upstreamStatus.pulledMs },
    volunteers: () => tracker.volunteers(),
    suspicion: name => tracker.suspicion(name),
    snapshotMs: number => reader.snapshot(number)?.createdMs ?? null,
    nowMs: () => systemClock.nowMs(),
    queues: () => queuesOf(parts),
    latest: () => resolver.latest,
    indexedFiles: () => pathIndex.files,
    publishFailed: () => publisher.status.problem !== null,
    announces: () => tracker.counters,
    redirected: () => late().redirector.sent(),
    totals: name => tracker.totals(name),
    skewMs: name => tracker.skewMs(name),
    swarm: () => tracker.swarm,
    popular: most => {
      const newest = resolver.latest?.number
      if (newest === undefined) return []
      // What was dropped is in demand for a while, and nobody's fault.
      return tracker.popular(most).filter(number => reader.pathsOf(number, newest, 1).length > 0)
    },
    holders: () => tracker.candidates(),
    eventStreams: () => late().dashboard.hub.counters,
    freeBytes: () => freeBytes(folder.files.folder),
    mirrors: () => late().foreign,
    workers: () => late().pool?.workers ?? null,
    certificateEndsMs: () => late().tlsReloader?.endsMs ?? null,
  })
}
