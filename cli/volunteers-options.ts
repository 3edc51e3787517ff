// Options of the commands by which an operator settles matters of one volunteer.

import { operator } from './operator-options.ts'
import type { OptionTable } from './option-spec.ts'
import { networkChoice, siteName, trustLevel, weightFactor } from './selection-options.ts'

const volunteerName = {
  kind: 'string',
  positional: true,
  required: true,
  placeholder: 'NAME',
  help: "The volunteer's name, as in volunteers list",
} as const

export const oneVolunteer = { name: volunteerName, ...operator } as const satisfies OptionTable

export const volunteerAdd = {
  name: { ...volunteerName, help: 'A name for it: a-z, 0-9 and -' },
  mirror: {
    kind: 'string',
    required: true,
    placeholder: 'URL',
    help: "The URL of a mirror that does not run mirrorswarm; the repository's paths are below it",
  },
  capacity: {
    kind: 'rate',
    placeholder: 'RATE',
    help: 'Send clients there for at most this much, e.g. 50MB/s or 1Gbit/s',
  },
  allowOpen: {
    kind: 'flag',
    help: 'Send clients there although the origin has --require-clients and the mirror asks nobody',
  },
  ...operator,
} as const satisfies OptionTable

export const volunteerWeight = {
  name: volunteerName,
  factor: weightFactor,
  ...operator,
} as const satisfies OptionTable

export const volunteerTrust = {
  name: volunteerName,
  level: trustLevel,
  ...operator,
} as const satisfies OptionTable

export const volunteerSite = {
  name: volunteerName,
  site: siteName,
  ...operator,
} as const satisfies OptionTable

export const volunteerNetworks = {
  name: volunteerName,
  ...networkChoice,
  ...operator,
} as const satisfies OptionTable
