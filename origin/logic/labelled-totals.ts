// Counters of volunteers of which only some have names in metrics: each is counted where it is
// called at the time, so what is shown of those without a name only grows, whoever gets or loses one.

import type { VolunteerName } from '../../core/ids.ts'

/** Numbers that only grow, but begin anew when the volunteer does. */
export interface Totals {
  readonly name: VolunteerName
  readonly values: readonly number[]
}

const grownBy = (before: number, now: number): number => (now >= before ? now - before : now)

/** Mutable, without I/O; bounded by the volunteers that are given. */
export class LabelledTotals {
  #seen = new Map<VolunteerName, readonly number[]>()
  #shown = new Map<string, number[]>()

  /** The sums by label, after what was added since the last call. `others`: a label that stays. */
  update(
    all: Iterable<Totals>,
    labelOf: (name: VolunteerName) => string,
    others: string,
  ): ReadonlyMap<string, readonly number[]> {
    const seen = new Map<VolunteerName, readonly number[]>()
    const shown = new Map<string, number[]>()
    const kept = this.#shown.get(others)
    if (kept !== undefined) shown.set(others, kept)
    for (const { name, values } of all) {
      const label = labelOf(name)
      const before = this.#seen.get(name)
      const sums = shown.get(label) ?? this.#shown.get(label) ?? values.map(() => 0)
      shown.set(label, sums)
      for (const [index, value] of values.entries()) {
        sums[index] = (sums[index] ?? 0) + grownBy(before?.[index] ?? 0, value)
      }
      seen.set(name, values)
    }
    this.#seen = seen
    this.#shown = shown
    return shown
  }
}
