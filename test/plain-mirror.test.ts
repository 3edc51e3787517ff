// A mirror without our daemon that a real nginx serves, in front of a real origin: clients get there
// what was proved, and nothing else.

import { spawn } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { nginxCommand } from '../loadtest/nginx.ts'
import { freePort } from '../loadtest/ports.ts'
import { missing } from '../loadtest/programs.ts'
import { rawRequest, TestNetwork, eventually as within } from '../origin/fixtures/test-network.ts'

// For a machine that has much else to do.
t.setTimeout(300_000)
const eventually: typeof within = (what, ask) => within(what, ask, 120_000)

/** nginx as mirrors have it, for the folder `root`; its URL. `folder` is for its own files. */
const startNginx = async (t: Test, folder: string, root: string): Promise<string> => {
  const port = await freePort()
  const server = `server { listen 127.0.0.1:${port}; root ${root}; }`
  const [program, ...args] = nginxCommand(folder, server)
  const nginx = spawn(program, args, { stdio: 'ignore' })
  const ended = new Promise(resolve => nginx.once('close', resolve))
  t.teardown(async () => {
    nginx.kill('SIGKILL')
    await ended
  })
  const url = `http://127.0.0.1:${port}`
  await eventually('nginx answers', () =>
    rawRequest(url, '/').then(
      () => true,
      () => null,
    ),
  )
  return url
}

t.test('nginx as a mirror', { skip: missing('nginx') }, async t => {
  const small = Buffer.alloc(300_000, 'small ')
  const large = Buffer.alloc(3_000_000, 'large ')
  const names = ['pool/a+b~1.deb', 'large.iso', 'missing.deb']
  const fill = (folder: string, ...[one, two, three]: (Buffer | null)[]): void => {
    mkdirSync(join(folder, 'pool'), { recursive: true })
    for (const [index, body] of [one, two, three].entries()) {
      if (body) writeFileSync(join(folder, names[index] ?? ''), body)
    }
  }
  const options = { announceIntervalMs: 60_000 }
  const filling = (folder: string): void => fill(folder, small, large, small.subarray(1))
  const network = await TestNetwork.start(t, filling, options)
  await network.waitForSnapshot(1)
  const root = join(network.data, '../public')
  fill(join(root, 'debian'), small, large, null)
  const mirror = await startNginx(t, join(network.data, '../nginx'), root)
  const body = { name: 'plain', mirror: `${mirror}/debian` }
  t.equal((await network.operate('/-/v1/volunteers', body)).status, 201)
  const ask = (path: string) => network.get(path, { 'user-agent': `asks ${Math.random()}` })
  for (const [path, bytes] of [
    ['/pool/a+b~1.deb', small],
    ['/large.iso', large],
  ] as const) {
    const { headers } = await eventually(`${path} is proved`, async () => {
      const answer = await ask(path)
      return answer.status === 302 ? answer : null
    })
    const url = new URL(String(headers.location))
    t.equal(url.href.slice(0, mirror.length + 7), `${mirror}/debian`)
    const got = await rawRequest(mirror, url.pathname)
    t.ok(got.status === 200 && got.body.equals(bytes), path)
  }
  t.equal((await ask('/missing.deb')).status, 200, 'the origin has it')
  rmSync(join(root, 'debian/large.iso'))
  const client = { 'user-agent': 'comes back' }
  t.equal((await network.get('/large.iso', client)).status, 302)
  t.equal((await network.get('/large.iso', client)).status, 200, 'it heals')
  await eventually('the proof is gone', async () => (await ask('/large.iso')).status === 200)
  t.equal((await ask('/pool/a+b~1.deb')).status, 302, 'the rest is there')
})
