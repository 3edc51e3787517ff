// Load tests with real k6 against a network of real processes on this machine, and a report of them.
// Usage: node loadtest/storms/main.ts [--only NAME,…] [--users N] [--seconds N] [--volunteers 4] [--report FOLDER]

import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { describeError } from '../../core/errors.ts'
import { formatSize } from '../../core/units.ts'
import { missingK6 } from './k6-run.ts'
import { figuresRow, reportPage } from './report.ts'
import { brokenRun, runScenario, type ScenarioRun } from './run-scenario.ts'
import { type Scenario, scenarios } from './scenarios.ts'
import { type Stage, startStage } from './stage.ts'

export interface StormOptions {
  readonly scenarios: readonly Scenario[]
  readonly volunteers: number
  readonly reportFolder: string
  say(line: string): void
}

const aboutMachine = (volunteers: number): string[] => [
  `${volunteers} volunteers and their origin, ${cpus().length} processors, ${formatSize(totalmem())} of memory`,
  `Node ${process.version}, ${new Date().toISOString()}`,
]

/** Restart what an incident ended, so that the next scenario has all volunteers. */
const restore = async ({ network }: Stage): Promise<void> => {
  const dead = network.volunteers.filter(volunteer => !volunteer.running)
  await Promise.all(dead.map(volunteer => volunteer.start()))
  await network.waitForState('synced', { timeoutMs: 180_000 })
}

/** Run those of one kind of network, one after the other on the same; nothing is thrown. */
const runGroup = async (
  chosen: readonly Scenario[],
  closed: boolean,
  options: StormOptions,
  ended: (run: ScenarioRun) => void,
): Promise<void> => {
  let stage: Stage
  try {
    stage = await startStage({ volunteers: options.volunteers, closed })
  } catch (error) {
    const why = `the network did not start: ${describeError(error)}`
    for (const scenario of chosen) ended(brokenRun(scenario, why))
    return
  }
  for (const scenario of chosen) {
    options.say(`${scenario.name}: ${scenario.users} users, ${scenario.seconds} s`)
    try {
      await restore(stage)
      ended(await runScenario(scenario, stage, options.reportFolder))
    } catch (error) {
      ended(brokenRun(scenario, `it broke off: ${describeError(error)}`))
    }
  }
  await stage.network.stop()
}

/**
 * Run scenarios, and write the report after each of them, so that it tells what happened however this
 * ends.
 */
export const runStorms = async (given: StormOptions): Promise<ScenarioRun[]> => {
  const options = { ...given, reportFolder: resolve(given.reportFolder) }
  const { reportFolder, say } = options
  mkdirSync(reportFolder, { recursive: true })
  const runs: ScenarioRun[] = []
  const ended = (run: ScenarioRun): void => {
    runs.push(run)
    say(JSON.stringify(figuresRow(run)))
    for (const problem of run.problems) say(`  ${problem}`)
    const page = reportPage(runs, options.scenarios, aboutMachine(options.volunteers))
    writeFileSync(join(reportFolder, 'index.html'), page)
  }
  for (const closed of [false, true]) {
    const chosen = options.scenarios.filter(scenario => scenario.closed === closed)
    if (chosen.length > 0) await runGroup(chosen, closed, options, ended)
  }
  return runs
}

const chosenFrom = (only: string | undefined): Scenario[] => {
  if (only === undefined) return [...scenarios]
  return only.split(',').map(name => {
    const found = scenarios.find(scenario => scenario.name === name)
    if (found !== undefined) return found
    throw new Error(`no scenario ${name}; there are ${scenarios.map(each => each.name).join(', ')}`)
  })
}

const positive = (text: string | undefined, name: string): number | undefined => {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`${name} must be a whole number from 1`)
  return value
}

export const stormOptions = {
  only: { type: 'string' },
  users: { type: 'string' },
  seconds: { type: 'string' },
  volunteers: { type: 'string', default: '4' },
  report: { type: 'string', default: 'loadtest-report' },
} as const

const main = async (): Promise<void> => {
  const { values } = parseArgs({ options: stormOptions })
  const users = positive(values.users, '--users')
  const seconds = positive(values.seconds, '--seconds')
  const chosen = chosenFrom(values.only).map(scenario => ({
    ...scenario,
    ...(users === undefined ? {} : { users }),
    ...(seconds === undefined ? {} : { seconds }),
  }))
  const absent = missingK6()
  if (absent !== false) throw new Error(absent)
  const say = (line: string): void => {
    process.stdout.write(`${line}\n`)
  }
  const volunteers = positive(values.volunteers, '--volunteers') ?? 4
  const runs = await runStorms({ scenarios: chosen, volunteers, reportFolder: values.report, say })
  say(`report: ${resolve(values.report, 'index.html')}`)
  if (runs.some(run => run.problems.length > 0)) process.exitCode = 1
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  })
}
