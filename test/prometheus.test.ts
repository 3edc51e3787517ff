// Holds deploy/prometheus and deploy/grafana against reality: promtool accepts rules and metrics, alerts
// fire when they should, runbooks are there, dashboards are what their code makes, and a real Prometheus
// that scrapes a real network has data for every rule and panel.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { dashboardFiles, dashboardFolder } from '../deploy/grafana/dashboards.ts'
import { waitUntil } from '../loadtest/deadline.ts'
import type { Network } from '../loadtest/network.ts'
import { freePort } from '../loadtest/ports.ts'
import { ProcessGroup } from '../loadtest/process-group.ts'
import { missing, plainEnvironment, run } from '../loadtest/programs.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { get, prepareNetwork, redirectTarget } from './start-network.ts'

t.setTimeout(360_000)

interface Rule {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
  readonly annotations?: { readonly runbook_url: string }
}

const root = dirname(import.meta.dirname)
const folder = join(root, 'deploy/prometheus')
const rulesText = readFileSync(join(folder, 'mirrorswarm.rules.yml'), 'utf8')
const rules = (parse(rulesText) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  group => group.rules,
)
const skip = missing('promtool', 'prometheus')

t.test('the runbooks that alerts name are in docs/OPERATIONS.md', async t => {
  const text = readFileSync(join(root, 'docs/OPERATIONS.md'), 'utf8')
  const anchors = new Set(
    Array.from(text.matchAll(/^#+ (.+)$/gm), ([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .replace(/\s/g, '-'),
    ),
  )
  const alerts = rules.filter(({ alert }) => alert !== undefined)
  t.ok(alerts.length > 8)
  for (const { alert, annotations } of alerts) {
    const [file, anchor = ''] = (annotations?.runbook_url ?? '').split('#')
    t.equal(file, 'docs/OPERATIONS.md')
    t.ok(anchors.has(anchor), `${alert}: #${anchor}`)
  }
})

t.test(
  'promtool accepts the rules and the example, and alerts fire as they should',
  {
    skip,
  },
  async t => {
    for (const args of [
      ['check', 'rules', join(folder, 'mirrorswarm.rules.yml')],
      ['check', 'config', join(folder, 'prometheus.yml')],
      ['test', 'rules', join(folder, 'mirrorswarm.rules.test.yml')],
    ]) {
      const { status, stdout, stderr } = await run('promtool', args)
      t.equal(status, 0, `${args.slice(0, 2).join(' ')}: ${stdout}${stderr}`)
    }
  },
)

t.test('the dashboards are what npm run grafana writes', async t => {
  const files = dashboardFiles()
  t.same(readdirSync(dashboardFolder).sort(), [...files.keys()].sort())
  for (const [name, text] of files) {
    t.ok(readFileSync(join(dashboardFolder, name), 'utf8') === text, `${name}: npm run grafana`)
    const { uid, panels } = JSON.parse(text) as Dashboard
    t.equal(`${uid}.json`, `mirrorswarm-${name}`)
    t.equal(new Set(panels.map(({ id }) => id)).size, panels.length, 'each has its id')
  }
})

/** Selectors of series in an expression, without the time. */
const selectors = (expr: string): string[] =>
  Array.from(
    expr.matchAll(/\b(?:mirrorswarm[:_][\w:]+|up)(?:\{[^}]*\})?/g),
    ([selector]) => selector,
  )

interface Dashboard {
  readonly uid: string
  readonly panels: readonly {
    readonly id: number
    readonly targets?: readonly { readonly expr: string }[]
  }[]
}

/** What the panels ask, with windows as short as the test and all volunteers chosen. */
const panelQueries = (): string[] =>
  [...dashboardFiles().values()]
    .flatMap(text => (JSON.parse(text) as Dashboard).panels)
    .flatMap(({ targets }) => targets ?? [])
    .map(({ expr }) => expr.replaceAll('$__rate_interval', '10s').replaceAll('$volunteer', '.+'))

/** Queries of rules, alerts' series and panels; without TLS there is no certificate that could end. */
const allQueries = (): Set<string> =>
  new Set(
    [
      ...rules.flatMap(({ record, expr }) => [
        ...(record === undefined ? [] : [record]),
        ...selectors(expr),
      ]),
      ...panelQueries(),
    ].filter(query => !query.includes('mirrorswarm_certificate_')),
  )

