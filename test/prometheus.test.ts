// Holds deploy/prometheus against reality: promtool accepts it, its alerts fire when they should,
// runbooks are there, and a real Prometheus that scrapes a real network has data for every rule.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { waitUntil } from '../loadtest/deadline.ts'
import { freePort } from '../loadtest/ports.ts'
import { ProcessGroup } from '../loadtest/process-group.ts'
import { missing, plainEnvironment, run } from '../loadtest/programs.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { get, prepareNetwork, redirectTarget } from './start-network.ts'

t.setTimeout(240_000)

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

/** Selectors of series in an expression, without the time. */
const selectors = (expr: string): string[] =>
  Array.from(
    expr.matchAll(/\b(?:mirrorswarm[:_][\w:]+|up)(?:\{[^}]*\})?/g),
    ([selector]) => selector,
  )

t.test('a real Prometheus has data for every rule and alert', { skip }, async t => {
  const network = await prepareNetwork(t, { originArgs: ['--announce-interval', '1s'] })
  for (let n = 0; n < 8; n++) {
    writeFileSync(join(network.repository, `file-${n}.bin`), noise(`file ${n}`, 200_000))
  }
  writeFileSync(join(network.repository, 'kept.db'), noise('kept', 20_000))
  await network.origin.start()
  await network.addVolunteers(3)
  await network.waitForState('synced')

  const metrics = join(network.folder, 'prometheus')
  mkdirSync(metrics)
  // The same rules, with windows as short as the test.
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

  const hasData = async (query: string): Promise<boolean> => {
    const url = `http://${listen}/api/v1/query?query=${encodeURIComponent(query)}`
    const body = await get(url).then(
      answer => answer.body.toString(),
      () => '{}',
    )
    const answer = JSON.parse(body) as { data?: { result: unknown[] } }
    return (answer.data?.result.length ?? 0) > 0
  }
  // Without TLS there is no certificate that could end.
  const wanted = new Set(
    rules
      .flatMap(({ record, expr }) => [
        ...(record === undefined ? [] : [record]),
        ...selectors(expr),
      ])
      .filter(selector => !selector.startsWith('mirrorswarm_certificate_')),
  )
  t.ok(wanted.size > 15, `${wanted.size} queries`)
  let round = 0
  await waitUntil(
    'data for every rule',
    async () => {
      round++
      await get(`${network.origin.url}/kept.db`)
      const target = await redirectTarget(
        `${network.origin.url}/file-${round % 8}.bin`,
        `reader ${round}`,
      )
      if (target !== null) await get(target)
      for (const query of wanted) {
        if (!(await hasData(query))) return false
        wanted.delete(query)
      }
      return true
    },
    { timeoutMs: 100_000, everyMs: 200, details: () => [...wanted].join('\n') },
  )
  t.same([...wanted], [])
})
