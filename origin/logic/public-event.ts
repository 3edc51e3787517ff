// What the log's events are to others: no keys, no sessions, no contents; and those of them that
// people care about as a sentence.

import type { NetworkEvent } from '../../tracker/events.ts'

/** An event of the log as anybody who may watch sees it. */
export interface PublicEvent {
  readonly type: NetworkEvent['type']
  readonly name?: string
  readonly [field: string]: unknown
}

/** `full`: the reader may read every path; else reasons, which may name files, are left out. */
export const publicEvent = (event: NetworkEvent, full: boolean): PublicEvent => {
  switch (event.type) {
    case 'enrolled': {
      const { name, url, trust, reachable, enrolledMs, mirror } = event.volunteer
      const kind = mirror === undefined ? {} : { mirror: true }
      return { type: event.type, name, url, trust, reachable, enrolledMs, ...kind }
    }
    case 'owner': {
      const { networks: _, ...settings } = event.settings
      return { type: event.type, name: event.name, settings }
    }
    case 'suspicion': {
      const { type, name, suspicion } = event
      if (suspicion === null) return { type, name, suspicion }
      const { quarantined, reason, by, sinceMs } = suspicion
      return { type, name, suspicion: { quarantined, by, sinceMs, ...(full ? { reason } : {}) } }
    }
    case 'snapshot':
      return { type: event.type, epoch: event.epoch, number: event.number }
    case 'reachable':
      return { type: event.type, name: event.name, reachable: event.reachable }
    case 'manifest': {
      const { epoch, snapshot } = event.position
      return { type: event.type, name: event.name, epoch, snapshot }
    }
    case 'holdings':
      return { type: event.type, name: event.name, epoch: event.epoch, version: event.version }
    case 'removed':
    case 'withdrawn':
      return { type: event.type, name: event.name }
  }
}

const ownerText = (
  name: string,
  settings: Extract<NetworkEvent, { type: 'owner' }>['settings'],
): string => {
  const { disabled, draining, weight, trust, site, networks } = settings
  const parts = [
    ...(disabled === undefined ? [] : [disabled ? 'disabled' : 'enabled']),
    ...(draining === undefined ? [] : [draining ? 'drained' : 'no longer drained']),
    ...(weight === undefined ? [] : [`weight ${weight}`]),
    ...(trust === undefined ? [] : [`trust ${trust}`]),
    ...(site === undefined ? [] : [site === null ? 'no site' : `site ${site}`]),
    ...(networks === undefined ? [] : ['networks changed']),
  ]
  return `${name}: ${parts.join(', ')} by the operator`
}

/** For people; null: nobody cares. It names no files. */
export const happeningText = (event: NetworkEvent): string | null => {
  switch (event.type) {
    case 'enrolled':
      return `${event.volunteer.name} enrolled`
    case 'removed':
      return `${event.name} was removed`
    case 'owner':
      return ownerText(event.name, event.settings)
    case 'reachable':
      return `${event.name} ${event.reachable ? 'can' : 'cannot'} be reached from outside`
    case 'suspicion':
      if (event.suspicion === null) return `${event.name} is trusted again`
      return event.suspicion.quarantined ? `${event.name} is quarantined` : null
    case 'snapshot':
      return `snapshot ${event.number} was published`
    case 'manifest':
    case 'holdings':
    case 'withdrawn':
      return null
  }
}
