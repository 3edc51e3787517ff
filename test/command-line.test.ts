// The program as its users start it: a process, its output, its exit status, its signals.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'

const root = join(import.meta.dirname, '..')
const program = join(root, 'cli/mirrorswarm.js')
const oldNode = ['--import', join(import.meta.dirname, 'old-node.js')]

t.setTimeout(300_000)

interface Ended {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves with the first match in what it prints. */
  readonly printed: (pattern: RegExp) => Promise<RegExpExecArray>
}

const start = (
  t: Test,
  words: readonly string[],
  { node = [] as readonly string[], script = program, env = {} } = {},
): Running => {
  const child = spawn(process.execPath, [...node, script, ...words], {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  let out = ''
  let err = ''
  const watchers = new Set<() => void>()
  const heard = (): void => {
    for (const watch of watchers) watch()
  }
  child.stdout.setEncoding('utf8').on('data', text => {
    out += text
    heard()
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    err += text
    heard()
  })
  const ended = once(child, 'close').then(([status, signal]) => ({ status, signal, out, err }))
  const printed = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const watch = (): void => {
        const match = pattern.exec(out) ?? pattern.exec(err)
        if (match) resolve(match)
      }
      watchers.add(watch)
      watch()
      void ended.then(() => reject(new Error(`it ended before ${pattern}: ${out}${err}`)))
    })
  return { child, ended, printed }
}

const run = (t: Test, ...words: string[]): Promise<Ended> => start(t, words).ended

const publishedRepository = { pool: { 'hello.deb': 'x'.repeat(10_000) }, Release: 'Suite: tide\n' }

t.test('an operator’s day, with the origin running and not', async t => {
  const folder = t.testdir({ repo: publishedRepository })
  const repo = join(folder, 'repo')
  const data = `${repo}.mirrorswarm`
  const origin = start(t, ['origin', `${repo}/`, '--listen', '127.0.0.1:0', '--settle', '100ms'])
  const [, url = ''] = await origin.printed(/^ready (http:\/\/127\.0\.0\.1:\d+\/)$/m)
  const [, token = ''] = await origin.printed(/operator token .*: (\S+)/)
  t.equal((await readFile(join(data, 'operator-token'), 'utf8')).trim(), token)
  t.equal((await stat(join(data, 'operator-token'))).mode & 0o777, 0o600)

  const publish = await run(t, 'publish', '--data', data)
  t.match(publish.out, /^snapshot 1\b.*2 files/)
  t.equal(publish.status, 0)
  const made = await run(t, 'token', 'create', '--data', data, '--uses', '3', '--json')
  const answer = JSON.parse(made.out)
  t.match(answer, { token: /^\S{20,}$/, uses: 3, expires: /^\d{4}-.*Z$/ })
  const days = (Date.parse(answer.expires) - Date.now()) / 86_400_000
  t.ok(days > 6.9 && days <= 7, `${days} days`)
  t.match((await run(t, 'volunteers', 'list', '--data', data)).out, /no volunteer is enrolled/)
  t.match((await run(t, 'status', '--data', data)).out, /^publish {4}(?:in order|under way)$/m)
  t.same(JSON.parse((await run(t, 'volunteers', 'list', '--origin', url, '--json')).out), {
    volunteers: [],
  })
  const explained = await run(
    t,
    'explain',
    '/pool/hello.deb',
    '--data',
    data,
    '--from',
    '192.0.2.7',
  )
  t.match(explained.out, /^\/pool\/hello\.deb\n.*snapshot 1/)
  t.match(explained.out, /192\.0\.2\.7/)

  const forbidden = await run(t, 'token', 'create', '--origin', url, '--operator-token', 'wrong')
  t.equal(forbidden.status, 1)
  t.match(forbidden.err, /^mirrorswarm: .*operator token.*\(.+\)\n$/)
  const unknown = await run(t, 'volunteers', 'drain', 'nobody', '--data', data)
  t.equal(unknown.status, 1)
  t.match(unknown.err, /nobody/)
  const allowed = await start(t, ['token', 'create', '--origin', url], {
    env: { MIRRORSWARM_OPERATOR_TOKEN: token },
  }).ended
  t.equal(allowed.status, 0, 'the token may come from the environment')
  t.match(allowed.out, /^\S{20,}\n$/, 'the token alone on standard output')

  const second = await run(t, 'origin', repo, '--listen', '127.0.0.1:0')
  t.equal(second.status, 1)
  t.match(second.err, /in use.*\(.+\)\n$/, 'a second origin on the same data is refused')

  origin.child.kill('SIGTERM')
  t.match(await origin.ended, { status: 0, signal: null })

  await writeFile(join(repo, 'pool', 'new.deb'), 'y'.repeat(9000))
  const offline = await run(t, 'publish', '--data', data, '--json')
  t.match(JSON.parse(offline.out), { snapshot: { number: 2 }, added: 1, files: 3 })
  t.match((await run(t, 'publish', '--data', data)).out, /nothing changed/)
  t.match((await run(t, 'token', 'create', '--data', data)).out, /^\S{20,}\n$/)
  t.match((await run(t, 'volunteers', 'list', '--data', data)).out, /no volunteer is enrolled/)
  const offlineExplained = await run(t, 'explain', 'pool/new.deb', '--data', data, '--json')
  t.match(JSON.parse(offlineExplained.out), { path: '/pool/new.deb', answer: 'serve' })
  t.match(await run(t, 'explain', 'pool/none.deb', '--data', data), { status: 1, err: /no such/ })
})

