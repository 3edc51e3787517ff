// How near volunteers are to a client, in tiers: the operator's rules, networks that a volunteer was
// approved for, the same site, the same AS, the same country, the rest. Pure; knows no load.

import type { VolunteerName } from '../../core/ids.ts'
import { addressBytes } from '../../core/networks.ts'
import type { PreferRule } from './prefer-rules.ts'
import type { PrefixMatch } from './prefix-table.ts'

export type TierKind = 'rule' | 'network' | 'site' | 'as' | 'country' | 'rest' | 'family'

/** IPv4 or IPv6 of a connection; null: not known. */
export type Family = 4 | 6 | null

/** By which families a volunteer's host name has addresses; 'any' also while that is not known. */
export type Reach = 'any' | 'v4' | 'v6'

/** Where a volunteer is, as far as it is known. */
export interface VolunteerPlace {
  readonly name: VolunteerName
  /** Named by the operator. */
  readonly site: string | null
  readonly asn: number | null
  /** ISO 3166, two letters. */
  readonly country: string | null
  readonly reach: Reach
}

/** Where a client is. */
export interface ClientPlace {
  readonly family: Family
  readonly asn: number | null
  readonly country: string | null
  /** The rules for its address, longest prefix first. */
  readonly rules: readonly PreferRule[]
  /** Volunteers (by index) whose networks its address lies in, longest prefix first. */
  readonly networks: readonly PrefixMatch<number>[]
}

/** Volunteers that are equally near. */
export interface Tier {
  readonly kind: TierKind
  /** Of the rule or network. */
  readonly prefixBits: number | null
  /** Indexes of volunteers. */
  readonly members: readonly number[]
}

/** All volunteers in order of closeness to the clients of one place. */
export interface Ranking {
  readonly family: Family
  /** Nearest first; none is empty. */
  readonly tiers: readonly Tier[]
  /** The tier of each volunteer, by its index. */
  readonly tierOf: Uint16Array
}

export const familyOf = (address: string | null): Family => {
  const bytes = address === null ? null : addressBytes(address)
  if (bytes === null) return null
  return bytes.length === 4 ? 4 : 6
}

/** Equal for clients that have the same ranking. */
export const placeKey = ({ family, asn, country, rules, networks }: ClientPlace): string => {
  const near = networks.map(({ prefixBits, values }) => `${prefixBits}:${values.join(',')}`)
  return [family, asn, country, rules.map(({ text }) => text).join(' '), near.join(' ')].join('|')
}

const follows = (rule: PreferRule, volunteer: VolunteerPlace): boolean =>
  rule.site === null ? rule.volunteers.includes(volunteer.name) : rule.site === volunteer.site

/** Sites of the client: named by a rule for it, or those of volunteers whose networks it is in. */
const sitesOf = (client: ClientPlace, volunteers: readonly VolunteerPlace[]): Set<string> => {
  const sites = new Set<string>()
  for (const { site } of client.rules) if (site !== null) sites.add(site)
  for (const { values } of client.networks) {
    for (const index of values) {
      const site = volunteers[index]?.site ?? null
      if (site !== null) sites.add(site)
    }
  }
  return sites
}

/** All volunteers in the order in which they are near to such clients. */
export const rank = (client: ClientPlace, volunteers: readonly VolunteerPlace[]): Ranking => {
  const { rules, networks, asn, country, family } = client
  const sites = sitesOf(client, volunteers)
  const places = networks.map(({ values }) => new Set(values))
  const kinds: { readonly kind: TierKind; readonly prefixBits: number | null }[] = [
    ...rules.map(({ network }) => ({ kind: 'rule' as const, prefixBits: network.prefixBits })),
    ...networks.map(({ prefixBits }) => ({ kind: 'network' as const, prefixBits })),
    ...(['site', 'as', 'country', 'rest', 'family'] as const).map(kind => ({
      kind,
      prefixBits: null,
    })),
  ]
  const plain = rules.length + networks.length
  const levelOf = (volunteer: VolunteerPlace, index: number): number => {
    const rule = rules.findIndex(each => follows(each, volunteer))
    if (rule >= 0) return rule
    const network = places.findIndex(members => members.has(index))
    if (network >= 0) return rules.length + network
    // Who came by IPv6 may have no IPv4 at all; such a volunteer is better than none, no more.
    if (family === 6 && volunteer.reach === 'v4') return plain + 4
    if (volunteer.site !== null && sites.has(volunteer.site)) return plain
    if (asn !== null && volunteer.asn === asn) return plain + 1
    if (country !== null && volunteer.country === country) return plain + 2
    return plain + 3
  }
  const members: number[][] = kinds.map(() => [])
  const levels = volunteers.map(levelOf)
  levels.forEach((level, index) => {
    members[level]?.push(index)
  })
  const tiers: Tier[] = []
  const tierOfLevel = members.map((some, level) => {
    const kind = kinds[level]
    return some.length === 0 || kind === undefined ? 0 : tiers.push({ ...kind, members: some }) - 1
  })
  const tierOf = Uint16Array.from(levels, level => tierOfLevel[level] ?? 0)
  return { family, tiers, tierOf }
}
