import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseEvents, parseStart, type StreamEvent } from '../../dashboard/logic/event-text.ts'
import type { Overview, ShownRedirect } from '../../dashboard/logic/overview.ts'
import { eventually, TestNetwork } from '../fixtures/test-network.ts'

t.setTimeout(180_000)

const fill = (repository: string): void => {
  for (const folder of ['open', 'closed']) {
    mkdirSync(join(repository, folder))
    writeFileSync(join(repository, folder, 'file.bin'), Buffer.alloc(20_000, folder))
  }
}

/** A stream of events, read in the background until the test ends. */
const watch = async (
  t: Test,
  network: TestNetwork,
  headers: Record<string, string>,
): Promise<{ events: StreamEvent[]; ended: () => boolean }> => {
  const sent = request(new URL('/-/events', network.origin.url), { headers, agent: false })
  sent.end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  t.teardown(() => answer.destroy())
  t.equal(answer.statusCode, 200)
  t.match(answer.headers, { 'content-type': /^text\/event-stream/, 'cache-control': 'no-store' })
  const events: StreamEvent[] = []
  let state = parseStart()
  answer.setEncoding('utf8')
  answer.on('error', () => undefined)
  answer.on('data', (text: string) => {
    const parsed = parseEvents(state, text)
    state = parsed.state
    events.push(...parsed.events)
  })
  return { events, ended: () => answer.readableEnded || answer.destroyed }
}

const bearer = async (network: TestNetwork) => ({
  authorization: `Bearer ${await network.operatorToken()}`,
})

t.test('without --public-dashboard the network is shown to its operator', async t => {
  const network = await TestNetwork.start(t, fill)
  await network.waitForSnapshot(1)
  for (const target of ['/-/events', '/-/v1/overview']) {
    t.equal((await network.get(target)).status, 401, target)
    const wrong = { authorization: 'Bearer wrong' }
    t.equal((await network.get(target, wrong)).status, 403, target)
    t.notOk((await network.get(target)).headers['www-authenticate'], 'no browser asks by itself')
  }
  t.equal((await network.operate('/-/events?after=x', null)).status, 400)
  const operator = await bearer(network)
  const { events, ended } = await watch(t, network, operator)
  const ada = await network.volunteer('ada', { change: { reasons: ['/closed/file.bin is odd'] } })
  await eventually('the row', async () =>
    events.some(({ event, data }) => event === 'volunteers' && data.includes('is odd')),
  )
  t.ok(events.some(({ event, id }) => event === 'enrolled' && Number(id) > 0))
  t.notMatch(JSON.stringify(events), /linkKey|publicKey/)

  await network.get('/open/file.bin')
  const shown = await eventually(
    'the redirect',
    async () => events.find(each => each.event === 'redirect') ?? null,
  )
  const redirect = JSON.parse(shown.data) as ShownRedirect
  t.match(redirect, { network: '127.0.0.0', path: '/open/file.bin', volunteer: 'ada' })
  t.match(redirect.why, /less loaded of two|served this client/)

  const look = async () => (await network.json('/-/v1/overview')) as unknown as Overview
  const overview = await look()
  t.match(overview, { operator: true, snapshot: { number: 1, files: 2 } })
  t.match(overview.totals, { redirects: 1, redirectedBytes: 20_000 })
  t.match(overview.volunteers, [{ name: 'ada', state: 'synced', url: ada.url }])
  t.match(overview.releases, [{ number: 1, members: [{ name: 'ada', done: true }] }])
  t.match(overview.happenings.at(-1), { text: 'ada enrolled' })

  const last = events.findLast(({ id }) => id !== undefined)?.id ?? ''
  await network.operate('/-/v1/volunteers/ada', { action: 'drain' })
  await eventually('the drain', async () => events.some(({ event }) => event === 'owner'))
  const { body } = await network.operate('/-/metrics', null)
  t.match(body.toString(), /mirrorswarm_queue_length\{queue="events"\} 1/)
  await network.restart()
  await eventually('the end', async () => ended())
  const { totals, happenings } = await look()
  t.match(totals, { redirects: 1, redirectedBytes: 20_000, sinceMs: overview.totals.sinceMs })
  t.same(happenings.slice(0, overview.happenings.length), overview.happenings)
  const resumed = await watch(t, network, { ...operator, 'last-event-id': last })
  const owner = await eventually(
    'what was missed',
    async () => resumed.events.find(({ event }) => event === 'owner') ?? null,
  )
  t.match(JSON.parse(owner.data), { name: 'ada', settings: { draining: true } })
  await eventually('the picture', async () => resumed.events.at(-1)?.event === 'overview')
})

