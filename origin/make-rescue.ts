// Makes the origin's rescue names, where its options allow them. No other decisions.

import { MirrorswarmError } from '../core/errors.ts'
import { isInZone } from '../core/rescue-zone.ts'
import type { OriginOptions } from './options.ts'
import { RescueNames, type RescueNamesParts } from './rescue-names.ts'

/** Throws MS_CONFIG_INVALID where rescue names cannot work. */
export const makeRescueNames = (
  {
    rescueZone: zone,
    publicUrl: originUrl,
    requireClients,
  }: Pick<OriginOptions, 'rescueZone' | 'publicUrl' | 'requireClients'>,
  parts: RescueNamesParts,
): RescueNames | null => {
  if (zone === null) return null
  const invalid = (why: string): never => {
    throw new MirrorswarmError('MS_CONFIG_INVALID', `--rescue-zone ${zone}: ${why}`)
  }
  if (originUrl === null)
    return invalid('volunteers’ ports are compared with --public-url: give it')
  if (requireClients && isInZone(new URL(originUrl).hostname, zone)) {
    return invalid('the origin’s own name lies in it, so a volunteer could get credentials')
  }
  return new RescueNames(parts, { zone, originUrl })
}
