// Which volunteers appear in metrics by their own names: the busiest, up to a bound, so that the
// number of series stays bounded. Pure; whoever had a name keeps it unless others are far busier.

import type { VolunteerName } from '../../core/ids.ts'

/** What a name in metrics is given for. */
export interface Business {
  readonly name: VolunteerName
  /** Any measure; more is busier. */
  readonly weight: number
}

/** One that has a name already counts for so much more: series that come and go help nobody. */
const loyalty = 2

/** The names to show, at most `most`, of `all`; those of `before` that are still there rather than others. */
export const nameVolunteers = (
  all: readonly Business[],
  before: ReadonlySet<VolunteerName>,
  most: number,
): Set<VolunteerName> => {
  if (all.length <= most) return new Set(all.map(({ name }) => name))
  const worth = ({ name, weight }: Business): number => (before.has(name) ? loyalty : 1) * weight
  const ranked = all.toSorted(
    (one, other) =>
      worth(other) - worth(one) ||
      Number(before.has(other.name)) - Number(before.has(one.name)) ||
      (one.name < other.name ? -1 : 1),
  )
  return new Set(ranked.slice(0, most).map(({ name }) => name))
}
