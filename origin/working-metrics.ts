// How the origin itself fares, for Prometheus: how full its queues are, its newest snapshot, its
// publishes, announces and disk. All is read at the scrape.

import { Counter, type Registry } from 'prom-client'
import { addGauge, addValue } from '../core/collected-gauge.ts'
import type { Snapshot } from '../manifest/model.ts'
import type { TrackerCounters } from '../tracker/tracker-counters.ts'

/** A queue that refuses what comes beyond its bound. */
export interface QueueUse {
  readonly queue: string
  readonly length: number
  readonly limit: number
}

export interface WorkingMetricsSources {
  queues(): readonly QueueUse[]
  latest(): Snapshot | null
  publishFailed(): boolean
  /** Files of the newest snapshot that are found in memory: see PathIndex. */
  indexedFiles(): number
  announces(): TrackerCounters
  /** Streams of events since the start. */
  eventStreams(): { readonly opened: number; readonly refused: number; readonly slow: number }
  /** Left for this user on the data folder's file system; a number that is not finite: not known. */
  freeBytes(): Promise<number>
  /** When the certificate of the listener ends, milliseconds since 1970; null without TLS. */
  certificateEndsMs(): number | null
}

const addEventStreams = (registry: Registry, sources: WorkingMetricsSources): void => {
  new Counter({
    name: 'mirrorswarm_event_streams_total',
    help: 'Streams of /-/events: opened, refused for lack of room, cut because nobody read',
    labelNames: ['result'],
    registers: [registry],
    collect() {
      const { opened, refused, slow } = sources.eventStreams()
      this.reset()
      this.inc({ result: 'opened' }, opened)
      this.inc({ result: 'refused' }, refused)
      this.inc({ result: 'slow' }, slow)
    },
  })
}

export const addWorkingMetrics = (registry: Registry, sources: WorkingMetricsSources): void => {
  addGauge(registry, {
    name: 'mirrorswarm_queue_length',
    help: 'How much is in a queue whose bound refuses what comes beyond it',
    labels: ['queue'],
    read: () => sources.queues().map(({ queue, length }) => [{ queue }, length] as const),
  })
  addGauge(registry, {
    name: 'mirrorswarm_queue_limit',
    help: 'The bound of the queue',
    labels: ['queue'],
    read: () => sources.queues().map(({ queue, limit }) => [{ queue }, limit] as const),
  })
  addValue(
    registry,
    'mirrorswarm_snapshot_files',
    'Files of the newest snapshot',
    () => sources.latest()?.files ?? 0,
  )
  addValue(
    registry,
    'mirrorswarm_indexed_files',
    'Files of the newest snapshot that are found in memory; 0: they are looked up in the database',
    sources.indexedFiles,
  )
  addValue(
    registry,
    'mirrorswarm_snapshot_bytes',
    'Distinct bytes of the newest snapshot',
    () => sources.latest()?.uniqueBytes ?? 0,
  )
  addValue(
    registry,
    'mirrorswarm_snapshot_created_timestamp_seconds',
    'When the newest snapshot was made; 0 before the first',
    () => (sources.latest()?.createdMs ?? 0) / 1000,
  )
  addValue(registry, 'mirrorswarm_publish_failed', '1 if the newest publish failed', () =>
    sources.publishFailed() ? 1 : 0,
  )
  addValue(registry, 'mirrorswarm_free_bytes', 'Disk that the data folder may still use', () =>
    sources.freeBytes(),
  )
  addGauge(registry, {
    name: 'mirrorswarm_certificate_expires_timestamp_seconds',
    help: 'When the certificate of --tls-cert ends; without TLS there is no series',
    read: () => {
      const endsMs = sources.certificateEndsMs()
      return endsMs === null ? [] : [[{}, endsMs / 1000]]
    },
  })
  new Counter({
    name: 'mirrorswarm_announces_total',
    help: 'Announces of volunteers by what became of them',
    labelNames: ['result'],
    registers: [registry],
    collect() {
      const { announces, staleAnnounces, refusedAnnounces } = sources.announces()
      this.reset()
      this.inc({ result: 'taken' }, announces - staleAnnounces)
      this.inc({ result: 'stale' }, staleAnnounces)
      this.inc({ result: 'refused' }, refusedAnnounces)
    },
  })
  addEventStreams(registry, sources)
}
