// One load test: k6 against a running network, its incidents at their time, what daemons said
// meanwhile, and whether all of that is as it has to be.

import { join } from 'node:path'
import { describeError } from '../../core/errors.ts'
import { type Demand, demandsOf, shareOfVolunteers } from './demands.ts'
import { type K6Result, runK6 } from './k6-run.ts'
import { type NetworkSample, Sampler } from './sampler.ts'
import type { Scenario } from './scenarios.ts'
import { SlowRelay } from './slow-relay.ts'
import type { Stage } from './stage.ts'

export interface ScenarioRun {
  readonly scenario: Scenario
  readonly k6: K6Result
  readonly network: readonly NetworkSample[]
  /** When incidents happened, by the clock of the samples. */
  readonly marks: readonly { readonly atMs: number; readonly text: string }[]
  /** Of the bytes that users received: the volunteers' part, 0 to 1. */
  readonly volunteerShare: number
  readonly demands: readonly Demand[]
  /** Demands that did not hold, and what else went wrong; empty: all is as it has to be. */
  readonly problems: readonly string[]
}

/** A run that came to nothing: the network or k6 did not start, or broke off. */
export const brokenRun = (scenario: Scenario, why: string): ScenarioRun => ({
  scenario,
  k6: {
    ...{ thresholds: [], counts: {}, trends: {}, samples: [] },
    ...{ status: null, output: '', usersSinceMs: null },
  },
  ...{ network: [], marks: [], volunteerShare: 0, demands: [], problems: [why] },
})

/** A slow relay in front of each daemon that clients may be sent to. */
const startRelays = async ({ network }: Stage, bytesPerSecond: number) => {
  const relays: SlowRelay[] = []
  const ports: Record<string, string> = {}
  for (const { url } of [network.origin, ...network.volunteers.filter(each => each.running)]) {
    const { port } = new URL(url)
    const relay = await SlowRelay.start(Number(port), bytesPerSecond)
    relays.push(relay)
    ports[port] = String(relay.port)
  }
  return { relays, ports }
}

/** More loopback addresses than users, of each a /24 or more: near clients look alike to an origin. */
const manyAddresses = '127.16.0.0/16'

/** Run one scenario on a network that is ready. Reports are written to `folder`. */
export const runScenario = async (
  scenario: Scenario,
  stage: Stage,
  folder: string,
): Promise<ScenarioRun> => {
  const { network, release, workloadFile } = stage
  const { relays, ports } =
    scenario.slowBytesPerSecond === null
      ? { relays: [], ports: {} }
      : await startRelays(stage, scenario.slowBytesPerSecond)
  const sampler = new Sampler(network)
  const due = [...scenario.incidents].sort((a, b) => a.at - b.at)
  const marks: { atMs: number; text: string }[] = []
  const happening: Promise<void>[] = []
  const failures: string[] = []
  const startDue = (elapsedMs: number): void => {
    while (due[0] !== undefined && elapsedMs >= due[0].at * scenario.seconds * 1_000) {
      const incident = due.shift()
      if (incident === undefined) return
      marks.push({ atMs: performance.now(), text: incident.text })
      const happened = incident.happen(network, release).catch((error: unknown) => {
        failures.push(`${incident.text} failed: ${describeError(error)}`)
      })
      happening.push(happened)
    }
  }
  const { addresses } = scenario
  const k6 = await runK6(
    {
      script: scenario.script,
      environment: {
        ORIGIN_URL: network.origin.url,
        WORKLOAD: workloadFile,
        USERS: String(scenario.users),
        SECONDS: String(scenario.seconds),
        SLOW_PORTS: JSON.stringify(ports),
        ...(addresses === 'many' ? {} : { FORWARDED_FOR: addresses.forwardedFor }),
      },
      localIps: addresses === 'many' ? manyAddresses : null,
      outputPrefix: join(folder, scenario.name),
      timeoutMs: (scenario.seconds + 240) * 1_000,
    },
    startDue,
  ).finally(async () => {
    await Promise.all(relays.map(relay => relay.stop()))
    await sampler.stop()
  })
  await Promise.all(happening)
  const demands = demandsOf(scenario, k6, marks.length)
  const broken = demands.filter(({ held }) => !held).map(({ text }) => `not so: ${text}`)
  const problems = [...broken, ...failures]
  const volunteerShare = shareOfVolunteers(k6)
  return { scenario, k6, network: sampler.samples, marks, volunteerShare, demands, problems }
}
