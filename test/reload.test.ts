// SIGHUP as an operator uses it: configuration files are edited, real daemons are told, and what they
// do and say is looked at from outside.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { main } from '../cli/main.ts'
import { Daemon } from '../loadtest/daemon.ts'
import { clientFolder, get } from './start-network.ts'

t.setTimeout(120_000)

const waitFor = async (what: string, happened: () => Promise<boolean> | boolean): Promise<void> => {
  const deadlineMs = Date.now() + 60_000
  while (!(await happened())) {
    if (Date.now() > deadlineMs) throw new Error(`waited in vain until ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** What the command says of the volunteer of a data folder. */
const shown = async (data: string): Promise<{ status: number; text: string }> => {
  const lines: string[] = []
  const status = await main(
    ['status', '--data', data],
    {},
    {
      print: text => void lines.push(text),
      note: text => void lines.push(text),
      ...{ draw: () => undefined, interactive: false, columns: 80 },
      ...{ stopped: new AbortController().signal, onHangup: () => undefined },
    },
  )
  return { status, text: lines.join('\n') }
}

/** A daemon that is told to read its configuration, and the log lines about that. */
const reloading = (daemon: Daemon, config: string) => {
  let seen = 0
  const lines = (): Record<string, unknown>[] =>
    daemon.output
      .split('\n')
      .filter(line => /"msg":"(?:not )?reloaded/.test(line))
      .map(line => JSON.parse(line))
  return async (text: string): Promise<Record<string, unknown>> => {
    writeFileSync(config, text)
    daemon.signal('SIGHUP')
    await waitFor('it has read its configuration', () => lines().length > seen)
    seen = lines().length
    return lines().at(-1) ?? {}
  }
}

t.test(
  'daemons take what was changed while they run, and say what waits for a restart',
  async t => {
    const folder = clientFolder(t)
    const repository = join(folder, 'repo')
    mkdirSync(repository)
    const originConfig = join(folder, 'origin.yaml')
    const originText = (...lines: string[]): string =>
      [`repository-dir: ${repository}`, 'listen: 127.0.0.1:0', ...lines, ''].join('\n')
    writeFileSync(originConfig, originText())
    const origin = new Daemon({ name: 'origin', args: ['origin', '--config', originConfig] })
    t.teardown(() => origin.stop())
    await origin.start()

    await t.test('an origin', async t => {
      const reload = reloading(origin, originConfig)
      const room = async (): Promise<string | undefined> =>
        /queue_limit\{queue="answers-ordinary"\} (\d+)/.exec(
          (await get(`${origin.url}/-/metrics`)).body.toString(),
        )?.[1]
      t.equal(await room(), '256')
      const rules = 'prefer: ["10.0.0.0/8=nobody-yet"]'
      const changed = await reload(
        originText('serving-limit: 7', rules, 'grace: 2h', 'public-dashboard: true'),
      )
      t.match(
        changed,
        {
          level: 40,
          taken: ['prefer', 'serving-limit', 'grace'],
          needRestart: ['public-dashboard'],
        },
        'a warning',
      )
      t.equal(await room(), '7')
      t.match(origin.output, /--prefer names a volunteer that is not enrolled/)
      const bad = await reload(originText('serving-limit: 9', 'prefer: ["10.0.0.0/8"]'))
      t.match(bad, { error: /prefer/, msg: 'not reloaded, nothing has changed' })
      const missing = await reload(originText(`geo-database: [${folder}/none.mmdb]`))
      t.match(missing, { error: /none\.mmdb/ })
      t.equal(await room(), '7')
    })

    await t.test('a volunteer', async t => {
      const secret = readFileSync(`${repository}.mirrorswarm/operator-token`, 'utf8').trim()
      const answer = await get(`${origin.url}/-/v1/tokens`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}` },
        body: JSON.stringify({ uses: 1, expiresMs: Date.now() + 3_600_000 }),
      })
      const { token } = JSON.parse(answer.body.toString())
      const config = join(folder, 'volunteer.yaml')
      const text = (...lines: string[]): string =>
        [
          ...[`mirror-dir: ${join(folder, 'mirror')}`, `origin: ${origin.url}`],
          ...['listen: 127.0.0.1:0', 'min-free: 1MiB', ...lines, ''],
        ].join('\n')
      writeFileSync(config, text(`token: ${token}`, 'upload-limit: 5MB/s'))
      const volunteer = new Daemon({ name: 'volunteer', args: ['volunteer', '--config', config] })
      t.teardown(() => volunteer.stop())
      await volunteer.start()
      const reload = reloading(volunteer, config)
      const status = async () =>
        JSON.parse((await get(`${volunteer.url}/-/status`)).body.toString())
      t.match(await status(), { limits: { uploadBytesPerSecond: 5_000_000, maxClients: null } })

      const closed = 'hours: "00:00-00:01 Etc/GMT+12"'
      const taken = await reload(text('max-clients: 3', closed, 'quota: 1GiB', 'compression: none'))
      t.strictSame(taken.taken, [...['token', 'upload-limit', 'quota', 'hours', 'max-clients']])
      t.strictSame(taken.needRestart, ['compression'])
      t.match(await status(), { limits: { uploadBytesPerSecond: null, maxClients: 3 } })
      t.match(await status(), { owner: { quotaBytes: 2 ** 30 } })
      await waitFor('the hours end', async () => (await status()).draining)
      const metrics = (await get(`${volunteer.url}/-/metrics`)).body.toString()
      t.match(metrics, '\nmirrorswarm_max_clients 3\n')
      t.match(metrics, '\nmirrorswarm_schedule_open 0\n')

      const refused = await reload(text('max-client: 5'))
      t.match(refused, { level: 50, error: /there is no option "max-client".*max-clients/ })
      t.match(await status(), { limits: { maxClients: 3 }, draining: true }, 'nothing has changed')

      t.strictSame((await reload(text('max-clients: 4'))).needRestart, [])
      t.match(await status(), { limits: { maxClients: 4 } })
      await waitFor('it is open again', async () => !(await status()).draining)
      const data = join(folder, 'mirror.mirrorswarm')
      t.match(await shown(data), { status: 0, text: /^volunteer .*127\.0\.0\.1:\d+$/m })
      t.equal(await volunteer.stop(), 0, 'SIGTERM still ends it')
      t.match(await shown(data), { status: 1, text: /no volunteer runs on/ })
    })
  },
)
