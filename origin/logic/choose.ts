// The choice of one volunteer, quickly: of the nearest tier that has somebody at ease, two by chance,
// and of these the less loaded (Mitzenmacher: the power of two choices). Looks at few volunteers
// where most will do, at all of a tier where few will. Pure: chance comes in.

import type { Random } from '../../core/clock.ts'
import { selectionProbes, stickySlack } from '../../core/selection-limits.ts'
import type { Ranking, Tier } from './closeness.ts'
import {
  expectedLoad,
  isAtEase,
  type Moment,
  mayStick,
  refusal,
  type SelectionCandidate,
  type SelectionRequest,
  urgency,
} from './select.ts'

/** What a volunteer is chosen by; the smaller the better. Only benches and simulations pass others. */
export interface Policy {
  /** How many are drawn before the best is taken: two, or all. */
  readonly draws: 'two' | 'all'
  weigh(candidate: SelectionCandidate, load: number, nowMs: number): number
}

export const byExpectedLoad: Policy = { draws: 'two', weigh: urgency }

/** `index` -1: nobody will do. */
export interface Choice {
  readonly index: number
  readonly load: number
  readonly by: 'sticky' | 'load' | 'none'
  /** Another one that would have done; -1: none was seen. */
  readonly other: number
}

const nobody: Choice = { index: -1, load: 0, by: 'none', other: -1 }

/** Everything that a choice depends on. */
export interface Field {
  readonly candidates: readonly SelectionCandidate[]
  readonly ranking: Ranking
  readonly request: SelectionRequest
  readonly moment: Moment
  readonly policy: Policy
  readonly random: Random
}

/** The load of a volunteer that may serve, or -1 for one that may not. */
const loadIfWilling = (field: Field, index: number): number => {
  const candidate = field.candidates[index]
  if (candidate === undefined || refusal(candidate, field.request, field.moment) !== null) return -1
  return expectedLoad(candidate, field.moment.nowMs)
}

const better = (field: Field, one: number, load: number, other: number, otherLoad: number) => {
  const first = field.candidates[one] as SelectionCandidate
  const second = field.candidates[other] as SelectionCandidate
  const { policy, moment } = field
  const { nowMs } = moment
  return policy.weigh(second, otherLoad, nowMs) < policy.weigh(first, load, nowMs)
    ? { index: other, load: otherLoad, by: 'load' as const, other: one }
    : { index: one, load, by: 'load' as const, other }
}

const bestOf = (field: Field, found: readonly number[], loads: readonly number[]): Choice => {
  let place = 0
  for (let next = 1; next < found.length; next++) {
    const { policy, moment } = field
    const now = field.candidates[found[place] as number] as SelectionCandidate
    const then = field.candidates[found[next] as number] as SelectionCandidate
    const best = policy.weigh(now, loads[place] as number, moment.nowMs)
    if (policy.weigh(then, loads[next] as number, moment.nowMs) < best) place = next
  }
  const other = found[place === 0 ? 1 : 0] ?? -1
  return { index: found[place] as number, load: loads[place] as number, by: 'load', other }
}

/** Two different ones by chance of all that are given; the better of them. */
const twoOf = (field: Field, found: readonly number[], loads: readonly number[]): Choice => {
  const count = found.length
  const first = Math.floor(field.random() * count)
  const one = found[first]
  const load = loads[first]
  if (one === undefined || load === undefined) return nobody
  if (count === 1) return { index: one, load, by: 'load', other: -1 }
  if (field.policy.draws === 'all') return bestOf(field, found, loads)
  const second = (first + 1 + Math.floor(field.random() * (count - 1))) % count
  return better(field, one, load, found[second] as number, loads[second] as number)
}

/** Among all of some volunteers; `easy`: only among those at ease. */
const scan = (field: Field, members: readonly number[], easy: boolean): Choice => {
  const found: number[] = []
  const loads: number[] = []
  for (const index of members) {
    const load = loadIfWilling(field, index)
    if (load < 0 || (easy && !isAtEase(load))) continue
    found.push(index)
    loads.push(load)
  }
  return twoOf(field, found, loads)
}

/**
 * Among a tier's volunteers at ease. Whoever is drawn and will not do is drawn over, so that each
 * that will do is as likely as the others; when that takes too long, all are looked at.
 */
const drawFrom = (field: Field, { members }: Tier): Choice => {
  const count = members.length
  if (count < 4 || field.policy.draws === 'all') return scan(field, members, true)
  let first = -1
  let firstLoad = 0
  for (let probe = 0; probe < selectionProbes; probe++) {
    const index = members[Math.floor(field.random() * count)] as number
    if (index === first) continue
    const load = loadIfWilling(field, index)
    if (load < 0 || !isAtEase(load)) continue
    if (first >= 0) return better(field, first, firstLoad, index, load)
    first = index
    firstLoad = load
  }
  if (first < 0) return scan(field, members, true)
  const rest = scan(
    { ...field, policy: { draws: 'two', weigh: () => 0 } },
    members.filter(index => index !== first),
    true,
  )
  return rest.index < 0
    ? { index: first, load: firstLoad, by: 'load', other: -1 }
    : better(field, first, firstLoad, rest.index, rest.load)
}

/** Choose a volunteer for one request. */
export const choose = (field: Field): Choice => {
  const { ranking, request, candidates } = field
  const { sticky } = request
  const stickyLoad = sticky < 0 ? -1 : loadIfWilling(field, sticky)
  const sticks = stickyLoad >= 0 && mayStick(stickyLoad)
  const { tiers } = ranking
  for (let place = 0; place < tiers.length; place++) {
    const choice = drawFrom(field, tiers[place] as Tier)
    if (choice.index < 0) continue
    // To stay spares the client connections, but not at any price for the others.
    const stays =
      sticks && ranking.tierOf[sticky] === place && stickyLoad <= choice.load + stickySlack
    if (!stays) return choice
    const other = choice.index === sticky ? choice.other : choice.index
    return { index: sticky, load: stickyLoad, by: 'sticky', other }
  }
  return scan(
    field,
    candidates.map((_, index) => index),
    false,
  )
}

/** A few others that would do, nearest first, by looking at no more than twice as many. */
export const fewOthers = (field: Field, choice: Choice, most: number): number[] => {
  const found: number[] = []
  if (choice.other >= 0) found.push(choice.other)
  let looks = 2 * most
  for (const { members } of field.ranking.tiers) {
    const start = Math.floor(field.random() * members.length)
    for (let step = 0; step < members.length; step++) {
      if (found.length >= most || looks === 0) return found
      looks -= 1
      const index = members[(start + step) % members.length] as number
      if (index === choice.index || found.includes(index)) continue
      const candidate = field.candidates[index] as SelectionCandidate
      if (refusal(candidate, field.request, field.moment) === null) found.push(index)
    }
  }
  return found
}