/** A Prometheus that reads the network, with the same rules but windows as short as the test. */
const startPrometheus = async (t: Test, network: Network): Promise<string> => {
  const metrics = join(network.folder, 'prometheus')
  mkdirSync(metrics)
  writeFileSync(join(metrics, 'rules.yml'), rulesText.replaceAll(/\[(?:5m|1h)\]/g, '[10s]'))
  const job = (name: string, urls: readonly string[]) => ({
    job_name: name,
    metrics_path: '/-/metrics',
    static_configs: [{ targets: urls.map(url => new URL(url).host) }],
  })
  const configuration = {
    global: { scrape_interval: '500ms', evaluation_interval: '500ms' },
    rule_files: ['rules.yml'],
    scrape_configs: [
      job('mirrorswarm-origin', [network.origin.url]),
      job(
        'mirrorswarm-volunteers',
        network.volunteers.map(({ url }) => url),
      ),
    ],
  }
  writeFileSync(join(metrics, 'prometheus.yml'), JSON.stringify(configuration))
  const listen = `127.0.0.1:${await freePort()}`
  const prometheus = new ProcessGroup(
    'prometheus',
    [
      `--config.file=${join(metrics, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(metrics, 'data')}`,
      `--web.listen-address=${listen}`,
    ],
    { env: plainEnvironment() },
  )
  t.teardown(async () => {
    prometheus.signal('SIGKILL')
    await prometheus.exited
  })
  return `http://${listen}`
}

/** Whether a query has a number for an answer. */
const hasData = async (prometheus: string, query: string): Promise<boolean> => {
  const url = `${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`
  const body = await get(url).then(
    answer => answer.body.toString(),
    () => '{}',
  )
  const answer = JSON.parse(body) as {
    readonly error?: string
    readonly data?: { readonly result: readonly { readonly value: readonly [number, string] }[] }
  }
  if (answer.error !== undefined) throw new Error(`${query}: ${answer.error}`)
  return answer.data?.result.some(({ value }) => Number.isFinite(Number(value[1]))) ?? false
}

const title = 'a real Prometheus has data for every rule, alert and panel'
t.test(title, { skip }, async t => {
  const network = await prepareNetwork(t, { originArgs: ['--announce-interval', '1s'] })
  const write = (name: string): void =>
    writeFileSync(join(network.repository, name), noise(name, 200_000))
  for (let n = 0; n < 8; n++) write(`file-${n}.bin`)
  writeFileSync(join(network.repository, 'kept.db'), noise('kept', 20_000))
  await network.origin.start()
  const args = ['--quota', '10GB', '--upload-limit', '100MB', '--max-clients', '100']
  await network.addVolunteers(3, { args })
  await network.waitForState('synced')
  const prometheus = await startPrometheus(t, network)

  for (const daemon of [network.origin, ...network.volunteers.slice(0, 1)]) {
    const input = (await get(`${daemon.url}/-/metrics`)).body.toString()
    const options = { input, env: plainEnvironment(), encoding: 'utf8' } as const
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], options)
    t.equal(status, 0, `${daemon.name}: ${stdout}${stderr}`)
  }

  const wanted = allQueries()
  t.ok(wanted.size > 100, `${wanted.size} queries`)
  // Numbers grow only for a Prometheus that saw them before.
  await waitUntil('a scrape', () => hasData(prometheus, 'mirrorswarm_volunteer_info'))
  write('new.bin')
  await network.publish()
  let round = 0
  await waitUntil(
    'data for every query',
    async () => {
      round++
      await get(`${network.origin.url}/kept.db`)
      const target = await redirectTarget(
        `${network.origin.url}/file-${round % 8}.bin`,
        `reader ${round}`,
      )
      if (target !== null) await get(target)
      for (const query of wanted) {
        if (!(await hasData(prometheus, query))) return false
        wanted.delete(query)
      }
      return true
    },
    { timeoutMs: 200_000, everyMs: 200, details: () => [...wanted].join('\n') },
  )
  t.same([...wanted], [])
  const certificate = 'mirrorswarm_certificate_expires_timestamp_seconds'
  t.notOk(await hasData(prometheus, certificate), 'without TLS there is none, not one that ended')
})
