import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { waitUntil } from './deadline.ts'
import { ProcessGroup } from './process-group.ts'
import { run } from './programs.ts'

const isAlive = (pid: number): boolean => {
  if (!existsSync(`/proc/${pid}/stat`)) return false
  return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

t.test('a signal reaches the children of the child', async t => {
  const group = new ProcessGroup('sh', ['-c', 'sleep 1000 & echo $!; wait'])
  t.teardown(() => group.signal('SIGKILL'))
  const line = await waitUntil('the child to start', () => /^(\d+)\n/.exec(group.stdout)?.[1])
  const pid = Number(line)
  t.equal(group.processes().length, 2)
  t.ok(group.openFiles() > 0)
  t.ok(group.peakResidentBytes() > 0)
  t.ok(group.cpuSeconds() >= 0)
  group.signal('SIGKILL')
  t.equal((await group.exited).signal, 'SIGKILL')
  await waitUntil('the grandchild to end', () => !isAlive(pid))
  t.ok(group.ended)
})

for (const end of ['throw', 'SIGTERM'] as const) {
  t.test(`nothing is left behind when the process ends by ${end}`, async t => {
    const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
    const script = join(t.testdir(), 'leaver.ts')
    const { writeFile } = await import('node:fs/promises')
    await writeFile(
      script,
      `import { ProcessGroup } from ${JSON.stringify(here('./process-group.ts'))}
       import { temporaryFolder } from ${JSON.stringify(here('./leftovers.ts'))}
       const folder = temporaryFolder('leaver')
       const group = new ProcessGroup('sh', ['-c', 'echo up; sleep 1000'])
       group.onOutput(() => {
         console.log(JSON.stringify({ folder: folder.path, pids: group.processes() }))
         if (${JSON.stringify(end)} === 'throw') throw new Error('on purpose')
         process.kill(process.pid, 'SIGTERM')
       })`,
    )
    const result = await run(process.execPath, [script])
    t.not(result.status, 0)
    const said = JSON.parse(result.stdout) as { folder: string; pids: number[] }
    t.ok(said.pids.length > 0)
    t.notOk(existsSync(said.folder), 'the folder is gone')
    await waitUntil('the children to end', () => !said.pids.some(isAlive))
  })
}

t.test(
  'a program that does not end in time is killed, and one that is missing is an error',
  async t => {
    await t.rejects(run('sh', ['-c', 'sleep 1000 & wait'], { timeoutMs: 200 }), /longer than/)
    await t.rejects(run('/nonexistent/program', []), /ENOENT/)
  },
)
