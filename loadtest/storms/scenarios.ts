// The load tests: what each one asks of the network, and what happens to it meanwhile.

import type { Network, Volunteer } from '../network.ts'
import { type ReleaseOptions, writeNextEdition } from './release.ts'

export const scenarioNames = [
  'steady',
  'slow-clients',
  'resume-storm',
  'one-address',
  'flash-crowd',
  'auth-storm',
] as const

export type ScenarioName = (typeof scenarioNames)[number]

/** Something that happens to the network while users are there. */
export interface Incident {
  /** Of the length of the test, 0 to 1. */
  readonly at: number
  readonly text: string
  happen(network: Network, release: ReleaseOptions): Promise<void>
}

export interface Scenario {
  readonly name: ScenarioName
  readonly script: string
  readonly about: string
  readonly users: number
  readonly seconds: number
  /** Users come from many addresses of 127.0.0.0/8, or from this one, said by a proxy's header. */
  readonly addresses: 'many' | { readonly forwardedFor: string }
  /** Bytes a second of a slow line, for the script that has some. */
  readonly slowBytesPerSecond: number | null
  /** The origin asks for credentials. */
  readonly closed: boolean
  readonly incidents: readonly Incident[]
  /** Of the bytes that users received, at least this share is to come from volunteers. */
  readonly volunteerShare: number | null
}

const publishNext: Incident = {
  at: 0.25,
  text: 'a publish',
  async happen(network, release) {
    writeNextEdition(network.repository, release)
    await network.publish()
  },
}

/** The one that is killed is the last: others have its name in their logs still. */
const victim = (network: Network): Volunteer => {
  const last = network.volunteers.findLast(volunteer => volunteer.running)
  if (last === undefined) throw new Error('no volunteer runs')
  return last
}

const killOne: Incident = {
  at: 0.5,
  text: 'kill -9 of a volunteer',
  happen: network => victim(network).kill(),
}

const usual = {
  addresses: 'many',
  slowBytesPerSecond: null,
  closed: false,
  incidents: [],
  volunteerShare: 0.95,
} as const

/** `0.95` is asked for wherever volunteers have everything and clients take whole files. */
export const scenarios: readonly Scenario[] = [
  {
    ...usual,
    name: 'steady',
    script: 'steady',
    about: 'A release and the three days after it, drawn together',
    users: 500,
    seconds: 60,
    incidents: [publishNext],
  },
  {
    ...usual,
    name: 'slow-clients',
    script: 'slow-clients',
    about: 'Hundreds of clients on lines of 32 KiB/s, and some quick ones among them',
    users: 800,
    seconds: 40,
    slowBytesPerSecond: 32 << 10,
  },
  {
    ...usual,
    name: 'resume-storm',
    script: 'resume-storm',
    about: 'All resume a broken download of an image at the same moment',
    users: 400,
    seconds: 20,
  },
  {
    ...usual,
    name: 'one-address',
    script: 'flash-crowd',
    about: 'Hundreds of users behind one NAT: one address, one User-Agent',
    users: 500,
    seconds: 30,
    addresses: { forwardedFor: '203.0.113.7' },
    // One client, as far as an origin can tell: it gets one repeat of a file a minute by itself.
    volunteerShare: null,
  },
  {
    ...usual,
    name: 'flash-crowd',
    script: 'flash-crowd',
    about: 'Release day: everybody at once, a publish, and a volunteer that dies at half-time',
    users: 2_000,
    seconds: 60,
    incidents: [publishNext, killOne],
  },
  {
    ...usual,
    name: 'auth-storm',
    script: 'auth-storm',
    about: 'Clients with credentials among such that guess, and such that have none',
    users: 300,
    seconds: 30,
    closed: true,
  },
]
