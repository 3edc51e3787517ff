// What measures how busy a volunteer is and what it gave, from the counters of metrics and swarm.

import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import type { Logger } from '../core/log.ts'
import type { RateLimiter } from '../core/rate-limiter.ts'
import type { AnnouncedTotals } from '../tracker/messages.ts'
import { Courtesy } from './courtesy.ts'
import { DayBook } from './day-book.ts'
import { LoadMeter } from './load.ts'
import type { Metrics } from './metrics.ts'
import type { SwarmHost } from './swarm-host.ts'

export interface LoadParts {
  readonly metrics: Metrics
  readonly swarm: SwarmHost
  readonly uploadLimiter: RateLimiter
  readonly downloadLimiter: RateLimiter
  readonly fetchedBytes: () => { readonly peers: number; readonly origin: number }
  readonly reusedBytes: () => number
  readonly activeClients: () => number
  /** Time spent synchronising since the start. */
  readonly busyMs: () => number
  readonly dataDir: string
  readonly logger: Logger
}

const servedBytes = (metrics: Metrics): number =>
  metrics.sentBytes('client') + metrics.sentBytes('network')

const makeCourtesy = (parts: LoadParts): Courtesy =>
  new Courtesy({
    limiters: [parts.uploadLimiter, parts.downloadLimiter],
    activeClients: parts.activeClients,
    clientBytes: () => servedBytes(parts.metrics),
    swarm: () => parts.swarm.counters(),
    clock: systemClock,
  })

const makeLoadMeter = ({ metrics, swarm }: LoadParts): LoadMeter =>
  new LoadMeter({
    clock: systemClock,
    sources: {
      sentBytes: () => servedBytes(metrics),
      swarm: () => {
        const { downloadedBytes, uploadedBytes } = swarm.counters()
        return { downloadedBytes, uploadedBytes: uploadedBytes + metrics.sentBytes('sync') }
      },
    },
  })

/** Since the start, for announces and people. */
const totalsOf = (parts: LoadParts): AnnouncedTotals => {
  const { metrics, swarm, fetchedBytes, reusedBytes, busyMs } = parts
  const fetched = fetchedBytes()
  return {
    clientBytes: metrics.sentBytes('client'),
    networkBytes: metrics.sentBytes('network'),
    peersBytes: metrics.sentBytes('sync') + swarm.counters().uploadedBytes,
    fromPeersBytes: Math.max(0, fetched.peers),
    fromOriginBytes: fetched.origin,
    reusedBytes: reusedBytes(),
    syncMs: Math.round(busyMs()),
  }
}

export const makeLoad = (parts: LoadParts) => {
  const { dataDir, logger } = parts
  const totals = (): AnnouncedTotals => totalsOf(parts)
  const file = join(dataDir, 'days.json')
  const dayBook = new DayBook({ file, clock: systemClock, logger, totals })
  return {
    load: makeLoadMeter(parts),
    courtesy: makeCourtesy(parts),
    ...{ totals, dayBook },
    days: () => dayBook.days,
  }
}
