// mirrorswarm rescue-zone: the records of the DNS zone that rescue names need, made from who is
// enrolled and where they are now.

import { lookup } from 'node:dns/promises'
import { describeError, MirrorswarmError } from '../../core/errors.ts'
import type { VolunteerName } from '../../core/ids.ts'
import { parseZone, rescueObstacle, zoneLines } from '../../core/rescue-zone.ts'
import type { Io } from '../io.ts'
import { withOperator } from '../operator/open-operator.ts'
import type { Values } from '../option-spec.ts'
import type { optionTables } from '../options.ts'

type Options = Values<typeof optionTables.rescueZone>

interface ZoneVolunteer {
  readonly name: string
  readonly url: string
  readonly records: readonly string[]
  /** Why it has none; null: it has. */
  readonly obstacle: string | null
}

const addressesOf = async (url: string): Promise<string[]> => {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  return (await lookup(host, { all: true })).map(({ address }) => address)
}

const lookAt = async (
  { name, url }: { readonly name: string; readonly url: string },
  { publicUrl, ttl }: Options,
  origin: readonly string[],
): Promise<ZoneVolunteer> => {
  const volunteer = name as VolunteerName
  const about = { name, url, records: [] }
  const obstacle = rescueObstacle(volunteer, url, publicUrl)
  if (obstacle !== null) return { ...about, obstacle }
  try {
    const own = await addressesOf(url)
    if (own.every(address => origin.includes(address))) {
      return { ...about, obstacle: 'its addresses are the origin’s' }
    }
    const records = zoneLines(volunteer, own, origin, Math.max(1, Math.round(ttl / 1000)))
    return { ...about, records, obstacle: null }
  } catch (error) {
    return { ...about, obstacle: describeError(error) }
  }
}

const originAddresses = async ({ address, publicUrl }: Options): Promise<readonly string[]> => {
  if (address.length > 0) return address
  try {
    return await addressesOf(publicUrl)
  } catch (error) {
    throw new MirrorswarmError(
      'MS_CONFIG_INVALID',
      `the host of ${publicUrl} has no address (${describeError(error)}): give --address`,
      { cause: error },
    )
  }
}

export const runRescueZone = async (options: Options, io: Io): Promise<void> => {
  const zone = parseZone(options.zone) ?? options.zone
  const origin = await originAddresses(options)
  const rows = await withOperator(options, operator => operator.volunteers())
  // Mirrors without our daemon know no such names.
  const ours = rows.filter(({ mirror }) => mirror !== true)
  const looked = await Promise.all(ours.map(row => lookAt(row, options, origin)))
  if (options.json) {
    io.print(JSON.stringify({ zone, origin, volunteers: looked }, null, 2))
    return
  }
  const lines = [`$ORIGIN ${zone}.`]
  for (const { name, records, obstacle } of looked) {
    lines.push(...(obstacle === null ? records : [`; ${name} has none: ${obstacle}`]))
  }
  io.print(lines.join('\n'))
}
