// What signed indexes named until lately: clients that still have such an index verify these contents
// as before. A bounded list of sets, each with the time at which it ended. Pure.

import { formerSignedSets } from '../../core/selection-limits.ts'
import { Holdings } from '../../tracker/holdings.ts'

/** Contents that were named until about `endedMs` (milliseconds since 1970). */
export interface FormerSet {
  readonly endedMs: number
  readonly contents: Holdings
}

const addAll = (target: Holdings, contents: Holdings): Holdings => {
  for (const content of contents.numbers()) target.add(content)
  return target
}

/** Two that ended at nearly the same time become one, which ended at the later time. */
const mergeNearest = (sets: readonly FormerSet[]): FormerSet[] => {
  let nearest = 0
  const gap = (index: number): number =>
    (sets[index + 1]?.endedMs ?? Number.POSITIVE_INFINITY) - (sets[index]?.endedMs ?? 0)
  for (let index = 1; index < sets.length - 1; index++)
    if (gap(index) < gap(nearest)) nearest = index
  const [one, other] = [sets[nearest], sets[nearest + 1]]
  if (one === undefined || other === undefined) return [...sets]
  const contents = addAll(one.contents.clone(), other.contents)
  return sets.toSpliced(nearest, 2, { endedMs: other.endedMs, contents })
}

/**
 * The list, oldest first, after indexes that named `before` gave way to such that name `now`. What
 * ended longer than `keptMs` ago is left out; what is from the future ended now.
 */
export const endSigned = (
  former: readonly FormerSet[],
  change: { readonly before: Holdings; readonly now: Holdings },
  nowMs: number,
  keptMs: number,
): FormerSet[] => {
  const gone = new Holdings()
  for (const content of change.before.numbers()) if (!change.now.has(content)) gone.add(content)
  const sets = former
    .filter(({ endedMs }) => nowMs - endedMs < keptMs)
    .map(set => ({ ...set, endedMs: Math.min(set.endedMs, nowMs) }))
  if (gone.count > 0) sets.push({ endedMs: nowMs, contents: gone })
  return sets.length > formerSignedSets ? mergeNearest(sets) : sets
}

/** All that is to be taken as named at `nowMs`, and until when that stays so. */
export const signedAt = (
  now: Holdings,
  former: readonly FormerSet[],
  nowMs: number,
  keptMs: number,
): { readonly contents: Holdings; readonly untilMs: number } => {
  const live = former.filter(({ endedMs }) => nowMs - endedMs < keptMs)
  const contents = now.clone()
  for (const set of live) addAll(contents, set.contents)
  return { contents, untilMs: Math.min(...live.map(({ endedMs }) => endedMs + keptMs)) }
}