t.test('a killed origin leaves a folder that commands can still use', async t => {
  const repo = join(t.testdir({ repo: publishedRepository }), 'repo')
  const data = `${repo}.mirrorswarm`
  const origin = start(t, ['origin', repo, '--listen', '127.0.0.1:0'])
  await origin.printed(/^ready /m)
  t.equal((await run(t, 'publish', '--data', data)).status, 0)
  origin.child.kill('SIGKILL')
  await origin.ended
  t.ok(existsSync(join(data, 'running.json')), 'the dead origin is still named')
  t.match(await run(t, 'volunteers', 'list', '--data', data), { status: 0, out: /no volunteer/ })
})

t.test('an older Node starts the program again with the right one', async t => {
  const repo = join(t.testdir({ repo: publishedRepository }), 'repo')
  const version = await start(t, ['--version'], { node: oldNode }).ended
  t.match(version, { status: 0, out: /\(Node 2[4-9]\./ })
  t.match(await start(t, ['nonsense'], { node: oldNode }).ended, { status: 2, out: '' })

  const origin = start(t, ['origin', repo, '--listen', '127.0.0.1:0'], { node: oldNode })
  const [, url = ''] = await origin.printed(/^ready (\S+)$/m)
  t.equal((await fetch(`${url}-/health`)).status, 200)
  origin.child.kill('SIGTERM')
  t.match(await origin.ended, { status: 0, signal: null }, 'signals are passed on')
  await t.rejects(fetch(`${url}-/health`), 'and the daemon has ended')
})

t.test('when the older Node is killed the daemon ends too', async t => {
  const repo = join(t.testdir({ repo: publishedRepository }), 'repo')
  const origin = start(t, ['origin', repo, '--listen', '127.0.0.1:0'], { node: oldNode })
  await origin.printed(/^ready (\S+)$/m)
  origin.child.kill('SIGKILL')
  // Its output stays open until the daemon behind it has ended.
  t.match(await origin.ended, { signal: 'SIGKILL' })
})

t.test('without a newer Node there is one clear line', async t => {
  // Outside the checkout, whose own node_modules would be found otherwise.
  const folder = await mkdtemp(join(tmpdir(), 'mirrorswarm-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await mkdir(join(folder, 'cli'))
  const script = join(folder, 'cli', 'mirrorswarm.js')
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  await copyFile(program, script)
  const alone = await start(t, ['--version'], { node: oldNode, script }).ended
  t.equal(alone.status, 1)
  t.match(alone.err, /^mirrorswarm: needs Node 24 or newer, this is v\d.* \(.+\)\n$/)

  await mkdir(join(folder, 'node_modules/node/bin'), { recursive: true })
  await writeFile(join(folder, 'node_modules/node/package.json'), '{"version":"22.1.0"}')
  await writeFile(join(folder, 'node_modules/node/bin/node'), '#!/bin/sh\n', { mode: 0o755 })
  t.match(await start(t, [], { node: oldNode, script }).ended, { status: 1, err: /needs Node 24/ })
})

t.test('a reader that has seen enough is no failure', async t => {
  const help = start(t, ['--help'])
  help.child.stdout?.destroy()
  t.match(await help.ended, { status: 0, err: '' })
})
