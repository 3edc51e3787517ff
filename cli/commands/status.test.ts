import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type { Io } from '../io.ts'
import { main } from '../main.ts'
import type { VolunteerRow } from '../operator/operator.ts'
import {
  originStatus,
  renderOriginStatus,
  renderVolunteerStatus,
  type VolunteerDocument,
} from './status.ts'
import { renderVolunteer, renderVolunteers } from './volunteers.ts'

const row = (name: string, more: Partial<VolunteerRow> = {}): VolunteerRow => ({
  ...{ name, url: `http://${name}.example.org/`, state: 'serving', snapshot: 7 },
  ...{ heldFiles: 1, heldBytes: 123_456_789_012, wantedBytes: 123_456_789_012 },
  ...{ clientBytesPerSecond: 1e6, syncBytesPerSecond: 2e6, capacityBytesPerSecond: null },
  ...{ activeClients: 3, lastAnnounceMs: 0, reasons: [] },
  ...more,
})

const wide = row('x'.repeat(63), {
  ...{ snapshot: 1_234_567, state: 'unreachable', heldBytes: 999e12 },
  reasons: [`it cannot be reached: ${'again and '.repeat(30)}`],
})

const widest = (text: string): number => Math.max(...text.split('\n').map(line => line.length))

const running = { url: 'http://o.example.org', snapshot: 7, publishing: false, problem: null }

const document: VolunteerDocument = {
  ...{ name: 'physics', url: 'http://p.example.org/', state: 'syncing', draining: false },
  origin: { url: 'http://o.example.org', answers: false },
  snapshot: { applied: 7, placed: 6 },
  ...{ heldFiles: 10, heldBytes: 1e9, wantedBytes: 2e9 },
  reasons: [`the disk is full, ${'really '.repeat(40)}`],
  load: { clientBytesPerSecond: 1e6, syncBytesPerSecond: 0, activeClients: 2 },
}

t.test('an origin is summed up: states, who is behind, both loads, what is wrong', async t => {
  const rows = [row('a'), row('b', { snapshot: 6, state: 'syncing' }), row('c', { snapshot: null })]
  const status = originStatus(running, rows)
  t.match(status, { behind: 2, clientBytesPerSecond: 3e6, syncBytesPerSecond: 6e6 })
  t.same(status.states, { serving: 2, syncing: 1 })
  const text = renderOriginStatus(status, 1000)
  t.match(text, /^volunteers 2 serving, 1 syncing$/m)
  t.match(text, /^behind {5}2 of 3$/m)
  t.match(text, /^publish {4}in order$/m)
  const problem = { code: 'MS_PUBLISH_SHRINKS', message: 'a tenth is gone' }
  const failed = renderOriginStatus(originStatus({ ...running, problem }, rows), 1000)
  t.match(failed, /^publish {4}failed: a tenth is gone \(MS_PUBLISH_SHRINKS\)$/m)
  const stopped = renderOriginStatus(originStatus({ ...running, url: null }, []), 1000)
  t.match(stopped, /^origin {5}is not running$/m)
  t.match(stopped, /^volunteers none$/m)
})

t.test('nothing that is shown is wider than 80 columns', async t => {
  const nowMs = 400 * 86_400_000
  t.ok(widest(renderVolunteers([wide, row('a')], nowMs)) <= 80)
  const networks = Array.from({ length: 30 }, (_, index) => `10.${index}.0.0/16`)
  t.ok(widest(renderVolunteer({ ...wide, url: 'http://a/', networks }, nowMs)) <= 80)
  const status = originStatus(running, [wide, row('a')])
  t.ok(widest(renderOriginStatus(status, nowMs)) <= 80)
  const text = renderVolunteerStatus(document)
  t.ok(widest(text) <= 80)
  t.match(text, /does not answer/)
  t.match(text, /^snapshot {3}7, 6 is in place$/m)
})

const run = async (...words: string[]) => {
  const printed: string[] = []
  const noted: string[] = []
  const io: Io = {
    ...{ draw: () => undefined, interactive: false, columns: 80 },
    print: text => printed.push(text),
    note: text => noted.push(text),
    stopped: new AbortController().signal,
    onHangup: () => undefined,
  }
  const status = await main(['status', ...words], {}, io)
  return { status, printed: printed.join('\n'), noted: noted.join('\n') }
}

t.test('a daemon is asked over HTTP; what is no daemon is said to be none', async t => {
  const answers: Record<string, readonly [number, unknown]> = {
    '/-/status': [200, document],
    '/young/-/status': [200, { name: 'physics', state: 'enrolling' }],
    '/odd/-/status': [200, []],
    '/-/ready': [503, { ready: false, snapshot: null }],
    '/-/v1/volunteers': [200, { volunteers: [row('a', { snapshot: null })] }],
  }
  const server = createServer(({ url = '' }, response) => {
    const [code, body] = answers[url] ?? [404, 'no']
    response.writeHead(code).end(JSON.stringify(body))
  })
  t.teardown(() => server.close())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  t.match(await run('--url', url), { status: 0, printed: /^volunteer {2}physics at/ })
  t.same(JSON.parse((await run('--url', url, '--json')).printed), document)
  t.match(await run('--url', `${url}young`), { status: 0, printed: 'physics is enrolling' })
  for (const wrong of ['odd', 'other']) {
    t.match(await run('--url', url + wrong), { status: 1, noted: /is no volunteer/ })
  }
  const origin = await run('--origin', url)
  t.match(origin, { status: 0, printed: /^snapshot {3}none yet$/m })
  t.match(origin.printed, /^publish {4}shown to the operator only$/m)
  t.match(JSON.parse((await run('--origin', url, '--json')).printed), {
    ...{ snapshot: null, behind: 0, publishing: null, states: { serving: 1 } },
  })
  t.match(await run('--url', url, '--data', '/x'), { status: 2, noted: /--url excludes/ })
})