t.test('with it, whoever may read files may watch, and sees what it may read', async t => {
  const network = await TestNetwork.start(t, fill, { publicDashboard: true, requireClients: true })
  await network.waitForSnapshot(1)
  t.equal((await network.get('/-/events')).status, 401)
  const add = async (name: string, paths: string[]) => {
    const { body } = await network.operate('/-/v1/clients', { name, paths })
    return { authorization: `Bearer ${JSON.parse(body.toString()).bearer}` }
  }
  const all = await add('all', [])
  const some = await add('some', ['/open'])
  await network.volunteer('ada', { change: { reasons: ['/closed/file.bin is odd'] } })
  for (const [headers, sees] of [
    [all, true],
    [some, false],
  ] as const) {
    const { events } = await watch(t, network, headers)
    await eventually('the picture', async () => events.length > 0)
    const { body } = await network.get('/-/v1/overview', headers)
    t.match(JSON.parse(body.toString()), { operator: false, volunteers: [{ name: 'ada' }] })
    t.equal(body.includes('is odd'), sees, 'reasons may name files')
    t.equal(events[0]?.data.includes('is odd'), sees)
    await network.get('/open/file.bin', headers)
    t.notOk(events.some(({ event }) => event === 'redirect'))
  }
})

t.test('a page among the files cannot reach what the dashboard keeps', async t => {
  const network = await TestNetwork.start(t, repository => {
    writeFileSync(join(repository, 'page.html'), '<script>steal()</script>'.repeat(300))
    writeFileSync(join(repository, 'picture.svg'), '<svg/>')
    writeFileSync(join(repository, 'file.bin'), 'x'.repeat(9_000))
  })
  await network.waitForSnapshot(1)
  for (const target of ['/page.html', '/page.html?direct', '/picture.svg']) {
    const { headers } = await network.get(target)
    t.match(headers['content-security-policy'], /^sandbox allow-scripts/, target)
    t.notMatch(headers['content-security-policy'], /allow-same-origin/)
  }
  const { headers } = await network.get('/file.bin')
  t.equal(headers['content-security-policy'], undefined)
})

t.test('the pages are for everybody, hold no data, and load nothing from elsewhere', async t => {
  const network = await TestNetwork.start(t, fill, { requireClients: true })
  for (const name of ['', 'releases', 'traffic', 'redirects', 'explain', 'manage']) {
    const { status, headers, body } = await network.get(`/-/ui/${name}`)
    t.equal(status, 200, name)
    t.match(headers['content-security-policy'], /^default-src 'none'; script-src 'self'; style/)
    const text = body.toString()
    t.notMatch(text, /(?:src|href)="(?!\.\/|#)/, 'relative addresses only')
    t.notMatch(text, /style=|onclick=|<script>|<style/, 'nothing that the policy would refuse')
    for (const [, target = ''] of text.matchAll(/(?:src|href)="\.\/([^"]*)"/g)) {
      const answer = await network.get(`/-/ui/${target.replace(/#.*/, '')}`)
      t.equal(answer.status, 200, target)
    }
    const again = await network.get(`/-/ui/${name}`, { 'if-none-match': headers.etag ?? '' })
    t.equal(again.status, 304)
  }
  t.match((await network.get('/-/ui')).headers, { location: './ui/' })
  for (const name of ['nothing', '../v1/overview', 'browser/', '%2e%2e/%2e%2e/package.json']) {
    t.not((await network.get(`/-/ui/${name}`)).status, 200, name)
  }
})
