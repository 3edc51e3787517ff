// Whole processes: an origin, a volunteer as its owner starts it behind nginx, and nginx set up by
// deploy/nginx/. What clients are redirected to is nginx, and nginx sends the bytes.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { bytesServedToClients } from '../loadtest/counters.ts'
import { waitUntil } from '../loadtest/deadline.ts'
import type { Network, Volunteer } from '../loadtest/network.ts'
import { nginxCommand, volunteerFront } from '../loadtest/nginx.ts'
import { freePort } from '../loadtest/ports.ts'
import { ProcessGroup } from '../loadtest/process-group.ts'
import { missing } from '../loadtest/programs.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { type Answer, type Asked, askFrom, essence } from './plain-request.ts'
import { prepareNetwork } from './start-network.ts'

t.setTimeout(120_000)

const name = 'pool/main/a b+c_1.0~rc1_amd64.deb'
const path = `/${name.split('/').map(encodeURIComponent).join('/')}`
const bytes = noise('nginx', 700_000)
/** Not a proxy: who comes from there is answered by the volunteer itself. */
const outsider = '127.0.0.3'

interface Fronted {
  readonly network: Network
  readonly volunteer: Volunteer
  /** Whom nginx asked for each request of an agent, and what that answered: "-" when nobody. */
  upstreamOf(agent: string): readonly string[]
}

const startFronted = async (t: Test): Promise<Fronted> => {
  const network = await prepareNetwork(t, { originArgs: ['--audit-interval', '24h'] })
  const file = join(network.repository, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, bytes)
  await network.origin.start()
  await network.waitForSnapshot(1)
  const port = await freePort()
  const volunteer = await network.prepareVolunteer(await network.createToken(1), {
    name: 'ada',
    args: [
      ...['--public-url', `http://127.0.0.1:${port}/`],
      ...['--trusted-proxy', '127.0.0.1', '--accel-redirect', '/handed/'],
    ],
  })
  const folder = join(network.folder, 'nginx')
  const log = join(folder, 'access.log')
  const [program, ...args] = nginxCommand(
    folder,
    volunteerFront({
      port,
      volunteerPort: volunteer.listenPort,
      handedFolder: `${volunteer.mirror}.handed`,
    }),
    `log_format upstream '$http_user_agent|$request_method $upstream_status';
    access_log ${log} upstream;`,
  )
  const nginx = new ProcessGroup(program, args, {})
  t.teardown(async () => {
    nginx.signal('SIGKILL')
    await nginx.exited
  })
  await waitUntil('nginx answers', () =>
    askFrom(outsider, `http://127.0.0.1:${port}/`).then(
      ({ status }) => status === 502,
      () => false,
    ),
  )
  await volunteer.start()
  await network.waitForState('synced')
  const upstreamOf = (agent: string): string[] =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter(line => line.startsWith(`${agent}|`))
      .map(line => line.slice(agent.length + 1))
  return { network, volunteer, upstreamOf }
}

/** Until the origin redirects, which it does once it has reached the volunteer. */
const linkFor = ({ network }: Fronted): Promise<string> =>
  waitUntil('a redirect', async () => {
    const { status, headers } = await askFrom(outsider, `${network.origin.url}${path}`)
    return status === 302 ? String(headers.location) : null
  })

t.test(
  'a volunteer behind nginx: links lead to nginx, which sends what the origin would',
  { skip: missing('nginx') },
  async t => {
    const fronted = await startFronted(t)
    const { network, volunteer, upstreamOf } = fronted
    const link = await linkFor(fronted)
    const target = new URL(link)
    t.not(target.port, String(volunteer.listenPort), 'the link is to nginx')

    const own = `http://127.0.0.1:${volunteer.listenPort}${target.pathname}${target.search}`
    const etag = String((await askFrom(outsider, own)).headers.etag)
    const before = await bytesServedToClients(network, volunteer)
    const asked: readonly (readonly [Asked, string])[] = [
      [{}, '501'],
      [{ headers: { range: 'bytes=100000-' } }, '501'],
      [{ headers: { range: 'bytes=0-9' } }, '501'],
      [{ headers: { range: 'bytes=5-6', 'if-range': etag } }, '501'],
      [{ headers: { range: 'bytes=0-1,10-11' } }, '206'],
      [{ headers: { 'if-none-match': etag } }, '304'],
      [{ headers: { range: 'bytes=700000-' } }, '416'],
      [{ method: 'HEAD' }, '200'],
    ]
    const seen: string[] = []
    for (const [each, upstream] of asked) {
      const headers = { ...each.headers, 'user-agent': 'compared' }
      const through = await askFrom('127.0.0.1', link, { ...each, headers })
      t.strictSame(essence(through), essence(await askFrom(outsider, own, { ...each, headers })))
      seen.push(`${each.method ?? 'GET'} ${upstream}`)
    }
    await waitUntil('what nginx logged', () => upstreamOf('compared').length === asked.length)
    t.strictSame(upstreamOf('compared'), seen, 'nginx sent the bytes, the volunteer the rest')
    const counted = (await bytesServedToClients(network, volunteer)) - before
    t.ok(counted > 2 * bytes.length, `what nginx sends is counted: ${counted} bytes`)

    await t.test('the origin would have answered the same', async t => {
      const direct = `${network.origin.url}${path}?direct`
      for (const method of ['GET', 'HEAD']) {
        const here = await askFrom(outsider, direct, { method })
        const there = await askFrom(outsider, link, { method })
        const validators = ({ status, headers, body }: Answer) => ({
          ...{ status, body, length: headers['content-length'] },
          ...{ etag: headers.etag, modified: headers['last-modified'] },
          ...{ digest: headers['repr-digest'] },
        })
        t.strictSame(validators(there), validators(here), method)
        if (method === 'GET') t.equal(here.body, bytes.toString('latin1'))
      }
    })

    await t.test('what the origin has not signed is refused, and nobody names a file', async t => {
      const altered = new URL(link)
      altered.search = altered.search.replace(/.$/, last => (last === 'A' ? 'B' : 'A'))
      const other = new URL(link)
      other.pathname = '/pool/main/other.deb'
      const bare = new URL(link)
      bare.search = ''
      for (const { href } of [altered, other, bare]) {
        t.equal((await askFrom(outsider, href)).status, 403, href)
      }
      const [, sha256] = /sha256-([0-9a-f]{64})/.exec(etag) ?? []
      t.ok(sha256)
      t.equal((await askFrom(outsider, new URL(`/handed/${sha256}`, link).href)).status, 404)
    })

    await t.test('without the volunteer nginx has nothing to send', async t => {
      await volunteer.stop()
      t.equal((await askFrom(outsider, link)).status, 502)
    })
  },
)
