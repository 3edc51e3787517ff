// One load test: k6 against a running network, its incidents at their time, what daemons said
// meanwhile, and whether all of that is as it has to be.

import { join } from 'node:path'
import { describeError } from '../../core/errors.ts'
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
  /** Empty: all is as it has to be. */
  readonly problems: readonly string[]
}

const shareOfVolunteers = ({ counts }: K6Result): number => {
  const volunteers = counts.bytes_from_volunteers ?? 0
  const all = volunteers + (counts.bytes_from_origin ?? 0)
  return all === 0 ? 0 : volunteers / all
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

/** Whatever is not as the scenario demands. */
export const problemsOf = (scenario: Scenario, k6: K6Result, happened: number): string[] => {
  const share = shareOfVolunteers(k6)
  const problems = k6.crossed.map(threshold => `threshold not held: ${threshold}`)
  if (scenario.volunteerShare !== null && share < scenario.volunteerShare) {
    problems.push(`${percent(share)} from volunteers, not ${percent(scenario.volunteerShare)}`)
  }
  if (happened < scenario.incidents.length) problems.push('the test ended before all incidents')
  if (k6.status !== 0 && problems.length === 0) {
    problems.push(`k6 ended with ${k6.status}: ${k6.output.slice(-2_000)}`)
  }
  return problems
}

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
  const problems = [...problemsOf(scenario, k6, marks.length), ...failures]
  const volunteerShare = shareOfVolunteers(k6)
  return { scenario, k6, network: sampler.samples, marks, volunteerShare, problems }
}
