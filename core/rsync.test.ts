// Which sources are taken, and how the child program is started, heard and ended.

import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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
  await runRsync({ ...place, options: [odd], onLine: line => lines.push(line), signal: never })
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

t.test('an abort ends the whole group', async t => {
  const folder = fakeRsync(t, 'sleep 100 & echo $! > "$(dirname "$0")/pid"; wait')
  const stop = new AbortController()
  const running = runRsync({ ...place, options: [], signal: stop.signal })
  const pidFile = join(folder, 'pid')
  while (!existsSync(pidFile) || readFileSync(pidFile, 'utf8').trim() === '') {
    await new Promise(setImmediate)
  }
  stop.abort(new Error('stopped'))
  await t.rejects(running, { message: 'stopped' })
  const pid = readFileSync(pidFile, 'utf8').trim()
  // It may wait for somebody to read its status.
  const state = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ''
  t.notMatch(state, /\) [RSD] /)
})
