// Why a request that nobody could serve was not redirected, in one word: of all volunteers, the
// reason of the one that came nearest to serving it. Pure.

import {
  type Moment,
  type RefusalReason,
  refusal,
  refusalTexts,
  type SelectionCandidate,
  type SelectionRequest,
} from './select.ts'

/** link: one would have done, but no link could be made. */
export type WhyNobody = RefusalReason | 'no-volunteers' | 'link'

/** As they are checked: the later, the nearer. */
const reasons = Object.keys(refusalTexts) as RefusalReason[]
const ranks = new Map(reasons.map((reason, rank) => [reason, rank]))

export const whyNobody: readonly WhyNobody[] = [...reasons, 'no-volunteers', 'link']

export const nearestRefusal = (
  candidates: readonly SelectionCandidate[],
  request: SelectionRequest,
  moment: Moment,
): WhyNobody => {
  let nearest: RefusalReason | null = null
  for (const candidate of candidates) {
    const reason = refusal(candidate, request, moment)
    if (reason === null) return 'link'
    const isNearer = nearest === null || (ranks.get(reason) ?? 0) > (ranks.get(nearest) ?? 0)
    if (isNearer) nearest = reason
  }
  return nearest ?? 'no-volunteers'
}
