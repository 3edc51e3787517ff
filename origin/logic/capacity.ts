// How much a volunteer can send: what its owner set, else the most that was seen of it, which fades,
// else an assumption. Pure; times are monotonic milliseconds.

import {
  assumedBytesPerSecond,
  capacityHalfLifeMs,
  sustainedMs,
} from '../../core/selection-limits.ts'

/** What was learnt of one volunteer from its announces. */
export interface Observed {
  /** The highest rate that two announces in a row agreed on, at `atMs`. */
  readonly bytesPerSecond: number
  readonly atMs: number
  readonly last: { readonly bytesPerSecond: number; readonly atMs: number } | null
}

export const nothingObserved: Observed = { bytesPerSecond: 0, atMs: 0, last: null }

const fadedAt = (observed: Observed, nowMs: number): number =>
  observed.bytesPerSecond * 2 ** (-Math.max(0, nowMs - observed.atMs) / capacityHalfLifeMs)

/** Take up the rate of a new announce, client and synchronisation traffic together. */
export const observe = (observed: Observed, bytesPerSecond: number, nowMs: number): Observed => {
  const { last } = observed
  if (last !== null && nowMs - last.atMs < sustainedMs) return observed
  const sustained = last === null ? 0 : Math.min(last.bytesPerSecond, bytesPerSecond)
  const before = fadedAt(observed, nowMs)
  const newest = { bytesPerSecond, atMs: nowMs }
  return sustained > before
    ? { bytesPerSecond: sustained, atMs: nowMs, last: newest }
    : { ...observed, last: newest }
}

/** owner: the limit it set · observed: it was seen sending that much · assumed: nothing is known. */
export type CapacitySource = 'owner' | 'observed' | 'assumed'

export interface Capacity {
  readonly bytesPerSecond: number
  readonly source: CapacitySource
}

/** What a volunteer is taken to be able to send; `limit` is its owner's, null for none. */
export const capacityOf = (limit: number | null, observed: Observed, nowMs: number): Capacity => {
  if (limit !== null) return { bytesPerSecond: limit, source: 'owner' }
  const seen = fadedAt(observed, nowMs)
  return seen > assumedBytesPerSecond
    ? { bytesPerSecond: seen, source: 'observed' }
    : { bytesPerSecond: assumedBytesPerSecond, source: 'assumed' }
}
