// Whom to audit next, and who is to do it: in proportion to what each serves, nobody left out, the
// origin itself and other volunteers by turns. Chance comes in as a value.

import type { Random } from '../../core/clock.ts'
import type { VolunteerName } from '../../core/ids.ts'

/** One that may be audited. */
export interface Auditable {
  readonly name: VolunteerName
  /** What clients were sent there for since its last audit. */
  readonly sentBytes: number
}

/** What a volunteer counts beside what it served: also one that serves little is looked at. */
const floorPart = 0.2

/** One of them, the likelier the more it served; null: there is none. */
export const chooseTarget = (list: readonly Auditable[], random: Random): VolunteerName | null => {
  const total = list.reduce((sum, { sentBytes }) => sum + sentBytes, 0)
  const floor = total === 0 ? 1 : (total * floorPart) / list.length
  let left = random() * (total + floor * list.length)
  for (const { name, sentBytes } of list) {
    left -= sentBytes + floor
    if (left < 0) return name
  }
  return list.at(-1)?.name ?? null
}

/** Who audits a target: itself (null) or another volunteer; one of those that may, at random. */
export const chooseAuditor = (
  target: VolunteerName,
  others: readonly VolunteerName[],
  random: Random,
): VolunteerName | null => {
  const able = others.filter(name => name !== target)
  if (able.length === 0 || random() < 0.5) return null
  return able[Math.floor(random() * able.length)] ?? null
}
