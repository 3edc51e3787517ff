// The package that npm makes of the checkout, run outside of it with only what it says it needs, and
// the lines of README.md by which somebody who never saw the project enrols a volunteer with it.
// `npm install` itself is left out: it takes longer than all of this, and asks the registry.

import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { enrolmentLines } from '../dashboard/logic/enrolment-lines.ts'
import { plainEnvironment } from '../loadtest/programs.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { nameFromHost } from '../volunteer/options.ts'
import { clientFolder, get } from './start-network.ts'
import { installPackage, paste, shellBlocks, watchEvents } from './stranger.ts'

t.setTimeout(300_000)

const root = dirname(import.meta.dirname)
const run = promisify(execFile)
const hasNpm = spawnSync('npm', ['--version']).status === 0
/** As it would be outside: nothing of this process's options, and this Node. */
const env = plainEnvironment({
  NODE_OPTIONS: '',
  PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
})

/** What npm packs, in `folder`. */
const pack = async (t: Test, folder: string): Promise<string> => {
  // tap would put its own hooks into every Node program on the way, and the compiler cannot bear them.
  const words = ['npm', 'pack', '--silent', '--pack-destination', folder]
  await run('env', ['--unset=NODE_OPTIONS', ...words], { cwd: root, env })
  const name = readdirSync(folder).find(name => name.endsWith('.tgz')) ?? ''
  t.match(name, /^mirrorswarm-\d/)
  return join(folder, name)
}

/** A daemon until it says where it serves, and until the test ends. */
const start = async (t: Test, program: string, words: readonly string[]): Promise<string> => {
  const listen = ['--listen', '127.0.0.1:0', '--log-level', 'silent']
  const child = spawn(program, [...words, ...listen], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGTERM')
    await ended
  })
  for await (const line of createInterface(child.stdout)) {
    if (line.startsWith('ready ')) return line.slice('ready '.length)
  }
  throw new Error(`${words[0]} ended before it was ready`)
}

interface Enrolled {
  /** Where the new volunteer serves. */
  readonly volunteerUrl: string
  /** On the terminal. */
  readonly said: string
  readonly pastedMs: number
  readonly enrolledMs: number
  readonly listedMs: number
}

/** Paste the lines, and watch what the dashboard watches until the volunteer is there. */
const enrol = async (
  t: Test,
  lines: readonly string[],
  folder: string,
  { origin, operatorToken }: { readonly origin: string; readonly operatorToken: string },
): Promise<Enrolled> => {
  const name = nameFromHost(hostname())
  const watching = new AbortController()
  t.teardown(() => watching.abort())
  const pastedMs = Date.now()
  // What every volunteer has its own: any free port, and as little of the disk as there is.
  const shell = paste(lines, folder, {
    ...env,
    ...{ MIRRORSWARM_LISTEN: '127.0.0.1:0', MIRRORSWARM_MIN_FREE: '1MiB' },
  })
  t.teardown(async () => {
    shell.signal('SIGTERM')
    await shell.exited
  })
  let said = ''
  let enrolledMs = 0
  shell.onOutput(part => {
    said += part
    if (enrolledMs === 0 && said.includes('"msg":"enrolled"')) enrolledMs = Date.now()
  })
  void shell.exited.then(() => watching.abort(new Error(`the lines ended: ${said}`)))
  const order: string[] = []
  for await (const { event, data } of watchEvents(origin, operatorToken, watching.signal)) {
    if (event === 'enrolled' && data.name === name) order.push(event)
    if (event !== 'volunteers') continue
    if (JSON.stringify(data.changed).includes(`"name":"${name}"`)) break
  }
  const listedMs = Date.now()
  t.same(order, ['enrolled'], 'the stream told of the enrolment before')
  const deadlineMs = Date.now() + 60_000
  for (;;) {
    const url = /^ready (\S+)$/m.exec(said)?.[1]
    if (url !== undefined && enrolledMs > 0) {
      return { volunteerUrl: url, said, pastedMs, enrolledMs, listedMs }
    }
    if (Date.now() > deadlineMs) throw new Error(`it serves nothing: ${said}`)
    await setTimeout(20)
  }
}

