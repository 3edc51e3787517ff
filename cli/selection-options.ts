// The origin's options for which volunteer serves whom; part of the one table of options.

import { MirrorswarmError } from '../core/errors.ts'
import { parseNetwork } from '../core/networks.ts'
import { parsePreferRule } from '../origin/logic/prefer-rules.ts'
import { isSite } from '../tracker/owner-change.ts'
import type { OptionTable } from './option-spec.ts'

export const selection = {
  prefer: {
    kind: 'list',
    reloads: true,
    placeholder: 'CIDR=NAMES',
    check: parsePreferRule,
    help: 'Clients of this network go to these volunteers first, e.g. 10.1.0.0/16=ada,bob or 10.2.0.0/16=site:physics; repeatable',
  },
  geoDatabase: {
    kind: 'list',
    reloads: true,
    placeholder: 'FILE',
    help: 'A MaxMind DB file (.mmdb) of countries or autonomous systems, to prefer near volunteers; repeatable',
  },
  maxShare: {
    kind: 'count',
    reloads: true,
    placeholder: 'PERCENT',
    check: text => {
      if (Number(text) > 100) throw new RangeError(`${text} % is more than all`)
    },
    help: 'Send at most this percentage of redirects and of their bytes to one volunteer',
  },
} as const satisfies OptionTable

/** A factor on a volunteer's capacity. Throws MS_CONFIG_INVALID. */
export const parseWeight = (text: string): number => {
  const weight = /^\d{1,4}(?:\.\d{1,4})?$/.test(text) ? Number(text) : -1
  if (weight >= 0 && weight <= 1000) return weight
  throw new MirrorswarmError('MS_CONFIG_INVALID', `"${text}" is not a factor from 0 to 1000`)
}

export const weightFactor = {
  kind: 'string',
  positional: true,
  required: true,
  placeholder: 'FACTOR',
  check: parseWeight,
  help: 'Factor on its capacity: 1 as it is, 0.5 half of its part, 0 only when nobody else can serve',
} as const

export const trustLevel = {
  kind: 'string',
  positional: true,
  required: true,
  placeholder: 'LEVEL',
  choices: ['full', 'signed-only'],
  help: 'full, or signed-only: it serves only what signed indexes of the repository name',
} as const

export const siteName = {
  kind: 'string',
  positional: true,
  required: true,
  placeholder: 'SITE',
  check: (text: string) => {
    if (text !== '-' && !isSite(text)) throw new RangeError('use letters, digits, ". _ -"')
  },
  help: 'A name for where it stands, the same for all volunteers there; "-" for none',
} as const

export const networkChoice = {
  network: {
    kind: 'list',
    placeholder: 'CIDR',
    check: parseNetwork,
    help: 'Clients of this network go to it first; repeatable, replaces what was approved',
  },
  asked: { kind: 'flag', help: 'Approve the networks that its owner asks for' },
  none: { kind: 'flag', help: 'Approve none' },
} as const
