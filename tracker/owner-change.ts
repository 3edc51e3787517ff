// What the operator decides about a volunteer, as the log has it.

import { MirrorswarmError } from '../core/errors.ts'
import type { VolunteerName } from '../core/ids.ts'
import { parseNetwork } from '../core/networks.ts'
import { volunteerNetworks } from '../core/selection-limits.ts'
import type { NetworkEvent, VolunteerRecord } from './events.ts'

export interface OwnerChange {
  readonly disabled?: boolean
  readonly drain?: boolean
  readonly weight?: number
  readonly trust?: VolunteerRecord['trust']
  /** Networks (CIDR) whose clients go there first. */
  readonly networks?: string[]
  /** Where it stands; null: nowhere in particular. */
  readonly site?: string | null
}

/** Throws MS_REQUEST_INVALID for networks that are none, or too many. */
const checkNetworks = (networks: readonly string[]): void => {
  if (networks.length > volunteerNetworks) {
    throw new MirrorswarmError('MS_REQUEST_INVALID', `more than ${volunteerNetworks} networks`)
  }
  try {
    networks.forEach(parseNetwork)
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'a network is none'
    throw new MirrorswarmError('MS_REQUEST_INVALID', reason, { cause: error })
  }
}

const sitePattern = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/

/** A name that the operator gives to a place: letters, digits, ".", "_" and "-". */
export const isSite = (text: string): boolean => sitePattern.test(text)

/** The event that a change makes. Throws MS_REQUEST_INVALID. */
export const ownerEvent = (name: VolunteerName, change: OwnerChange): NetworkEvent => {
  const { drain, ...rest } = change
  if (rest.networks !== undefined) checkNetworks(rest.networks)
  if (typeof rest.site === 'string' && !isSite(rest.site)) {
    throw new MirrorswarmError('MS_REQUEST_INVALID', 'a site is named by letters, digits, ". _ -"')
  }
  const settings = { ...rest, ...(drain === undefined ? {} : { draining: drain }) }
  return { type: 'owner', name, settings }
}
