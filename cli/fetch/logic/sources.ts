// Whom to ask next: volunteers before the origin, those with the fewest requests, none that failed
// too often, sent wrong bytes or is far slower than the others. Pure.

import { fetchFailures, fetchSlowPart, fetchWaitMostMs } from '../../../core/fetch-limits.ts'

export interface SourceState {
  readonly name: string
  /** The origin itself: asked when no volunteer is left. */
  readonly last: boolean
  readonly active: number
  /** In a row. */
  readonly failures: number
  /** It sent bytes that are not the file's: never again. */
  readonly banned: boolean
  readonly notBeforeMs: number
  /** Of what it sent lately; null: nothing yet. */
  readonly bytesPerSecond: number | null
}

export const freshSource = (name: string, last: boolean): SourceState => ({
  ...{ name, last, active: 0, failures: 0, banned: false, notBeforeMs: 0 },
  bytesPerSecond: null,
})

export const isAlive = ({ banned, failures, last }: SourceState): boolean =>
  !banned && failures < (last ? 3 * fetchFailures : fetchFailures)

/** The best rate of all that are alive; 0 while none is known. */
export const bestRate = (sources: readonly SourceState[]): number =>
  Math.max(0, ...sources.filter(isAlive).map(({ bytesPerSecond }) => bytesPerSecond ?? 0))

/** So slow that another one should do its work. */
export const isSlow = (bytesPerSecond: number, best: number): boolean =>
  bytesPerSecond * fetchSlowPart < best

/** After a failure: some time of its own, longer each time. */
export const afterFailure = (source: SourceState, nowMs: number): SourceState => {
  const waitMs = Math.min(fetchWaitMostMs, 250 * 2 ** source.failures)
  return { ...source, failures: source.failures + 1, notBeforeMs: nowMs + waitMs }
}

/** After bytes that were right. */
export const afterSuccess = (source: SourceState, bytes: number, ms: number): SourceState => {
  const rate = (bytes * 1000) / Math.max(1, ms)
  const before = source.bytesPerSecond
  return {
    ...source,
    failures: 0,
    bytesPerSecond: before === null ? rate : (before + rate) / 2,
  }
}

/** Index of the source to ask; null: none now (see `isAlive` for whether to wait). */
export const pickSource = (sources: readonly SourceState[], nowMs: number): number | null => {
  const alive = sources.map((source, index) => ({ source, index })).filter(s => isAlive(s.source))
  const volunteers = alive.filter(({ source }) => !source.last)
  const best = bestRate(sources)
  const ready = (volunteers.length > 0 ? volunteers : alive).filter(
    ({ source }) => source.notBeforeMs <= nowMs,
  )
  const quick = ready.filter(
    ({ source }) => source.bytesPerSecond === null || !isSlow(source.bytesPerSecond, best),
  )
  const [first] = (quick.length > 0 ? quick : ready).toSorted(
    (one, other) =>
      one.source.active - other.source.active ||
      (other.source.bytesPerSecond ?? 0) - (one.source.bytesPerSecond ?? 0),
  )
  return first?.index ?? null
}
