import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { originDefaults, startOrigin } from '../../origin/main.ts'
import type { Io } from '../io.ts'
import { main } from '../main.ts'

const run = async (...words: string[]) => {
  const printed: string[] = []
  const noted: string[] = []
  const io: Io = {
    print: text => printed.push(text),
    note: text => noted.push(text),
    draw: () => undefined,
    interactive: false,
    columns: 80,
    stopped: new AbortController().signal,
    onHangup: () => undefined,
  }
  const status = await main(['client', ...words], {}, io)
  return { status, printed: printed.join('\n'), noted: noted.join('\n') }
}

const start = async (t: Test) => {
  const folder = t.testdir({ repository: { file: 'x' } })
  const dataDir = join(folder, 'data')
  const origin = await startOrigin({
    ...{ ...originDefaults, repositoryDir: join(folder, 'repository'), dataDir, hashThreads: 1 },
    ...{ logLevel: 'silent', requireClients: true },
  })
  let running = true
  const stop = async (): Promise<void> => {
    if (running) await origin.stop()
    running = false
  }
  t.teardown(stop)
  return { folder, dataDir, url: origin.url, stop }
}

t.test(
  'clients are added, listed and revoked, while the origin runs and when it does not',
  async t => {
    const { folder, dataDir, url, stop } = await start(t)
    const data = ['--data', dataDir]
    const status = async (name: string, secret: string): Promise<number> => {
      const authorization = `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`
      const answer = await fetch(new URL('file', url), { headers: { authorization } })
      await answer.arrayBuffer()
      return answer.status
    }

    const lab = await run('add', 'lab', ...data)
    t.match(lab.printed, /^[\w-]{32}$/, 'the secret alone, for scripts')
    t.match(lab.noted, 'lab may read / and is known by this secret, which is not shown again')
    t.equal(await status('lab', lab.printed), 200)
    const partner = await run(
      'add',
      'partner',
      '--path',
      '/pool',
      '--path',
      'dists/',
      '--json',
      ...data,
    )
    const made = JSON.parse(partner.printed)
    t.match(made, { name: 'partner', paths: ['/dists', '/pool'], networks: [], hasSecret: true })
    t.equal(made.bearer, `partner.${made.secret}`)
    t.equal(await status('partner', made.secret), 403)
    const campus = await run('add', 'campus', '--network', '192.0.2.0/24', ...data)
    t.equal(campus.printed, '')
    t.match(campus.noted, 'known by its address in 192.0.2.0/24')
    writeFileSync(join(folder, 'password'), 'correct horse battery\n')
    const ann = await run('add', 'ann', '--password-file', join(folder, 'password'), ...data)
    t.same([ann.status, ann.printed], [0, ''])
    t.equal(await status('ann', 'correct horse battery'), 200)

    t.equal((await run('revoke', 'lab', ...data)).status, 0)
    t.equal(await status('lab', lab.printed), 401, 'at once')
    t.match(await run('revoke', 'lab', ...data), { status: 1, noted: /no client called lab/ })
    t.match(await run('add', 'ann', ...data), { status: 1, noted: /called ann already/ })
    t.match(await run('add', 'a:b', ...data), { status: 1, noted: /no name of a client/ })
    t.match(await run('add', 'x', '--network', 'nonsense', ...data), { status: 2 })
    t.match(await run('add', 'x', '--path', '../etc', ...data), {
      status: 1,
      noted: /are not all paths/,
    })

    await stop()
    t.match((await run('add', 'late', ...data)).printed, /^[\w-]{32}$/)
    const { clients } = JSON.parse((await run('list', '--json', ...data)).printed)
    t.same(
      clients.map(({ name }: { name: string }) => name),
      ['ann', 'campus', 'late', 'partner'],
    )
    const list = (await run('list', ...data)).printed
    t.match(list, /^NAME +KNOWN BY +MAY READ +SINCE/)
    t.match(list, /^campus +192\.0\.2\.0\/24 +\/ +\d{4}-/m)
    t.notOk(list.includes(made.secret), 'no secret is shown again')
    t.equal((await run('revoke', 'late', ...data)).status, 0)
  },
)
