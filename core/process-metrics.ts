// What the process uses, for Prometheus, by the names that its dashboards everywhere expect.

import type { Registry } from 'prom-client'
import { addCounter } from './collected-counter.ts'
import { addValue } from './collected-gauge.ts'

const startSeconds = Date.now() / 1000 - process.uptime()

export const addProcessMetrics = (registry: Registry): void => {
  addCounter(registry, {
    name: 'process_cpu_seconds_total',
    help: 'Processor time of the daemon, all threads',
    read: () => {
      const { user, system } = process.cpuUsage()
      return [[{}, (user + system) / 1e6]]
    },
  })
  addValue(registry, 'process_resident_memory_bytes', 'Memory of the daemon', () =>
    process.memoryUsage.rss(),
  )
  addValue(
    registry,
    'process_start_time_seconds',
    'When the daemon started, seconds since 1970',
    () => startSeconds,
  )
}
