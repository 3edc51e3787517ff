// What a volunteer did day by day: its totals, which begin anew with each start, as sums that do not.
// Pure; the day comes in as its date.

import { rememberedDays } from '../../core/dashboard-limits.ts'
import type { Day } from '../../dashboard/logic/overview.ts'

export type Sums = Omit<Day, 'date'>

export const noSums: Sums = {
  ...{ syncMs: 0, clientBytes: 0, networkBytes: 0, peersBytes: 0 },
  ...{ fromPeersBytes: 0, fromOriginBytes: 0, reusedBytes: 0 },
}

const keys = Object.keys(noSums) as (keyof Sums)[]

const combine = (how: (key: keyof Sums) => number): Sums =>
  Object.fromEntries(keys.map(key => [key, how(key)])) as unknown as Sums

/** What was added between two readings; what is less than before adds nothing. */
export const gained = (before: Sums, now: Sums): Sums =>
  combine(key => Math.max(0, now[key] - before[key]))

/**
 * The days with something added to one of them, oldest first, the oldest dropped beyond the bound. A
 * day before the last is one of a clock that went back: it counts as the last.
 */
export const addToDay = (days: readonly Day[], date: string, sums: Sums): readonly Day[] => {
  const last = days.at(-1)
  if (last === undefined || date > last.date) {
    return [...days, { date, ...sums }].slice(-rememberedDays)
  }
  const added = combine(key => last[key] + sums[key])
  return [...days.slice(0, -1), { date: last.date, ...added }]
}
