// Options of all commands by which an operator acts on an origin.

import type { OptionTable } from './option-spec.ts'

export const config = {
  kind: 'path',
  placeholder: 'FILE',
  help: 'Read options from this YAML file',
} as const

export const json = { kind: 'flag', help: 'Print JSON instead of text' } as const

export const operator = {
  data: {
    kind: 'path',
    placeholder: 'DIR',
    help: "Act on this origin's data folder, whether the origin is running or not",
  },
  origin: {
    kind: 'url',
    placeholder: 'URL',
    help: 'Act on the origin at this URL instead; needs --operator-token',
  },
  operatorToken: {
    kind: 'string',
    placeholder: 'TOKEN',
    help: "The operator's token, from the origin's data folder (better given by the environment)",
  },
  json,
  config,
} as const satisfies OptionTable

/** Copies files, so it works on the origin's machine alone. */
export const backup = {
  target: {
    kind: 'path',
    positional: true,
    required: true,
    placeholder: 'TARGET_DIR',
    help: 'The folder to fill; it is made, or empty',
  },
  data: {
    kind: 'path',
    required: true,
    placeholder: 'DIR',
    help: "The origin's data folder, whether the origin is running or not",
  },
  json,
  config,
} as const satisfies OptionTable

/** Of the command that shows how a daemon is. */
export const status = {
  url: {
    kind: 'url',
    placeholder: 'URL',
    help: 'Show the volunteer at this URL instead of an origin',
  },
  ...operator,
  data: { ...operator.data, help: 'Show the origin or the volunteer of this data folder' },
} as const satisfies OptionTable
