// What volunteers sent and received, added up over restarts of theirs: announces tell totals since
// the daemon's start. Pure. Nobody can check these numbers: they are for people.

import type { AnnouncedTotals } from '../messages.ts'

/** What was heard of one volunteer since the tracker started. */
export interface HeardTotals {
  /** As the newest announce had them. */
  readonly last: AnnouncedTotals
  readonly sum: AnnouncedTotals
}

export const noTotals: AnnouncedTotals = {
  ...{ clientBytes: 0, networkBytes: 0, peersBytes: 0 },
  ...{ fromPeersBytes: 0, fromOriginBytes: 0, reusedBytes: 0, syncMs: 0 },
}

const keys = Object.keys(noTotals) as (keyof AnnouncedTotals)[]

const map = (work: (key: keyof AnnouncedTotals) => number): AnnouncedTotals =>
  Object.fromEntries(keys.map(key => [key, work(key)])) as AnnouncedTotals

/**
 * After an announce; `totals` missing: it says nothing of them. What was before the first announce
 * that is heard does not count, since a tracker that starts anew has counted it before. When one of
 * them is less than before, the daemon has started anew.
 */
export const addTotals = (
  before: HeardTotals | null,
  totals: AnnouncedTotals | undefined,
): HeardTotals | null => {
  if (totals === undefined) return before
  const last = map(key => totals[key])
  if (before === null) return { last, sum: noTotals }
  const goesOn = keys.every(key => last[key] >= before.last[key])
  const from = goesOn ? before.last : noTotals
  const sum = map(key => Math.min(Number.MAX_SAFE_INTEGER, before.sum[key] + last[key] - from[key]))
  return { last, sum }
}
