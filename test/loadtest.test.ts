// The load tests with a real k6: every script is one that k6 takes, and release day holds.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { testFolder } from '../core/fixtures/test-folder.ts'
import { run } from '../loadtest/programs.ts'
import { findK6, missingK6 } from '../loadtest/storms/k6-run.ts'
import { runStorms } from '../loadtest/storms/main.ts'
import { type ScenarioName, scenarios } from '../loadtest/storms/scenarios.ts'

t.setTimeout(400_000)

const skip = missingK6()
const scripts = join(import.meta.dirname, '../loadtest/k6')

t.test('each scenario has its script, and each script is somebody’s', async t => {
  const parts = ['client.ts', 'workload.ts']
  const files = readdirSync(scripts).filter(file => !parts.includes(file))
  t.same([...new Set(scenarios.map(({ script }) => `${script}.ts`))].sort(), files.sort())
})

const storm = async (name: ScenarioName, users: number, seconds: number, folder: string) => {
  const chosen = scenarios.filter(scenario => scenario.name === name)
  const [ended] = await runStorms({
    scenarios: chosen.map(scenario => ({ ...scenario, users, seconds })),
    volunteers: 3,
    reportFolder: folder,
    say: line => t.comment(line),
  })
  if (ended === undefined) throw new Error(`no scenario ${name}`)
  return ended
}

t.test(
  'release day: everybody at once, and a volunteer dies',
  { skip, timeout: 300_000 },
  async t => {
    const folder = testFolder(t)
    const { k6, problems, volunteerShare, marks } = await storm('flash-crowd', 2_000, 12, folder)
    t.same(problems, [], k6.output.slice(-3_000))
    t.equal(k6.counts.wrong_answers ?? 0, 0, 'no wrong bytes')
    t.equal(k6.counts.downloads_failed_twice ?? 0, 0, 'nothing fails twice')
    t.ok(volunteerShare >= 0.95, `${(volunteerShare * 100).toFixed(1)} % from volunteers`)
    t.ok((k6.counts.downloads ?? 0) > 2_000, `${k6.counts.downloads} downloads`)
    t.same(
      marks.map(({ text }) => text),
      ['a publish', 'kill -9 of a volunteer'],
    )
    const page = readFileSync(join(folder, 'index.html'), 'utf8')
    t.match(page, 'All demands held')
    t.match(page, 'kill -9 of a volunteer')
    t.match(readFileSync(join(folder, 'flash-crowd.k6.html'), 'utf8'), '<html')
  },
)

t.test('the other scripts are taken by k6', { skip, timeout: 60_000 }, async t => {
  const workload = join(testFolder(t), 'workload.json')
  writeFileSync(workload, '{"classes":[],"indexes":[],"credentials":[]}')
  for (const script of new Set(scenarios.map(each => each.script))) {
    const args = ['inspect', '-e', `WORKLOAD=${workload}`, join(scripts, `${script}.ts`)]
    const result = await run(String(findK6()), args)
    t.equal(result.status, 0, `${script}: ${result.stderr}`)
  }
})
