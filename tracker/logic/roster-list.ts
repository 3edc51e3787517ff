// Who is in the roster: the volunteers that may talk to each other, one for each key.

import type { VolunteerRecord } from '../events.ts'
import type { RosterEntry } from '../messages.ts'

/** Which of two that have the same key it belongs to: who enrolled last has it now. */
const newer = (a: VolunteerRecord, b: VolunteerRecord): VolunteerRecord => {
  if (a.enrolledMs !== b.enrolledMs) return a.enrolledMs > b.enrolledMs ? a : b
  return a.name > b.name ? a : b
}

/** All enabled volunteers that run our daemon, in the order of their names; equal records give equal lists. */
export const rosterList = (records: Iterable<VolunteerRecord>): RosterEntry[] => {
  const byKey = new Map<string, VolunteerRecord>()
  for (const record of records) {
    if (record.disabled || record.mirror !== undefined) continue
    const other = byKey.get(record.publicKey)
    byKey.set(record.publicKey, other === undefined ? record : newer(record, other))
  }
  return [...byKey.values()]
    .map(({ name, publicKey, url }) => ({ name, key: publicKey, url }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
