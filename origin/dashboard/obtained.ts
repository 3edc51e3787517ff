// What all volunteers together announced to have got, and from where: sums that only grow, whoever
// starts anew or leaves. Nobody can check these numbers: they are for people.

import type { VolunteerName } from '../../core/ids.ts'
import { noTotals } from '../../tracker/logic/totals.ts'
import type { AnnouncedTotals } from '../../tracker/messages.ts'
import { LabelledTotals } from '../logic/labelled-totals.ts'
import type { Obtained } from './recorder.ts'

export interface ObtainedSources {
  candidates(): readonly { readonly name: VolunteerName }[]
  totals(name: VolunteerName): AnnouncedTotals | null
}

/** All of them have the same label, which stays. */
const all = 'all'

/** Returns how to read the sums as they are now. */
export const obtainedSums = (tracker: ObtainedSources): (() => Obtained) => {
  const sums = new LabelledTotals()
  return () => {
    const rows = tracker.candidates().map(({ name }) => {
      const { fromPeersBytes, fromOriginBytes, reusedBytes } = tracker.totals(name) ?? noTotals
      return { name, values: [fromPeersBytes, fromOriginBytes, reusedBytes] }
    })
    const row = sums.update(rows, () => all, all).get(all)
    const [fromPeersBytes = 0, fromOriginBytes = 0, reusedBytes = 0] = row ?? []
    return { fromPeersBytes, fromOriginBytes, reusedBytes }
  }
}
