import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { findProgram } from '../loadtest/programs.ts'
import { collectAlone } from './one-processor.ts'

t.test('helpers are let go where there is one processor', async t => {
  t.equal(collectAlone(2), false)
  t.equal(collectAlone(64), false)
})

const taskset = findProgram('taskset')

t.test(
  'a process that has one of several finds that out',
  {
    skip: taskset === null ? 'taskset is not installed (Debian: util-linux)' : false,
  },
  async t => {
    const module = fileURLToPath(new URL('./one-processor.ts', import.meta.url))
    // Marks while something is allocated, which must go on as it was.
    const program = `
    const { collectAlone } = await import(${JSON.stringify(module)})
    const alone = collectAlone()
    let kept = []
    for (let round = 0; round < 60; round++) {
      kept = kept.slice(-20_000)
      for (let index = 0; index < 20_000; index++) kept.push({ text: 'a text ' + index })
    }
    console.log(alone, kept.length, kept.at(-1).text)`
    const output = execFileSync(
      taskset ?? '',
      ['-c', '0', process.execPath, '--input-type=module', '-e', program],
      { encoding: 'utf8', env: {} },
    )
    t.equal(output.trim(), 'true 40000 a text 19999')
  },
)
