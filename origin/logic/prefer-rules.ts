// The operator's rules of --prefer: clients of a network go to named volunteers, or to those of a
// site. Read strictly: a rule that cannot be kept is refused at the start. Pure.

import { MirrorswarmError } from '../../core/errors.ts'
import { isVolunteerName, type VolunteerName } from '../../core/ids.ts'
import { type Network, parseNetwork } from '../../core/networks.ts'
import { preferNames, preferRules } from '../../core/selection-limits.ts'
import { isSite } from '../../tracker/owner-change.ts'

export interface PreferRule {
  /** As the operator wrote it. */
  readonly text: string
  readonly network: Network
  readonly volunteers: readonly VolunteerName[]
  /** The site whose volunteers are meant, and that the clients belong to; null: none. */
  readonly site: string | null
}

const invalid = (text: string, reason: string): MirrorswarmError =>
  new MirrorswarmError(
    'MS_CONFIG_INVALID',
    `"${text}" ${reason}; write for example 10.1.0.0/16=ada,bob or 10.2.0.0/16=site:physics`,
  )

/** Read 'CIDR=NAME,NAME' or 'CIDR=site:SITE'. Throws MS_CONFIG_INVALID. */
export const parsePreferRule = (text: string): PreferRule => {
  const equals = text.indexOf('=')
  if (equals < 0) throw invalid(text, 'is not a rule')
  const network = parseNetwork(text.slice(0, equals))
  const target = text.slice(equals + 1).trim()
  if (target.startsWith('site:')) {
    const site = target.slice('site:'.length)
    if (!isSite(site)) throw invalid(text, 'does not name a site')
    return { text, network, volunteers: [], site }
  }
  const names = target.split(',').map(name => name.trim())
  if (names.length > preferNames) throw invalid(text, `names more than ${preferNames} volunteers`)
  const wrong = names.find(name => !isVolunteerName(name))
  if (wrong !== undefined) throw invalid(text, `does not name a volunteer by "${wrong}"`)
  return { text, network, volunteers: names as VolunteerName[], site: null }
}

const sameNetwork = (one: Network, other: Network): boolean =>
  one.prefixBits === other.prefixBits &&
  one.base.kind() === other.base.kind() &&
  // Bits behind the prefix do not matter.
  one.base.match(other.base, one.prefixBits)

/** All rules; two for one network would contradict each other. Throws MS_CONFIG_INVALID. */
export const parsePreferRules = (texts: readonly string[]): PreferRule[] => {
  if (texts.length > preferRules) throw invalid(`${texts.length} rules`, 'are too many')
  const rules = texts.map(parsePreferRule)
  const seen = new Map<string, PreferRule[]>()
  for (const rule of rules) {
    const alike = seen.get(String(rule.network.prefixBits)) ?? []
    const other = alike.find(({ network }) => sameNetwork(network, rule.network))
    if (other !== undefined) throw invalid(rule.text, `and "${other.text}" are for one network`)
    seen.set(String(rule.network.prefixBits), [...alike, rule])
  }
  return rules
}

/** Names in the rules that no volunteer has: slips of the pen, or volunteers yet to come. */
export const unknownPreferred = (
  rules: readonly PreferRule[],
  known: ReadonlySet<VolunteerName>,
): VolunteerName[] => [
  ...new Set(rules.flatMap(({ volunteers }) => volunteers).filter(name => !known.has(name))),
]