t.test(
  'the packed package runs outside the checkout, and two lines of README.md enrol a volunteer',
  { skip: !hasNpm && 'npm missing: apt-get install npm' },
  async t => {
    const folder = clientFolder(t)
    const tarball = await pack(t, folder)
    const place = join(folder, 'operator')
    mkdirSync(place)
    const program = await installPackage(tarball, place)
    const installed = join(place, 'node_modules', 'mirrorswarm', 'package.json')
    const manifest = JSON.parse(readFileSync(installed, 'utf8'))
    for (const name of [
      'webrtc-polyfill',
      'node-datachannel',
      'webtorrent',
      'bittorrent-tracker',
    ]) {
      t.notOk(Object.hasOwn(manifest.dependencies, name), `npm does not install ${name}`)
    }
    t.match((await run(program, ['--version'], { env })).stdout, /^mirrorswarm \d/)
    t.match((await run(program, ['volunteer', '--help'], { env })).stdout, /--min-free/)

    const repository = join(folder, 'repository')
    mkdirSync(repository)
    const bytes = noise('package', 300_000)
    writeFileSync(join(repository, 'file.bin'), bytes)
    const data = `${repository}.mirrorswarm`
    const origin = await start(t, program, ['origin', repository, '--package', tarball])
    await run(program, ['publish', '--data', data], { env })
    for (const name of ['', 'browser/network.js', 'logic/words.js', 'vendor/uplot.js']) {
      t.equal((await get(`${origin}-/ui/${name}`)).status, 200, `/-/ui/${name}`)
    }

    const readme = readFileSync(join(root, 'README.md'), 'utf8')
    const [[begin = ''] = [], made = []] = shellBlocks(readme, 'For operators').slice(0, 2)
    t.equal(begin, 'npm pack')
    const name = `mirrorswarm-${manifest.version}.tgz`
    t.match(readme, `origin /srv/repo --public-url http://repo.example.org/ --package ${name}\n`)
    const [create = ''] = made
    t.equal(create, 'npx mirrorswarm token create --data /srv/repo.mirrorswarm')
    const words = create.replace('/srv/repo.mirrorswarm', data).split(' ').slice(2)
    const token = (await run(program, words, { env })).stdout.trim()

    const [lines = []] = shellBlocks(readme, 'For volunteers')
    const shown = { url: 'http://repo.example.org', token: 'TOKEN', mirror: '/srv/mirror' }
    t.same(lines, enrolmentLines({ ...shown, offered: true }), 'two lines, those of the dashboard')
    const copied = lines.map(line =>
      line
        .replace('http://repo.example.org/', origin)
        .replace('TOKEN', token)
        .replace('/srv/mirror', join(folder, 'mirror')),
    )
    const machine = join(folder, 'machine')
    mkdirSync(machine)
    const operatorToken = readFileSync(join(data, 'operator-token'), 'utf8').trim()
    const enrolled = await enrol(t, copied, machine, { origin, operatorToken })
    const { volunteerUrl, said, pastedMs, enrolledMs, listedMs } = enrolled
    t.notMatch(said, /WebTorrent|Error/, 'nothing that frightens')
    const shownMs = Math.max(0, listedMs - enrolledMs)
    t.comment(`enrolled ${enrolledMs - pastedMs} ms after pasting, shown ${shownMs} ms after that`)
    t.ok(shownMs < 10_000, 'the dashboard shows it within ten seconds')

    const deadlineMs = Date.now() + 200_000
    for (let held = 0; held < 1; ) {
      if (Date.now() > deadlineMs) throw new Error('the volunteer holds nothing')
      await setTimeout(100)
      const status = await get(`${volunteerUrl}-/status`)
      held = (JSON.parse(status.body.toString()) as { heldFiles: number }).heldFiles
    }
    t.same((await get(`${origin}file.bin?direct`)).body, bytes)
    const etag = (await get(`${origin}-/mirrorswarm.tgz`)).headers.get('etag') ?? ''
    const again = await get(`${origin}-/mirrorswarm.tgz`, { headers: { 'if-none-match': etag } })
    t.equal(again.status, 304)
  },
)
