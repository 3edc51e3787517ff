// Which addresses a volunteer may be at, checked where connections are made. It makes none itself.

import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { classifyAddress } from './networks.ts'

/** Whether a volunteer may be at this address; at a loopback one only if that is asked for. */
export const isVolunteerAddress = (address: string, allowLoopback: boolean): boolean => {
  const kind = classifyAddress(address)
  return kind === 'public' || kind === 'private' || (kind === 'loopback' && allowLoopback)
}

/**
 * A lookup for connections. The addresses are judged in the very lookup that the connection uses, so
 * a name cannot lead elsewhere between the check and the connection.
 */
export const guardedLookup =
  (allowLoopback: boolean): LookupFunction =>
  (hostname, options, callback) => {
    systemLookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '', 0)
      const allowed = addresses.filter(each => isVolunteerAddress(each.address, allowLoopback))
      const [first] = allowed
      if (first === undefined) {
        return callback(new Error(`${hostname} leads to no address others can reach`), '', 0)
      }
      return options.all === true
        ? callback(null, allowed)
        : callback(null, first.address, first.family)
    })
  }
