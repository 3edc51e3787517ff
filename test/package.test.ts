// The package that npm makes of the checkout, run outside of it with only what it says it needs.
// `npm install` itself is left out: it takes longer than all of this, and asks the registry.

import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { noise } from '../loadtest/sample/noise.ts'
import { clientFolder, get } from './start-network.ts'

t.setTimeout(300_000)

const root = dirname(import.meta.dirname)
const run = promisify(execFile)
const hasNpm = spawnSync('npm', ['--version']).status === 0
/** As it would be outside: nothing of this process's options, and this Node. */
const env = {
  ...process.env,
  NODE_OPTIONS: '',
  PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
}

t.test(
  'the packed package runs outside the checkout',
  { skip: !hasNpm && 'npm missing: apt-get install npm' },
  async t => {
    const folder = clientFolder(t)
    // tap would put its own hooks into every Node program on the way, and the compiler cannot bear them.
    const pack = ['npm', 'pack', '--silent', '--pack-destination', folder]
    await run('env', ['--unset=NODE_OPTIONS', ...pack], { cwd: root, env })
    const tarball = readdirSync(folder).find(name => name.endsWith('.tgz')) ?? ''
    t.match(tarball, /^mirrorswarm-\d/)
    const modules = join(folder, 'node_modules')
    const installed = join(modules, 'mirrorswarm')
    mkdirSync(installed, { recursive: true })
    await run('tar', ['-xzf', join(folder, tarball), '--strip-components=1', '-C', installed])
    // What npm would install beside it, as the package itself says.
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    for (const name of Object.keys(manifest.dependencies)) {
      mkdirSync(dirname(join(modules, name)), { recursive: true })
      symlinkSync(join(root, 'node_modules', name), join(modules, name))
    }
    for (const name of [
      'webrtc-polyfill',
      'node-datachannel',
      'webtorrent',
      'bittorrent-tracker',
    ]) {
      t.notOk(Object.hasOwn(manifest.dependencies, name), `npm does not install ${name}`)
    }
    const program = join(installed, manifest.bin.mirrorswarm)
    t.match((await run(program, ['--version'], { env })).stdout, /^mirrorswarm \d/)
    t.match((await run(program, ['volunteer', '--help'], { env })).stdout, /--min-free/)

    const repository = join(folder, 'repository')
    mkdirSync(repository)
    const bytes = noise('package', 300_000)
    writeFileSync(join(repository, 'file.bin'), bytes)
    const start = async (...words: string[]): Promise<string> => {
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
    const data = ['--data', `${repository}.mirrorswarm`]
    const origin = await start('origin', repository)
    await run(program, ['publish', ...data], { env })
    for (const name of ['', 'browser/network.js', 'logic/words.js', 'vendor/uplot.js']) {
      t.equal((await get(`${origin}-/ui/${name}`)).status, 200, `/-/ui/${name}`)
    }
    const { stdout: token } = await run(program, ['token', 'create', ...data], { env })
    const words = [
      '--origin',
      origin,
      '--token',
      token.trim(),
      '--min-free',
      '1MiB',
      '--name',
      'one',
    ]
    const volunteer = await start('volunteer', join(folder, 'mirror'), ...words)
    const deadlineMs = Date.now() + 200_000
    for (let held = 0; held < 1; ) {
      if (Date.now() > deadlineMs) throw new Error('the volunteer holds nothing')
      await setTimeout(100)
      const status = await get(`${volunteer}-/status`)
      held = (JSON.parse(status.body.toString()) as { heldFiles: number }).heldFiles
    }
    t.same((await get(`${origin}file.bin?direct`)).body, bytes)
  },
)
