// An empty mirror is filled from a real rsync daemon, and only then, only as far as the owner allows.

import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { silentLogger } from '../core/log.ts'
import { temporaryFolder } from '../loadtest/leftovers.ts'
import { missing } from '../loadtest/programs.ts'
import { startRsyncDaemon } from '../loadtest/rsync-daemon.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { compileScope } from '../manifest/logic/scope.ts'
import { Bootstrap, type BootstrapOptions } from './bootstrap.ts'
import { until } from './test-mirror.ts'

const skip = { skip: missing('rsync') }
const never = new AbortController().signal

interface World {
  readonly server: string
  readonly mirror: string
  readonly data: string
  readonly meta: Map<string, string>
  readonly bootstrap: (change?: Partial<BootstrapOptions>, parts?: object) => Bootstrap
}

const prepare = async (t: Test): Promise<World> => {
  const temporary = temporaryFolder('bootstrap')
  t.teardown(() => temporary.remove())
  const folders = ['server', 'mirror', 'data'].map(name => join(temporary.path, name))
  const [server = '', mirror = '', data = ''] = folders
  for (const folder of folders) mkdirSync(folder)
  mkdirSync(join(server, 'pool/sub'), { recursive: true })
  writeFileSync(join(server, 'pool/a b.deb'), noise('a', 300_000))
  writeFileSync(join(server, 'pool/sub/new\nline'), 'odd')
  writeFileSync(join(server, 'pool/#ü.deb'), 'umlaut')
  writeFileSync(join(server, 'image.iso'), noise('iso', 200_000))
  const daemon = await startRsyncDaemon(server, join(temporary.path, 'rsyncd'))
  t.teardown(() => daemon.stop())
  const meta = new Map<string, string>()
  const store = {
    adopting: true,
    meta: (key: string) => meta.get(key) ?? null,
    setMeta: (key: string, value: string) => void meta.set(key, value),
  }
  const scope = compileScope({ include: [], exclude: ['*.iso'], dataFolder: null })
  const bootstrap = (change: Partial<BootstrapOptions> = {}, parts: object = {}): Bootstrap =>
    new Bootstrap(
      {
        ...{ store, scope, random: () => 0, logger: silentLogger },
        space: { usableBytes: async () => 1e9 },
        ...parts,
      },
      {
        ...{ source: daemon.url, mirrorDir: mirror, dataDir: data, open: true },
        ...{ quotaBytes: null, downloadLimitBytesPerSecond: null },
        ...change,
      },
    )
  return { server, mirror, data, meta, bootstrap }
}

t.test('what is in scope comes, whatever it is called, once', skip, async t => {
  const { server, mirror, data, meta, bootstrap } = await prepare(t)
  const filling = bootstrap()
  const running = filling.run(never)
  await running
  t.equal(filling.reason, null)
  for (const name of ['pool/a b.deb', 'pool/sub/new\nline', 'pool/#ü.deb']) {
    t.ok(readFileSync(join(mirror, name)).equals(readFileSync(join(server, name))), name)
  }
  t.notOk(existsSync(join(mirror, 'image.iso')))
  t.same(readdirSync(data), [], 'nothing is left behind')
  t.equal(meta.get('bootstrap'), 'done')
  writeFileSync(join(server, 'later'), 'x')
  await bootstrap().run(never)
  t.notOk(existsSync(join(mirror, 'later')))
})

t.test('a folder with files in it is left alone', skip, async t => {
  const { mirror, bootstrap } = await prepare(t)
  mkdirSync(join(mirror, 'pool'))
  writeFileSync(join(mirror, 'pool/a b.deb'), 'the owner’s')
  await bootstrap().run(never)
  t.equal(readFileSync(join(mirror, 'pool/a b.deb'), 'utf8'), 'the owner’s')
  t.same(readdirSync(mirror), ['pool'])
  const placed = { store: { adopting: false, meta: () => null, setMeta: () => undefined } }
  await bootstrap({ mirrorDir: '/nonexistent' }, placed).run(never)
})

t.test('not more than the quota and the free space', skip, async t => {
  const { mirror, bootstrap } = await prepare(t)
  await bootstrap({ quotaBytes: 300_000 }).run(never)
  t.same(readdirSync(mirror), [])
  await bootstrap({}, { space: { usableBytes: async () => 300_000 } }).run(never)
  t.same(readdirSync(mirror), [])
  await bootstrap({ quotaBytes: 400_000 }).run(never)
  t.same(readdirSync(mirror), ['pool'])
})

t.test('interrupted by the hours, it goes on when they begin again', skip, async t => {
  const { mirror, data, meta, bootstrap } = await prepare(t)
  const filling = bootstrap({ downloadLimitBytesPerSecond: 100_000, open: false })
  const running = filling.run(never)
  await until('it waits', () => filling.reason !== null)
  t.same(readdirSync(mirror), [])
  filling.setOpen(true)
  await until('it has begun', () => meta.get('bootstrap') === 'begun')
  filling.setOpen(false)
  filling.setOpen(true)
  await running
  t.ok(readFileSync(join(mirror, 'pool/a b.deb')).equals(Buffer.from(noise('a', 300_000))))
  t.same(readdirSync(data), [])
})

t.test('a stop ends rsync, and the next start goes on', skip, async t => {
  const { mirror, meta, bootstrap } = await prepare(t)
  const stop = new AbortController()
  const running = bootstrap({ downloadLimitBytesPerSecond: 50_000 }).run(stop.signal)
  await until('it has begun', () => meta.get('bootstrap') === 'begun')
  stop.abort()
  await running
  t.equal(meta.get('bootstrap'), 'begun')
  t.notOk(existsSync(join(mirror, 'pool/a b.deb')), 'nothing stands there half')
  await bootstrap().run(never)
  t.equal(meta.get('bootstrap'), 'done')
  t.ok(existsSync(join(mirror, 'pool/a b.deb')))
})

/** A program called rsync that does as told, while `work` goes on. */
const withRsync = async (t: Test, script: string, work: () => Promise<void>): Promise<string> => {
  const folder = temporaryFolder('fake')
  t.teardown(() => folder.remove())
  const file = join(folder.path, 'rsync')
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  const before = process.env.PATH
  process.env.PATH = `${folder.path}:${before}`
  try {
    await work()
  } finally {
    process.env.PATH = before
  }
  return folder.path
}

t.test('a server that fails is given up after a few attempts', async t => {
  const { bootstrap } = await prepare(t)
  const folder = await withRsync(t, 'echo x >> "$(dirname "$0")/runs"\nexit 10', () =>
    bootstrap().run(never),
  )
  t.equal(readFileSync(join(folder, 'runs'), 'utf8'), 'x\n'.repeat(4))
})

t.test('very many names are all asked for', async t => {
  const { data, bootstrap } = await prepare(t)
  const script = `case "$*" in
    *--dry-run*) seq -f '10 pool/%.0f' 200000 ;;
    *) cp ${join(data, 'bootstrap/files')} "$(dirname "$0")/asked" ;;
  esac`
  const folder = await withRsync(t, script, () => bootstrap().run(never))
  const asked = readFileSync(join(folder, 'asked'), 'utf8').split('\0')
  t.equal(asked.length, 200_001)
  t.equal(asked[199_999], 'pool/200000')
})
