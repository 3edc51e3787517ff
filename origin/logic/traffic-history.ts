// Traffic over time in bounded memory: fine steps for an hour, their averages for two days. Pure; it
// is told counters that only grow, and rates as volunteers announced them.

import {
  trafficSampleMs,
  trafficSamples,
  trafficStep,
  trafficSteps,
} from '../../core/dashboard-limits.ts'
import type { TrafficSample } from '../../dashboard/logic/overview.ts'

/** Counters since the start of the process, and what volunteers say at present. */
export interface TrafficReading {
  readonly atMs: number
  readonly originBytes: number
  readonly seedBytes: number
  readonly redirects: number
  readonly volunteerRate: number
  readonly swarmRate: number
  /** Grows with what volunteers announce. */
  readonly reusedBytes: number
}

export interface TrafficHistory {
  readonly last: TrafficReading
  readonly fine: readonly TrafficSample[]
  readonly coarse: readonly TrafficSample[]
  /** Fine samples since the last coarse one. */
  readonly pending: number
}

export const beginHistory = (last: TrafficReading): TrafficHistory => ({
  last,
  fine: [],
  coarse: [],
  pending: 0,
})

const sampleBetween = (from: TrafficReading, to: TrafficReading): TrafficSample => {
  const seconds = Math.max(0.001, (to.atMs - from.atMs) / 1000)
  const rate = (before: number, after: number): number => Math.max(0, after - before) / seconds
  return {
    atMs: to.atMs,
    originRate: rate(from.originBytes, to.originBytes),
    volunteerRate: to.volunteerRate,
    seedRate: rate(from.seedBytes, to.seedBytes),
    swarmRate: to.swarmRate,
    reusedRate: rate(from.reusedBytes, to.reusedBytes),
    redirectsPerSecond: rate(from.redirects, to.redirects),
  }
}

/** All that a sample tells beside its time. */
export const sampleKeys = [
  ...(['originRate', 'volunteerRate', 'seedRate', 'swarmRate'] as const),
  ...(['redirectsPerSecond', 'reusedRate'] as const),
] as const

/** The average of some samples, at the time of the last. */
export const averageSample = (samples: readonly TrafficSample[]): TrafficSample => {
  const sums = Object.fromEntries(
    sampleKeys.map(key => [
      key,
      samples.reduce((sum, each) => sum + each[key], 0) / samples.length,
    ]),
  ) as Record<(typeof sampleKeys)[number], number>
  return { ...sums, atMs: samples.at(-1)?.atMs ?? 0 }
}

/**
 * The history that goes on from what was kept over a restart: what the clock puts into the future, or
 * out of sight, is left out.
 */
export const resumeHistory = (
  kept: Pick<TrafficHistory, 'fine' | 'coarse'>,
  last: TrafficReading,
): TrafficHistory => {
  const spanMs = trafficSteps * trafficStep * trafficSampleMs
  const isShown = ({ atMs }: TrafficSample): boolean =>
    atMs <= last.atMs && atMs > last.atMs - spanMs
  const coarse = kept.coarse.filter(isShown)
  const fine = kept.fine.filter(isShown).slice(-trafficSamples)
  // What is in no coarse sample yet would be lost when it is no longer fine.
  const rest = fine.filter(({ atMs }) => atMs > (coarse.at(-1)?.atMs ?? 0)).slice(-trafficStep)
  const all = rest.length === 0 ? coarse : [...coarse, averageSample(rest)]
  return { last, fine, coarse: all.slice(-trafficSteps), pending: 0 }
}

/** The history with the time up to this reading. A clock that went back adds nothing. */
export const addReading = (history: TrafficHistory, reading: TrafficReading): TrafficHistory => {
  if (reading.atMs <= history.last.atMs) return { ...history, last: reading }
  const fine = [...history.fine, sampleBetween(history.last, reading)].slice(-trafficSamples)
  const pending = history.pending + 1
  if (pending < trafficStep) return { ...history, last: reading, fine, pending }
  const coarse = [...history.coarse, averageSample(fine.slice(-trafficStep))].slice(-trafficSteps)
  return { last: reading, fine, coarse, pending: 0 }
}

/** All of it, oldest first: coarse where there is nothing finer. */
export const samplesOf = ({ fine, coarse }: TrafficHistory): readonly TrafficSample[] => {
  const since = fine[0]?.atMs ?? Number.POSITIVE_INFINITY
  return [...coarse.filter(({ atMs }) => atMs < since), ...fine]
}
