// Rescue names: a name for each volunteer in a DNS zone of the operator's, whose addresses are the
// volunteer's and, second, the origin's. Clients that cannot reach the first go on to the second by
// themselves. Which volunteers can have one, and the zone's records; nothing is looked up here.

import ipaddr from 'ipaddr.js'
import type { VolunteerName } from './ids.ts'

/** In front of a volunteer's name: the name that has the volunteer's own addresses alone. */
const onlyPrefix = 'only-'
const labelCharacters = 63
const zonePattern =
  /^(?=.{1,180}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/

/** A zone as it may be written: lower case, two labels at least; null for anything else. */
export const parseZone = (text: string): string | null => {
  const zone = text.toLowerCase().replace(/\.$/, '')
  return zonePattern.test(zone) ? zone : null
}

/** Whether a host is the zone, or could be the name of something in it. */
export const isInZone = (host: string, zone: string): boolean =>
  `.${host.toLowerCase().replace(/\.$/, '')}`.endsWith(`.${zone}`)

export interface RescueName {
  readonly name: VolunteerName
  /** Whether it is the name without the origin's addresses. */
  readonly only: boolean
}

/** Whose name a Host header is; null: another's. */
export const rescueNameOf = (host: string | undefined, zone: string): RescueName | null => {
  const bare = (host ?? '').toLowerCase().replace(/:\d{1,5}$/, '')
  if (!bare.endsWith(`.${zone}`)) return null
  const label = bare.slice(0, -zone.length - 1)
  if (!/^[a-z0-9-]{1,63}$/.test(label)) return null
  const only = label.startsWith(onlyPrefix)
  return { name: (only ? label.slice(onlyPrefix.length) : label) as VolunteerName, only }
}

/** The host names of a volunteer. */
export const rescueHosts = (name: VolunteerName, zone: string) => ({
  both: `${name}.${zone}`,
  only: `${onlyPrefix}${name}.${zone}`,
})

/** A volunteer's URL under another host name, without a slash at the end. */
export const withHost = (url: string, host: string): string => {
  const { protocol, port, pathname } = new URL(url)
  return `${protocol}//${host}${port === '' ? '' : `:${port}`}${pathname.replace(/\/+$/, '')}`
}

const isLiteral = (host: string): boolean => ipaddr.isValid(host.replace(/^\[|\]$/g, ''))

/** Why a volunteer cannot have a rescue name; null: it can. */
export const rescueObstacle = (
  name: VolunteerName,
  volunteerUrl: string,
  originUrl: string,
): string | null => {
  const volunteer = new URL(volunteerUrl)
  const origin = new URL(originUrl)
  if (name.startsWith(onlyPrefix)) return `its name begins with "${onlyPrefix}"`
  if (onlyPrefix.length + name.length > labelCharacters) return 'its name is too long'
  if (volunteer.protocol !== origin.protocol) {
    return `it serves ${volunteer.protocol.slice(0, -1)}, the origin ${origin.protocol.slice(0, -1)}`
  }
  if (volunteer.port !== origin.port) return 'its port is not the origin’s'
  if (volunteer.pathname.replace(/\/+$/, '') !== origin.pathname.replace(/\/+$/, '')) {
    return 'the path of its URL is not the origin’s'
  }
  if (volunteer.hostname === origin.hostname && !isLiteral(origin.hostname)) {
    return 'it has the origin’s own name'
  }
  return null
}

const normal = (address: string): string =>
  ipaddr.isValid(address) ? ipaddr.process(address).toNormalizedString() : address

/** What is wrong with a zone's records for a volunteer; null: nothing. */
export const recordsProblem = (found: {
  readonly both: readonly string[]
  readonly only: readonly string[]
  /** Of the host in the volunteer's own URL. */
  readonly volunteer: readonly string[]
}): string | null => {
  const own = new Set(found.volunteer.map(normal))
  const both = found.both.map(normal)
  if (own.size === 0) return 'its own name has no address'
  if (!both.some(address => own.has(address))) return 'the zone does not name its address'
  if (both.every(address => own.has(address))) return 'the zone does not name the origin beside it'
  if (found.only.length === 0) return `the zone has no "${onlyPrefix}" name for it`
  return found.only.every(address => own.has(normal(address)))
    ? null
    : `its "${onlyPrefix}" name leads elsewhere, too`
}

/** A and AAAA records of one volunteer, as lines of a zone file; the volunteer's addresses first. */
export const zoneLines = (
  name: VolunteerName,
  volunteer: readonly string[],
  origin: readonly string[],
  ttlSeconds: number,
): string[] => {
  const line = (label: string, address: string): string =>
    `${label} ${ttlSeconds} IN ${address.includes(':') ? 'AAAA' : 'A'} ${address}`
  const own = [...new Set(volunteer.map(normal))]
  const others = [...new Set(origin.map(normal))].filter(address => !own.includes(address))
  return [
    ...[...own, ...others].map(address => line(name, address)),
    ...own.map(address => line(`${onlyPrefix}${name}`, address)),
  ]
}
