// What a volunteer answers over HTTP: genuine links, and everything else.

import { appendFile, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../core/clock.ts'
import type { RepoPath, VolunteerName } from '../core/ids.ts'
import { silentLogger } from '../core/log.ts'
import { parseNetwork } from '../core/networks.ts'
import { parseBounce, verifyBounce } from '../delivery/bounces.ts'
import { ClientAddresses } from '../delivery/client-address.ts'
import { HandOver } from '../delivery/hand-over.ts'
import type { LinkKey } from '../delivery/links.ts'
import { until } from './test-mirror.ts'
import { bytes, linkKey, nowSeconds, prepareServing } from './test-serving.ts'

const package1 = 'pool/a%20b.deb'
const bounce = 'http://origin.example/mirror/pool/a%20b.deb?direct'

t.test('a genuine link is served whole, in ranges, and as 304', async t => {
  const { get, link, repository } = await prepareServing(t)
  const whole = await get(link(package1))
  t.equal(whole.status, 200)
  t.ok(whole.body.equals(bytes))
  const { sha256, modifiedSeconds } = repository.contentAt(package1)
  t.equal(whole.headers.etag, `"sha256-${sha256}"`)
  t.equal(whole.headers['last-modified'], new Date(modifiedSeconds * 1000).toUTCString())
  const part = await get(link(package1), { range: 'bytes=5-9' })
  t.match(part, { status: 206, headers: { 'content-range': `bytes 5-9/${bytes.length}` } })
  t.equal(part.body.toString(), '56789')
  const resumed = await get(link(package1), {
    range: 'bytes=199990-',
    'if-range': String(whole.headers['last-modified']),
  })
  t.match(resumed, { status: 206 })
  t.equal(resumed.body.toString(), '0123456789')
  const several = await get(link(package1), { range: 'bytes=0-1,100000-100001' })
  t.match(several.headers['content-type'], /multipart\/byteranges/)
  t.equal((await get(link(package1), { 'if-none-match': String(whole.headers.etag) })).status, 304)
  const head = await get(link(package1), {}, 'HEAD')
  t.match(head, { status: 200, headers: { 'content-length': String(bytes.length) } })
  t.equal(head.body.length, 0)
})

t.test('missing and forged signatures, and links for other paths, are refused', async t => {
  const { get, link } = await prepareServing(t)
  const foreign: LinkKey = { ...linkKey, secret: Buffer.alloc(32, 8) }
  const query = link(package1).split('?')[1]
  for (const target of [
    `/${package1}`,
    link(package1, { key: foreign }),
    link(package1, { key: { ...linkKey, volunteer: 'bob' as VolunteerName } }),
    `/pool/other.deb?${query}`,
    `/dists/Release?${query}`,
    '/no/such/path',
    '/pool/',
  ]) {
    const answer = await get(target)
    t.equal(answer.status, 403, target)
    t.match(answer.body.toString(), /^[^\n]+\n$/)
  }
})

t.test('paths that are none are refused, other methods too', async t => {
  const { get } = await prepareServing(t)
  for (const target of ['/../etc/passwd', '/%2e%2e/x', '/a%2fb', '/a%00b', '/%zz']) {
    t.equal((await get(target)).status, 400, target)
  }
  t.match(await get('/x', {}, 'DELETE'), { status: 405, headers: { allow: 'GET, HEAD' } })
})

t.test('expired, outside hours, draining, full or not held goes back to the origin', async t => {
  const { get, link, switches, volunteer, repository } = await prepareServing(t)
  const { sha256 } = repository.contentAt(package1)
  const isBounced = async (target: string, why: string): Promise<void> => {
    const answer = await get(target)
    t.match(
      answer,
      { status: 307, headers: { location: bounce, 'cache-control': 'no-store' } },
      why,
    )
    const claim = parseBounce(String(answer.headers.location).slice(`${bounce}=`.length))
    t.equal(claim?.reason, why)
    const asked = { path: package1 as RepoPath, sha256 }
    t.ok(claim !== null && verifyBounce(linkKey, claim, asked, nowSeconds()), 'and it is signed')
  }
  await isBounced(link(package1, { expires: nowSeconds() - 5 }), 'expired')
  switches.open = false
  await isBounced(link(package1), 'outside hours')
  switches.open = true
  switches.draining = true
  await isBounced(link(package1), 'draining')
  switches.draining = false
  volunteer.store.forget([package1 as RepoPath])
  t.notOk(volunteer.store.holds(repository.contentAt(package1).number))
  await isBounced(link(package1), 'not held')
})

t.test('expiry is measured by the origin’s clock', async t => {
  const ahead = await prepareServing(t, { originAheadMs: 1_000_000 })
  t.equal((await ahead.get(ahead.link(package1))).status, 307)
  const later = nowSeconds() + 1_100
  t.equal((await ahead.get(ahead.link(package1, { expires: later }))).status, 200)
})

t.test('a held file that was changed is never sent, and no longer held', async t => {
  const { get, link, volunteer, repository, switches } = await prepareServing(t)
  const file = join(volunteer.mirror, 'pool/a b.deb')
  // Often enough to be in memory by then.
  for (let turn = 0; turn < 4; turn++) {
    const { status, body } = await get(link(package1))
    t.ok(status === 200 && body.equals(bytes))
  }
  await writeFile(file, Buffer.from(bytes).fill('x', 0, 10))
  t.match(await get(link(package1)), { status: 307 })
  t.notOk(volunteer.store.holds(repository.contentAt(package1).number))
  t.strictSame(switches.lost, [package1])
  await rm(join(volunteer.mirror, 'pool/other.deb'))
  t.match(await get(link('pool/other.deb')), { status: 307 })
})

t.test(
  'a file that grows while it is sent ends in a cut connection, not in wrong bytes',
  async t => {
    const { get, link, volunteer, switches } = await prepareServing(t, {
      uploadBytesPerSecond: 400_000,
    })
    const sending = get(link(package1))
    await new Promise(resolve => setTimeout(resolve, 100))
    await appendFile(join(volunteer.mirror, 'pool/a b.deb'), 'more')
    await t.rejects(sending)
    await until('it is noticed', () => switches.lost.length > 0)
    t.strictSame(switches.lost, [package1])
  },
)

t.test('no more clients than the owner allows, however many come at once', async t => {
  const { get, link, serving } = await prepareServing(t, {
    maxClients: 2,
    uploadBytesPerSecond: 400_000,
  })
  const answers = await Promise.all(Array.from({ length: 6 }, () => get(link(package1))))
  t.strictSame(answers.map(answer => answer.status).sort(), [200, 200, 307, 307, 307, 307])
  await until('they are gone', () => serving.activeClients === 0)
  t.equal((await get(link(package1))).status, 200)
})

t.test('the own network reads by path, without hours and limits', async t => {
  const { get, switches, link } = await prepareServing(t, {
    networks: [parseNetwork('127.0.0.0/8')],
    maxClients: 0,
    uploadBytesPerSecond: 10,
  })
  switches.open = false
  switches.draining = true
  for (const target of [`/${package1}`, '/latest', `//${package1}`, link(package1)]) {
    const answer = await get(target)
    t.equal(answer.status, 200, target)
    t.ok(answer.body.equals(bytes), target)
  }
  t.match((await get('/')).body.toString(), /href="\.\/pool\/"/)
  t.match(await get('/pool'), { status: 301, headers: { location: './pool/' } })
  t.match((await get('/pool/')).body.toString(), /href="\.\/a%20b\.deb">a b\.deb/)
  t.equal((await get('/nothing')).status, 404)
  t.equal((await get(`/${package1}/`)).status, 404)
})

t.test(
  'the own network sees the snapshot that is in place, and the origin for the rest',
  async t => {
    const { get, repository, volunteer } = await prepareServing(t, {
      networks: [parseNetwork('127.0.0.0/8')],
    })
    await repository.write('dists/Release', 'release 2')
    await repository.write('pool/new.deb', 'n'.repeat(5000))
    await repository.publish()
    t.equal((await get('/dists/Release')).body.toString(), 'release')
    t.match(await get('/pool/new.deb'), { status: 307 })
    await volunteer.sync()
    t.equal((await get('/dists/Release')).body.toString(), 'release 2')
    t.equal((await get('/pool/new.deb')).status, 200)
  },
)

t.test('a public URL with a prefix is understood with and without it', async t => {
  const { get, link } = await prepareServing(t, { prefix: '/lent' })
  t.equal((await get(`/lent${link(package1)}`)).status, 200)
  t.equal((await get(link(package1))).status, 200)
})

t.test('own addresses answer, and only those', async t => {
  const { get } = await prepareServing(t)
  t.match(await get('/-/health'), { status: 200 })
  t.match(JSON.parse((await get('/-/status')).body.toString()), { name: 'ada' })
  t.match((await get('/-/metrics')).body.toString(), /mirrorswarm_held_bytes 2/)
  t.match((await get('/-/enrolment/good')).body.toString(), 'signed')
  t.equal((await get('/-/enrolment/bad')).status, 400)
  t.equal((await get('/-/anything')).status, 404)
})

t.test('a target in absolute form, as proxies send it, is understood', async t => {
  const { get, link } = await prepareServing(t)
  t.equal((await get(`http://ada.example${link(package1)}`)).status, 200)
  t.equal((await get('http://ada.example/nothing')).status, 403)
})

t.test('Apache and lighttpd in front are told of the file by X-Sendfile', async t => {
  const folder = join(t.testdirName, 'handed')
  const handOver = new HandOver(
    { clock: systemClock, logger: silentLogger },
    { prefix: null, folder },
  )
  const addresses = new ClientAddresses([parseNetwork('127.0.0.1')], 'x-forwarded-for')
  const { get, link, repository } = await prepareServing(t, { handOver, addresses })
  await handOver.start()
  // The test's folder is gone before.
  t.teardown(() => handOver.stop().catch(() => undefined))
  const { sha256 } = repository.contentAt(package1)
  const answer = await get(link(package1), { range: 'bytes=5-9' })
  t.match(answer, { status: 200, headers: { 'x-sendfile': join(folder, sha256) } })
  t.equal(answer.headers.etag, `"sha256-${sha256}"`)
  t.equal(answer.body.length, 0)
  t.ok((await readFile(join(folder, sha256))).equals(bytes))
  const conditional = await get(link(package1), { 'if-none-match': '"other"' })
  t.notOk('x-sendfile' in conditional.headers, 'conditions are judged here')
  t.ok(conditional.body.equals(bytes))
})
