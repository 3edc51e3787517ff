// Which sources are taken, and how the child program is started, heard and ended.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { checkRsyncSource, runRsync } from './rsync.ts'

t.test('only daemons are taken as sources', async t => {
  for (const text of [
    'rsync://host/module',
    'rsync://host:8730/module/path with space',
    'rsync://me@mirror.example.org/debian',
    'rsync://[2001:db8::1]/m',
    'host::module',
    'me@host::module/path',
  ]) {
    t.equal(checkRsyncSource(text), text)
    t.equal(checkRsyncSource(`${text}//`), text)
  }
  for (const text of [
    ...['', '-e', '--rsh=touch x', '/etc', 'folder', 'host:folder', 'me@host:/folder'],
    ...['rsync://', 'rsync://host', 'rsync://host/', 'rsync://-oProxyCommand=x/m', '-x::module'],
    ...['host::', 'host::-x', 'host::/x', 'rsync://host/-x', 'http://host/module', 'ssh://h/m'],
    ...['host::mod\nule', 'rsync://ho st/m', 'rsync://host:999999/m', '-me@host::module'],
  ]) {
    t.throws(() => checkRsyncSource(text), { code: 'MS_CONFIG_INVALID' }, text)
  }
})

/** A program called rsync that does as told. */
const fakeRsync = (t: Test, script: string): string => {
  const folder = t.testdir({})
  const file = join(folder, 'rsync')
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  const before = process.env.PATH
  process.env.PATH = `${folder}:${before}`
  t.teardown(() => {
    process.env.PATH = before
  })
  return folder
}

const never = new AbortController().signal
const place = { source: 'host::module', target: '/nowhere' }

t.test('arguments arrive as they are, and lines are heard', async t => {
  const folder = fakeRsync(t, 'for word; do echo "$word"; done')
  const lines: string[] = []
  const odd = '--filter=- $(touch x) `touch y` *'
  await runRsync({ ...place, options: [odd], onLine: line => void lines.push(line), signal: never })
  t.ok(lines.includes(odd))
  t.same(lines.slice(-3), ['--', 'host::module/', '/nowhere/'])
  t.notOk(existsSync(join(folder, 'x')))
})

t.test('how it ends tells what is wrong', async t => {
  const run = () => runRsync({ ...place, options: [], signal: never })
  fakeRsync(t, 'exit 24')
  await run()
  fakeRsync(t, 'echo "@ERROR: Unknown module" >&2; exit 5')
  await t.rejects(run(), { code: 'MS_REMOTE_UNREACHABLE', message: /status 5: @ERROR: Unknown/ })
  fakeRsync(t, 'echo "write failed: No space left on device (28)" >&2; exit 11')
  await t.rejects(run(), { code: 'MS_DISK_FULL' })
  fakeRsync(t, 'exit 25')
  await t.rejects(run(), { code: 'MS_PUBLISH_SHRINKS' })
  const path = process.env.PATH
  process.env.PATH = '/nonexistent'
  try {
    await t.rejects(run(), { code: 'MS_CONFIG_INVALID', message: 'rsync is not installed' })
  } finally {
    process.env.PATH = path
  }
})

/** The number that a script wrote, once it did. */
const pidIn = async (file: string): Promise<string> => {
  while (!existsSync(file) || !readFileSync(file, 'utf8').endsWith('\n')) await breathe()
  return readFileSync(file, 'utf8').trim()
}

/** Not one that only waits for somebody to read its status. */
const isRunning = (pid: string): boolean => {
  try {
    return /\) [RSD] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

const whenGone = async (t: Test, pid: string): Promise<void> => {
  const deadline = performance.now() + 20_000
  while (isRunning(pid) && performance.now() < deadline) await breathe()
  t.notOk(isRunning(pid))
}

t.test('an abort ends the whole group', async t => {
  const folder = fakeRsync(t, 'sleep 100 & echo $! > "$(dirname "$0")/pid"; wait')
  const stop = new AbortController()
  const running = runRsync({ ...place, options: [], signal: stop.signal })
  const pid = await pidIn(join(folder, 'pid'))
  stop.abort(new Error('stopped'))
  await t.rejects(running, { message: 'stopped' })
  t.notOk(isRunning(pid))
})

t.test('also what goes on when the first of the group is gone', async t => {
  const folder = fakeRsync(
    t,
    `(trap '' TERM; echo ready; sleep 100 & echo $! > "$(dirname "$0")/pid"; wait; sleep 100) &
    exit 0`,
  )
  const stop = new AbortController()
  const running = runRsync({ ...place, options: [], signal: stop.signal })
  const pid = await pidIn(join(folder, 'pid'))
  stop.abort(new Error('stopped'))
  await t.rejects(running, { message: 'stopped' })
  await whenGone(t, pid)
})

t.test('who left the group with its output is not waited for', async t => {
  const folder = fakeRsync(t, 'setsid sleep 30 & echo $! > "$(dirname "$0")/pid"')
  const stop = new AbortController()
  const running = runRsync({ ...place, options: [], signal: stop.signal })
  const pid = await pidIn(join(folder, 'pid'))
  t.teardown(() => {
    if (isRunning(pid)) process.kill(Number(pid))
  })
  stop.abort(new Error('stopped'))
  await t.rejects(running, { message: 'stopped' })
})

t.test('a listener that throws ends the run, not the daemon', async t => {
  const folder = fakeRsync(
    t,
    'echo $$ > "$(dirname "$0")/pid"; echo one; sleep 100 & wait; echo two',
  )
  const lines: string[] = []
  for (const onLine of [
    () => {
      throw new TypeError('odd')
    },
    async (line: string) => {
      lines.push(line)
      throw new TypeError('odd')
    },
  ]) {
    await t.rejects(runRsync({ ...place, options: [], onLine, signal: never }), { message: 'odd' })
    t.notOk(isRunning(await pidIn(join(folder, 'pid'))))
  }
  t.same(lines, ['one'])
})

t.test('it waits for who listens', async t => {
  fakeRsync(t, 'seq 100000')
  let [at, most, lines] = [0, 0, 0]
  const onLine = async () => {
    most = Math.max(most, ++at)
    lines += 1
    if (lines % 1000 === 0) await breathe()
    at -= 1
  }
  await runRsync({ ...place, options: [], onLine, signal: never })
  t.equal(lines, 100_000)
  t.equal(most, 1, 'one line at a time')
})

t.test('it ends with a daemon that was killed', async t => {
  const folder = fakeRsync(t, 'echo $$ > "$(dirname "$0")/pid"; sleep 100 & wait')
  const code = `import { runRsync } from ${JSON.stringify(new URL('rsync.ts', import.meta.url))}
    const signal = new AbortController().signal
    await runRsync({ source: 'host::module', target: '/nowhere', options: [], signal })`
  const daemon = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'inherit' })
  const pid = await pidIn(join(folder, 'pid'))
  t.ok(isRunning(pid))
  daemon.kill('SIGKILL')
  await once(daemon, 'exit')
  await whenGone(t, pid)
})
