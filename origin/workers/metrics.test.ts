// The same requests to an origin with one thread and to one with two more: they count the same.

import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type MetricSeries, parseMetrics } from '../../loadtest/metrics.ts'
import { rawRequest, TestNetwork } from '../fixtures/test-network.ts'

t.setTimeout(120_000)

const skip = process.platform !== 'linux' && 'workers need Linux'

const fill = (repository: string): void => {
  for (const name of ['a.bin', 'b.bin', 'c.bin']) {
    writeFileSync(join(repository, name), Buffer.alloc(20_000, name))
  }
  writeFileSync(join(repository, 'small.txt'), 'small')
  writeFileSync(join(repository, 'InRelease'), Buffer.alloc(5_000, 'index'))
}

interface Asked {
  readonly target: string
  readonly method?: string
  readonly headers?: Record<string, string>
}

const requests: readonly Asked[] = [
  ...['/a.bin', '/b.bin', '/c.bin', '/a.bin?direct', '/a.bin?direct=ada.n.0.x'],
  ...['/nobody.bin', '/small.txt', '/InRelease', '/missing.bin', '/', '/a.bin?sha256', '/a%2fb'],
  ...['/-/via/ada/a.bin', '/-/via/nobody/a.bin', '/-/none', '/a.bin.meta4', '/a.bin?explain'],
].map(target => ({ target }))

const others: readonly Asked[] = [
  { target: '/a.bin', method: 'HEAD' },
  { target: '/small.txt', method: 'HEAD' },
  { target: '/a.bin', method: 'POST' },
  { target: '/a.bin', headers: { range: 'bytes=5-9' } },
  { target: '/nobody.bin', headers: { range: 'bytes=5-9' } },
  { target: '/nobody.bin', headers: { range: 'bytes=90000-' } },
  { target: '/small.txt', headers: { 'if-modified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' } },
  { target: '/-/v1/tokens', method: 'POST' },
  { target: '/-/v1/overview', headers: { authorization: 'Bearer wrong' } },
]

/** What no HTTP server takes; resolves when the connection is over. */
const sendGarbage = (base: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base)
    const socket = connect(Number(port), hostname, () => socket.end('no request at all\r\n\r\n'))
    socket.on('data', () => undefined)
    socket.on('error', reject).on('close', () => resolve())
  })

/** On connections of their own and, several behind one another, on one that stays. */
const ask = async (network: TestNetwork): Promise<void> => {
  const base = network.origin.url
  let client = 0
  for (const { target, method = 'GET', headers = {} } of [...requests, ...others, ...requests]) {
    const asked = { 'user-agent': `client ${client++}`, ...headers }
    await rawRequest(base, target, { method, headers: asked })
  }
  await sendGarbage(base)
  const { hostname, port } = new URL(base)
  const lines = ['/a.bin', '/b.bin', '/small.txt', '/c.bin', '/missing.bin'].map(
    (target, turn) =>
      `GET ${target} HTTP/1.1\r\nhost: ${hostname}\r\nuser-agent: row ${turn}\r\n${turn === 4 ? 'connection: close\r\n' : ''}\r\n`,
  )
  await new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(lines.join('')))
    socket.on('data', () => undefined)
    socket.on('error', reject).on('close', () => resolve())
  })
}

const nameOf = ({ name, labels }: MetricSeries): string =>
  `${name} ${JSON.stringify(Object.entries(labels).sort())}`

/** What requests alone decide; the rest depends on time, the machine and the volunteer's announces. */
const comparable =
  /^mirrorswarm_(?:requests|sent_bytes|not_redirected|errors|bounces|volunteer_redirects|volunteer_redirected_bytes)_total |^mirrorswarm_decision_seconds_count /

const measure = async (t: Test, workers: number): Promise<ReadonlyMap<string, number>> => {
  const network = await TestNetwork.start(t, fill, { workers, announceIntervalMs: 60_000 })
  await network.waitForSnapshot(1)
  const ada = await network.volunteer('ada', { holds: [0, 1, 2, 3, 4] })
  writeFileSync(join(network.repository, 'nobody.bin'), Buffer.alloc(20_000, 'nobody'))
  await network.publish()
  await ada.announce({ holds: [0, 1, 2, 3, 4] })
  await ask(network)
  const text = (await network.get('/-/metrics')).body.toString()
  const series = parseMetrics(text)
  const found = new Map(series.map(each => [nameOf(each), each.value]))
  t.equal(found.size, series.length, 'no series twice')
  const worker = [...found.keys()].filter(name => name.startsWith('mirrorswarm_worker_'))
  t.equal(worker.length, workers === 1 ? 0 : 3)
  for (const name of worker) found.delete(name)
  return found
}

t.test(
  'metrics with workers are those of one thread, nothing double or missing',
  { skip },
  async t => {
    const alone = await measure(t, 1)
    const shared = await measure(t, 2)
    t.same([...shared.keys()].sort(), [...alone.keys()].sort(), 'the same series')
    const counts = (found: ReadonlyMap<string, number>) =>
      Object.fromEntries([...found].filter(([name]) => comparable.test(name)).sort())
    t.ok(Object.values(counts(alone)).filter(count => count > 0).length > 15, 'enough is counted')
    t.same(counts(shared), counts(alone), 'the same numbers')
  },
)
