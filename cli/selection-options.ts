// The origin's options for which volunteer serves whom; part of the one table of options.

import { parsePreferRule } from '../origin/logic/prefer-rules.ts'
import type { OptionTable } from './option-spec.ts'

export const selection = {
  prefer: {
    kind: 'list',
    placeholder: 'CIDR=NAMES',
    check: parsePreferRule,
    help: 'Clients of this network go to these volunteers first, e.g. 10.1.0.0/16=ada,bob or 10.2.0.0/16=site:physics; repeatable',
  },
  geoDatabase: {
    kind: 'list',
    placeholder: 'FILE',
    help: 'A MaxMind DB file (.mmdb) of countries or autonomous systems, to prefer near volunteers; repeatable',
  },
  maxShare: {
    kind: 'count',
    placeholder: 'PERCENT',
    check: text => {
      if (Number(text) > 100) throw new RangeError(`${text} % is more than all`)
    },
    help: 'Send at most this percentage of redirects and of their bytes to one volunteer',
  },
} as const satisfies OptionTable
