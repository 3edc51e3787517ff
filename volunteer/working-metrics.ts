// How the volunteer itself fares, for Prometheus: what it is at, its owner's limits, its disk and its
// memory of hot contents. All is read at the scrape; what is not set or not known has no series.

import type { Registry } from 'prom-client'
import { addCounter, type ErrorCounts } from '../core/collected-counter.ts'
import { addGauge, addValue } from '../core/collected-gauge.ts'
import { addProcessMetrics } from '../core/process-metrics.ts'
import type { SyncStatus } from '../tracker/messages.ts'

export const syncStates: readonly SyncStatus['state'][] = ['idle', 'syncing', 'adopting', 'paused']

/** What the owner allows; null: no limit. */
export interface OwnerLimits {
  readonly minFreeBytes: number
  readonly quotaBytes: number | null
  readonly uploadLimitBytesPerSecond: number | null
  readonly downloadLimitBytesPerSecond: number | null
  readonly maxClients: number | null
}

export interface WorkingMetricsSources {
  readonly name: string
  /** As they are now. */
  limits(): OwnerLimits
  /** Null: not enrolled yet. */
  syncState(): SyncStatus['state'] | null
  syncMs(): number
  isOpen(): boolean
  isOriginHeard(): boolean
  /** How far the clock here is ahead of the origin's; null: not known. */
  skewMs(): number | null
  torrents(): number
  leftOut(): number
  blockedPaths(): number
  /** What may be written before --min-free is touched; a number that is not finite: not known. */
  usableBytes(): Promise<number>
  memory(): { readonly usedBytes: number; readonly hits: number; readonly misses: number } | null
  /** When the certificate ends, milliseconds since 1970; null without TLS. */
  certificateEndsMs(): number | null
}

const addLimits = (registry: Registry, { limits }: WorkingMetricsSources): void => {
  const limit = (name: string, help: string, key: keyof OwnerLimits): void =>
    addGauge(registry, { name, help, read: () => [[{}, limits()[key] ?? Number.NaN]] })
  limit('mirrorswarm_quota_bytes', 'The owner’s --quota', 'quotaBytes')
  limit(
    'mirrorswarm_upload_limit_bytes_per_second',
    'The owner’s --upload-limit',
    'uploadLimitBytesPerSecond',
  )
  limit(
    'mirrorswarm_download_limit_bytes_per_second',
    'The owner’s --download-limit',
    'downloadLimitBytesPerSecond',
  )
  limit('mirrorswarm_max_clients', 'The owner’s --max-clients', 'maxClients')
  limit('mirrorswarm_min_free_bytes', 'The owner’s --min-free', 'minFreeBytes')
}

const addSpace = (registry: Registry, sources: WorkingMetricsSources): void => {
  addValue(
    registry,
    'mirrorswarm_usable_bytes',
    'What may still be written before --min-free is touched',
    () => sources.usableBytes(),
  )
  addValue(registry, 'mirrorswarm_left_out_contents', 'Contents that are beyond --quota', () =>
    sources.leftOut(),
  )
  addValue(
    registry,
    'mirrorswarm_blocked_paths',
    'Paths where something stands in the way that is not the mirror’s',
    () => sources.blockedPaths(),
  )
}

const addMemory = (registry: Registry, sources: WorkingMetricsSources): void => {
  addValue(
    registry,
    'mirrorswarm_memory_bytes',
    'Contents that are kept in memory, what is being sent included',
    () => sources.memory()?.usedBytes ?? 0,
  )
  addCounter(registry, {
    name: 'mirrorswarm_memory_answers_total',
    help: 'Answers with a content by where its bytes were',
    labels: ['result'],
    read: () => {
      const memory = sources.memory()
      return [
        [{ result: 'hit' }, memory?.hits ?? 0],
        [{ result: 'miss' }, memory?.misses ?? 0],
      ]
    },
  })
}

const addSync = (registry: Registry, sources: WorkingMetricsSources): void => {
  addGauge(registry, {
    name: 'mirrorswarm_sync_state',
    help: '1 for what it is at, else 0',
    labels: ['state'],
    read: () => {
      const now = sources.syncState()
      return syncStates.map(state => [{ state }, state === now ? 1 : 0] as const)
    },
  })
  addCounter(registry, {
    name: 'mirrorswarm_sync_seconds_total',
    help: 'Time spent synchronising',
    read: () => [[{}, sources.syncMs() / 1000]],
  })
  addValue(registry, 'mirrorswarm_swarm_torrents', 'Torrents that it downloads', () =>
    sources.torrents(),
  )
}

export const addWorkingMetrics = (
  registry: Registry,
  sources: WorkingMetricsSources,
  errors: ErrorCounts,
): void => {
  addGauge(registry, {
    name: 'mirrorswarm_volunteer_info',
    help: 'Always 1; says whose metrics these are',
    labels: ['volunteer'],
    read: () => [[{ volunteer: sources.name }, 1]],
  })
  addSync(registry, sources)
  addLimits(registry, sources)
  addSpace(registry, sources)
  addMemory(registry, sources)
  addValue(registry, 'mirrorswarm_schedule_open', '1 within the owner’s --hours', () =>
    sources.isOpen() ? 1 : 0,
  )
  addValue(registry, 'mirrorswarm_origin_heard', '1 if the newest announce was answered', () =>
    sources.isOriginHeard() ? 1 : 0,
  )
  addValue(
    registry,
    'mirrorswarm_clock_skew_seconds',
    'How far the clock here is ahead of the origin’s',
    () => (sources.skewMs() ?? Number.NaN) / 1000,
  )
  addCounter(registry, {
    name: 'mirrorswarm_errors_total',
    help: 'What failed and was tried again or refused, by code',
    labels: ['code'],
    read: () => errors.samples('code'),
  })
  addGauge(registry, {
    name: 'mirrorswarm_certificate_expires_timestamp_seconds',
    help: 'When the certificate of --tls-cert ends; without TLS there is no series',
    read: () => {
      const endsMs = sources.certificateEndsMs()
      return endsMs === null ? [] : [[{}, endsMs / 1000]]
    },
  })
  addProcessMetrics(registry)
}
