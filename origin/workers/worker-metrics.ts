// How the threads that hold clients' connections fare, for Prometheus. Without them there is no
// series.

import type { Registry } from 'prom-client'
import { addCounter } from '../../core/collected-counter.ts'
import { addGauge } from '../../core/collected-gauge.ts'

export interface WorkerMetricsSources {
  /** Null: one thread does all. */
  workers(): {
    /** Threads that run. */
    readonly running: number
    /** Connections that they hold. */
    readonly open: number
    /** Threads that were started anew. */
    readonly restarted: number
  } | null
}

export const addWorkerMetrics = (registry: Registry, sources: WorkerMetricsSources): void => {
  addGauge(registry, {
    name: 'mirrorswarm_worker_threads',
    help: 'Threads that hold clients’ connections; without --workers there is no series',
    read: () => {
      const workers = sources.workers()
      return workers === null ? [] : [[{}, workers.running]]
    },
  })
  addGauge(registry, {
    name: 'mirrorswarm_worker_connections',
    help: 'Connections that those threads hold',
    read: () => {
      const workers = sources.workers()
      return workers === null ? [] : [[{}, workers.open]]
    },
  })
  addCounter(registry, {
    name: 'mirrorswarm_worker_restarts_total',
    help: 'Threads that died and were started anew',
    read: () => {
      const workers = sources.workers()
      return workers === null ? [] : [[{}, workers.restarted]]
    },
  })
}
