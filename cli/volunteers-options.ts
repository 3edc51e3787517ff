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
