// What a volunteer's owner settles about which files it holds, and how much of them.

import type { OptionTable } from './option-spec.ts'

export const holding = {
  include: {
    kind: 'list',
    reloads: true,
    placeholder: 'GLOB',
    help: 'Mirror only paths that match, e.g. "pool/main/**" or "*.iso"; repeatable',
  },
  exclude: {
    kind: 'list',
    reloads: true,
    placeholder: 'GLOB',
    help: 'Leave out paths that match; wins over --include; repeatable',
  },
} as const satisfies OptionTable
