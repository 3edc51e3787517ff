// Traffic over time in bounded memory: fine steps for an hour, their averages for two days. Pure; it
// is told counters that only grow, and rates as volunteers announced them.

import { trafficSamples, trafficStep, trafficSteps } from '../../core/dashboard-limits.ts'
import type { TrafficSample } from '../../dashboard/logic/overview.ts'

/** Counters since the start of the process, and what volunteers say at present. */
export interface TrafficReading {
  readonly atMs: number
  readonly originBytes: number
  readonly seedBytes: number
  readonly redirects: number
  readonly volunteerRate: number
  readonly swarmRate: number
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
    redirectsPerSecond: rate(from.redirects, to.redirects),
  }
}

const keys = [
  ...(['originRate', 'volunteerRate', 'seedRate', 'swarmRate', 'redirectsPerSecond'] as const),
]

/** The average of some samples, at the time of the last. */
export const averageSample = (samples: readonly TrafficSample[]): TrafficSample => {
  const sums = Object.fromEntries(
    keys.map(key => [key, samples.reduce((sum, each) => sum + each[key], 0) / samples.length]),
  ) as Record<(typeof keys)[number], number>
  return { ...sums, atMs: samples.at(-1)?.atMs ?? 0 }
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
