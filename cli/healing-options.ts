// The options of what lets failed downloads heal: audits and rescue names. Part of the table in
// options.ts.

import { parseNetwork } from '../core/networks.ts'
import { parseZone } from '../core/rescue-zone.ts'
import { operator } from './operator-options.ts'
import type { OptionTable } from './option-spec.ts'

const checkZone = (text: string): void => {
  if (parseZone(text) === null) throw new RangeError(`"${text}" is no DNS zone`)
}

export const healing = {
  rescueZone: {
    kind: 'string',
    placeholder: 'ZONE',
    check: checkZone,
    help: 'Redirect to names in this DNS zone that lead to the origin where a volunteer is dead; see mirrorswarm rescue-zone',
  },
  auditInterval: {
    kind: 'duration',
    placeholder: 'TIME',
    default: '60s',
    help: 'How often, on average, to look at some volunteer as a client would, and compare the bytes',
  },
} as const satisfies OptionTable

export const rescueZone = {
  zone: {
    kind: 'string',
    positional: true,
    required: true,
    placeholder: 'ZONE',
    check: checkZone,
    help: 'The DNS zone, as in --rescue-zone',
  },
  publicUrl: {
    kind: 'url',
    required: true,
    placeholder: 'URL',
    help: "The origin's public URL",
  },
  address: {
    kind: 'list',
    placeholder: 'IP',
    check: parseNetwork,
    help: "An address of the origin's; repeatable (default: those of its public URL)",
  },
  ttl: {
    kind: 'duration',
    placeholder: 'TIME',
    default: '60s',
    help: 'How long resolvers may remember the records',
  },
  ...operator,
} as const satisfies OptionTable
