import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { RepoPath, VolunteerName } from '../core/ids.ts'
import { generateKeys, importPublicKey, sha256Hex } from '../core/keys.ts'
import { silentLogger } from '../core/log.ts'
import type { LinkKey } from '../delivery/links.ts'
import { type AuditOrder, decodeReport, encodeOrder } from '../tracker/audit-order.ts'
import { AuditOrders } from './audit-orders.ts'

const ada = 'ada' as VolunteerName
const bob = 'bob' as VolunteerName
const linkKey: LinkKey = { volunteer: ada, secret: Buffer.alloc(32, 7) }
const keys = generateKeys('ed25519')
const bytes = Buffer.alloc(5000, 'right ')

const serve = async (t: Test, listener: RequestListener): Promise<string> => {
  const server = createServer(listener)
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

let ids = 0
const orderOf = (change: Partial<AuditOrder> = {}): AuditOrder => ({
  id: (ids++).toString(16).padStart(32, '0'),
  target: bob,
  path: 'pool/a.deb' as RepoPath,
  query: `c=${'A'.repeat(43)}&e=1&s=${'A'.repeat(22)}`,
  headers: [['User-Agent', 'curl/7.88.1']],
  takeBytes: 5000,
  expiresSeconds: Math.ceil(Date.now() / 1000) + 20,
  ...change,
})

const prepare = async (t: Test, change: { url?: string | null; loopback?: boolean } = {}) => {
  const asked: string[] = []
  const target = await serve(t, (request, response) => {
    asked.push(`${request.url} ${request.rawHeaders.join('|')}`)
    response.end(bytes)
  })
  const url = change.url === undefined ? target : change.url
  const switches = { draining: false }
  const orders = new AuditOrders(
    {
      ...{ linkKey, privateKey: keys.privateKey, logger: silentLogger },
      roster: { urlOf: name => (name === bob ? url : null) },
      clock: { monotonicMs: () => performance.now() },
      originNowMs: () => Date.now(),
      isWithinHours: () => true,
      isDraining: () => switches.draining,
      takeDownload: async () => undefined,
    },
    { allowLoopback: change.loopback ?? true, signal: new AbortController().signal },
  )
  const server = await serve(t, async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    await orders.answer(request, response, Buffer.concat(parts))
  })
  const post = async (body: string) => {
    const answer = await fetch(server, { method: 'POST', body })
    return { status: answer.status, json: (await answer.json()) as Record<string, unknown> }
  }
  const order = (value: AuditOrder, key = linkKey) => post(encodeOrder(key, value))
  return { asked, order, post, switches }
}

t.test('an order is carried out as a client would, once, and the report is signed', async t => {
  const { asked, order } = await prepare(t)
  const wanted = orderOf()
  const { status, json } = await order(wanted)
  t.equal(status, 200)
  const report = decodeReport(ada, json, importPublicKey(keys.publicKey, 'ed25519'))
  t.match(report, { id: wanted.id, status: 200, receivedBytes: 5000, sha256: sha256Hex(bytes) })
  t.match(asked, [/^\/pool\/a\.deb\?c=A+&e=1&s=A+ Host\|[\d.:]+\|User-Agent\|curl\/7\.88\.1$/])
  t.equal(decodeReport(bob, json, importPublicKey(keys.publicKey, 'ed25519')), null)
  t.equal((await order(wanted)).status, 403, 'it is not carried out again')
  t.equal(asked.length, 1)
})

t.test('nobody else can give orders, and old ones are none', async t => {
  const { asked, order, post } = await prepare(t)
  const other = { ...linkKey, secret: Buffer.alloc(32, 8) }
  t.equal((await order(orderOf(), other)).status, 403)
  t.equal((await order(orderOf(), { ...linkKey, volunteer: bob })).status, 403, 'for another one')
  const past = Math.floor(Date.now() / 1000) - 5
  t.equal((await order(orderOf({ expiresSeconds: past }))).status, 403)
  t.equal((await order(orderOf({ expiresSeconds: past + 1000 }))).status, 403, 'good for too long')
  for (const body of ['', '{', '{}', '{"order":1}', 'x'.repeat(10_000)]) {
    t.equal((await post(body)).status, 400, body.slice(0, 20))
  }
  t.strictSame(asked, [])
})

t.test('nothing is asked of anybody but a volunteer, and no path but the repository’s', async t => {
  const { asked, order } = await prepare(t)
  t.equal((await order(orderOf({ target: 'zoe' as VolunteerName }))).status, 400)
  for (const path of [
    '-/status',
    '-/v1/audits',
    '../etc/passwd',
    'a//b',
    '/etc',
    '@evil.example/',
  ]) {
    const { status } = await order(orderOf({ path: path as RepoPath }))
    // What is a path, is one at the volunteer.
    t.equal(status, path.startsWith('@') ? 400 : 400, path)
  }
  for (const query of ['', 'c=1', `c=${'A'.repeat(43)}&e=1&s=${'A'.repeat(22)}&x=1`]) {
    t.equal((await order(orderOf({ query }))).status, 400, query)
  }
  const header = [['Authorization', 'Basic eDp5']] as unknown as AuditOrder['headers']
  t.equal((await order(orderOf({ headers: header }))).status, 400)
  const split = [['User-Agent', 'x\r\nX: y']] as unknown as AuditOrder['headers']
  t.equal((await order(orderOf({ headers: split }))).status, 400)
  t.strictSame(asked, [])
})

t.test('addresses where no volunteer can be are not connected to', async t => {
  for (const url of ['http://169.254.169.254', 'http://[::1]:80', 'http://localhost:1']) {
    const { order } = await prepare(t, { url, loopback: false })
    const { json } = await order(orderOf())
    t.match(json, { report: { end: 'unreachable', status: 0, receivedBytes: 0 } }, url)
  }
})

t.test('the owner comes first: not while draining, and seldom', async t => {
  const { order, switches } = await prepare(t)
  switches.draining = true
  t.equal((await order(orderOf())).status, 503)
  switches.draining = false
  const answers = await Promise.all(Array.from({ length: 8 }, () => order(orderOf())))
  t.ok(
    answers.some(({ status }) => status === 503),
    'only so many at once',
  )
  let carriedOut = 0
  for (let round = 0; round < 150; round++)
    if ((await order(orderOf())).status === 200) carriedOut++
  t.ok(carriedOut > 50 && carriedOut <= 120, `${carriedOut} in an hour`)
})
