// In which order a client that keeps a list should try the volunteers, whatever file it will ask for:
// the nearest first, and among equally near ones an order of each client's own, so that clients
// spread by capacity. Pure; a list outlives loads, so these do not count.

import type { VolunteerName } from '../../core/ids.ts'
import type { Family, Ranking } from './closeness.ts'
import type { SelectionCandidate } from './select.ts'

export interface ListAsker {
  /** Equal for requests of one machine. */
  readonly key: string
  /** The client came by https: it may not be sent to plain http. */
  readonly https: boolean
  readonly family: Family
  /** The origin asks clients for credentials; missing: it does not. */
  readonly requireClients?: boolean
}

type Listed = Pick<
  SelectionCandidate,
  'name' | 'https' | 'state' | 'disabled' | 'mirror' | 'reach' | 'weight' | 'capacityBytesPerSecond'
>

/** Evenly spread over (0, 1): FNV-1a with MurmurHash3's last mix. */
const fractionOf = (text: string): number => {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 2 ** 32
}

/**
 * Weighted rendezvous: who has twice the capacity is first for twice as many clients, and who comes
 * or goes changes nobody else's order.
 */
const scoreOf = (asker: ListAsker, { name, weight, capacityBytesPerSecond }: Listed): number =>
  -Math.max(1, weight * capacityBytesPerSecond) / Math.log(fractionOf(`${asker.key}\n${name}`))

const mayServe = (candidate: Listed, asker: ListAsker): boolean =>
  !candidate.disabled &&
  !(asker.requireClients === true && candidate.mirror?.allowOpen === false) &&
  candidate.weight > 0 &&
  (candidate.state === 'synced' || candidate.state === 'syncing') &&
  (candidate.https || !asker.https) &&
  (asker.family !== 4 || candidate.reach !== 'v6')

/** At most `most` volunteers, best first; `ranking` is that of the candidates, by index. */
export const mirrorOrder = (
  candidates: readonly Listed[],
  ranking: Pick<Ranking, 'tierOf'>,
  asker: ListAsker,
  most: number,
): VolunteerName[] =>
  candidates
    .map((candidate, index) => ({ candidate, tier: ranking.tierOf[index] ?? 0 }))
    .filter(({ candidate }) => mayServe(candidate, asker))
    .map(each => ({ ...each, score: scoreOf(asker, each.candidate) }))
    .sort((one, other) => one.tier - other.tier || other.score - one.score)
    .slice(0, most)
    .map(({ candidate }) => candidate.name)
