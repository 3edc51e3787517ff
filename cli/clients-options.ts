// Options of the commands that manage clients' credentials; a part of the one table of options.

import { parseNetwork } from '../core/networks.ts'
import { operator } from './operator-options.ts'
import type { OptionTable } from './option-spec.ts'

const clientName = {
  kind: 'string',
  positional: true,
  required: true,
  placeholder: 'NAME',
  help: 'The name of the client, its user name for HTTP Basic',
} as const

export const clientAdd = {
  name: clientName,
  path: {
    kind: 'list',
    placeholder: 'PREFIX',
    help: 'It may read only what lies below, e.g. /pool/main; repeatable (default: everything)',
  },
  network: {
    kind: 'list',
    placeholder: 'CIDR',
    check: parseNetwork,
    help: 'It is known by its address in this network and gets no secret; repeatable',
  },
  passwordFile: {
    kind: 'path',
    placeholder: 'FILE',
    help: 'Take the first line of this file as its password instead of making a secret',
  },
  ...operator,
} as const satisfies OptionTable

export const oneClient = { name: clientName, ...operator } as const satisfies OptionTable

/** Of the origin. */
export const pages = {
  publicDashboard: {
    kind: 'flag',
    help: 'Show /-/ui/ and /-/events to whoever may read files (default: to the operator)',
  },
  package: {
    kind: 'path',
    reloads: true,
    placeholder: 'FILE',
    help: 'What volunteers install: the file that npm pack makes, served at /-/mirrorswarm.tgz',
  },
} as const satisfies OptionTable
