import { Registry } from 'prom-client'
import t from 'tap'
import { newErrorCounts } from '../core/collected-counter.ts'
import { parseMetrics, sumOf } from '../loadtest/metrics.ts'
import { addWorkingMetrics, type WorkingMetricsSources } from './working-metrics.ts'

const sources: WorkingMetricsSources = {
  name: 'ada',
  limits: () => ({
    ...{ quotaBytes: null, uploadLimitBytesPerSecond: 5_000, downloadLimitBytesPerSecond: null },
    ...{ maxClients: 0, minFreeBytes: 7 },
  }),
  syncState: () => 'paused',
  syncMs: () => 90_000,
  isOpen: () => false,
  isOriginHeard: () => true,
  skewMs: () => null,
  torrents: () => 2,
  leftOut: () => 3,
  blockedPaths: () => 4,
  usableBytes: async () => Number.NaN,
  memory: () => null,
  certificateEndsMs: () => null,
}

t.test('what is not set or not known has no series', async t => {
  const registry = new Registry()
  const errors = newErrorCounts()
  errors.add('MS_DISK_FULL')
  addWorkingMetrics(registry, sources, errors)
  const series = parseMetrics(await registry.metrics())
  const has = (name: string) => series.some(each => each.name === `mirrorswarm_${name}`)
  for (const name of ['quota_bytes', 'download_limit_bytes_per_second', 'clock_skew_seconds']) {
    t.notOk(has(name), name)
  }
  t.notOk(has('usable_bytes'))
  t.notOk(has('certificate_expires_timestamp_seconds'))
  t.ok(has('max_clients'), 'none at all is a limit too')
  t.equal(sumOf(series, 'mirrorswarm_upload_limit_bytes_per_second'), 5_000)
  t.equal(sumOf(series, 'mirrorswarm_sync_seconds_total'), 90)
  t.equal(sumOf(series, 'mirrorswarm_sync_state'), 1)
  t.equal(sumOf(series, 'mirrorswarm_sync_state', { state: 'paused' }), 1)
  t.equal(sumOf(series, 'mirrorswarm_errors_total'), 1)
  t.equal(sumOf(series, 'mirrorswarm_volunteer_info', { volunteer: 'ada' }), 1)
})
