// Load tests with real k6 against a network of real processes on this machine, and a report of them.
// Usage: node loadtest/storms/main.ts [--only NAME,…] [--users N] [--seconds N] [--volunteers 4] [--report FOLDER]

import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { formatSize } from '../../core/units.ts'
import { missingK6 } from './k6-run.ts'
import { figuresRow, reportPage } from './report.ts'
import { runScenario, type ScenarioRun } from './run-scenario.ts'
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

/** Run scenarios, those of one kind of network on the same one; write the report when all have ended. */
export const runStorms = async (options: StormOptions): Promise<ScenarioRun[]> => {
  const folder = resolve(options.reportFolder)
  mkdirSync(folder, { recursive: true })
  const runs: ScenarioRun[] = []
  for (const closed of [false, true]) {
    const chosen = options.scenarios.filter(scenario => scenario.closed === closed)
    if (chosen.length === 0) continue
    const stage = await startStage({ volunteers: options.volunteers, closed })
    try {
      for (const scenario of chosen) {
        await restore(stage)
        options.say(`${scenario.name}: ${scenario.users} users, ${scenario.seconds} s`)
        const run = await runScenario(scenario, stage, folder)
        runs.push(run)
        options.say(JSON.stringify(figuresRow(run)))
        for (const problem of run.problems) options.say(`  ${problem}`)
      }
    } finally {
      await stage.network.stop()
    }
  }
  writeFileSync(join(folder, 'index.html'), reportPage(runs, aboutMachine(options.volunteers)))
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
