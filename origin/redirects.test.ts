import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sha256Hex } from '../core/keys.ts'
import { eventually, rawRequest, TestNetwork } from './fixtures/test-network.ts'

const big = Buffer.alloc(50_000, 'package ')
const fill = (repository: string): void => {
  mkdirSync(join(repository, 'pool'))
  mkdirSync(join(repository, 'doc'))
  for (const name of ['a.deb', 'b.deb', 'c.deb', 'd e+f.deb']) {
    writeFileSync(join(repository, 'pool', name), Buffer.concat([Buffer.from(name), big]))
  }
  writeFileSync(join(repository, 'doc/manual.pdf'), big)
}

/** A signed index that names one of the packages. */
const sign = (repository: string, name: string): void => {
  const hash = sha256Hex(Buffer.concat([Buffer.from(name), big]))
  const packages = `Package: a\nSHA256: ${hash}\n`
  mkdirSync(join(repository, 'dists/stable'), { recursive: true })
  writeFileSync(join(repository, 'dists/stable/Packages'), packages)
  const named = `${sha256Hex(Buffer.from(packages))} ${packages.length} Packages`
  writeFileSync(
    join(repository, 'dists/stable/InRelease'),
    `-----BEGIN PGP SIGNED MESSAGE-----\n\nSHA256:\n ${named}\n-----BEGIN PGP SIGNATURE-----\n`,
  )
}

const fillSigned = (repository: string): void => {
  fill(repository)
  sign(repository, 'a.deb')
}

/** Another client each time, so that nothing is a repeat. */
let clients = 0
const stranger = () => ({ 'user-agent': `client ${clients++}` })

const hostOf = (location: string | undefined): string =>
  location === undefined ? 'nowhere' : new URL(location).origin

t.test('redirects', async t => {
  const network = await TestNetwork.start(t, fill, { announceIntervalMs: 60_000 })
  await network.waitForSnapshot(1)
  const ada = await network.volunteer('ada')
  const bob = await network.volunteer('bob')

  t.test('every link is one that its volunteer serves', async t => {
    for (const path of ['/pool/a.deb', '/pool/d%20e+f.deb', '/pool/d%20e%2bf.deb']) {
      const answer = await network.get(path, stranger())
      t.equal(answer.status, 302, path)
      const volunteer = hostOf(answer.headers.location) === ada.url ? ada : bob
      const target = (answer.headers.location ?? '').slice(volunteer.url.length)
      t.match(volunteer.judge(target), { ok: true }, path)
      const tampered = target.replace('/pool/', '/doc/')
      t.match(volunteer.judge(tampered), { ok: false, reason: 'forged' })
      const other = volunteer === ada ? bob : ada
      t.match(other.judge(target), { ok: false, reason: 'forged' }, 'good for one volunteer only')
    }
  })

  t.test('HEAD and ranges are redirected too', async t => {
    const head = await rawRequest(network.origin.url, '/pool/a.deb', {
      method: 'HEAD',
      headers: stranger(),
    })
    t.equal(head.status, 302)
    t.equal((await network.get('/pool/a.deb', { ...stranger(), range: 'bytes=5-' })).status, 302)
  })

  t.test('what the client has already needs no redirect', async t => {
    const { etag = '' } = (await network.get('/pool/a.deb', stranger())).headers
    const answer = await network.get('/pool/a.deb', { ...stranger(), 'if-none-match': etag })
    t.equal(answer.status, 304)
    t.match(answer.headers.link, 'rel=describedby')
  })

  t.test('links to other holders and to the metalink', async t => {
    const { headers } = await network.get('/pool/a.deb', stranger())
    const other = hostOf(headers.location) === ada.url ? 'bob' : 'ada'
    t.match(headers.link, `/-/via/${other}/pool/a.deb>; rel=duplicate; pri=1`)
    t.match(headers.link, '/pool/a.deb.meta4>; rel=describedby')
  })

  t.test('a client that cannot make use of links gets none, whichever way it comes', async t => {
    const paths = ['/pool/a.deb', '/pool/a.deb', '/-/via/ada/pool/a.deb']
    for (const [index, path] of paths.entries()) {
      const agent = { 'user-agent': `wget2/1.99.${index}` }
      const ranged = index === 1 ? { range: 'bytes=5-' } : {}
      const answer = await network.get(path, { ...agent, ...ranged })
      t.equal(answer.status, 302)
      t.equal(answer.headers.link, undefined)
    }
  })

  t.test('a client that repeats itself gets the other one, then the file', async t => {
    const headers = stranger()
    const first = await network.get('/pool/b.deb', headers)
    const second = await network.get('/pool/b.deb', { ...headers, range: 'bytes=100-' })
    t.strictSame(
      new Set([hostOf(first.headers.location), hostOf(second.headers.location)]),
      new Set([ada.url, bob.url]),
    )
    const third = await network.get('/pool/b.deb', headers)
    t.equal(third.status, 200)
    t.equal(sha256Hex(third.body), third.headers.etag?.slice(8, -1))
    t.equal((await network.get('/pool/b.deb', headers)).status, 302, 'and then anew')
  })

  t.test('a client stays with one volunteer', async t => {
    const headers = stranger()
    const hosts = new Set<string>()
    for (const name of ['a', 'b', 'c']) {
      hosts.add(hostOf((await network.get(`/pool/${name}.deb`, headers)).headers.location))
    }
    t.equal(hosts.size, 1)
  })

  t.test('lists name volunteers that redirect', async t => {
    const list = await network.get('/pool/a.deb?mirrorlist', { accept: 'application/json' })
    const { mirrors } = JSON.parse(list.body.toString()) as {
      mirrors: { name: string; url: string }[]
    }
    t.strictSame(mirrors.map(mirror => mirror.name).sort(), ['ada', 'bob'])
    for (const { name, url } of mirrors) {
      const answer = await network.get(new URL(url).pathname, stranger())
      t.equal(hostOf(answer.headers.location), name === 'ada' ? ada.url : bob.url)
    }
    t.equal((await network.get('/-/via/zoe/pool/a.deb', stranger())).status, 302, 'as usual')
    t.equal((await network.get('/-/via/ada/pool/', stranger())).status, 200, 'a folder')
    t.equal((await network.get('/-/via/ada/nothing', stranger())).status, 404)
    t.equal((await network.get('/-/via/..%2F/x', stranger())).status, 404)
  })

  t.test('metrics count what happened', async t => {
    const metrics = (await network.get('/-/metrics')).body.toString()
    const redirects = Number(/requests_total\{outcome="redirect"\} (\d+)/.exec(metrics)?.[1])
    t.ok(redirects >= 12, `${redirects} redirects`)
    t.match(metrics, 'mirrorswarm_volunteers{state="synced"} 2')
    t.match(metrics, 'mirrorswarm_snapshot_number 1')
    t.match(metrics, /decision_seconds_count [1-9]/)
    t.match(metrics, /volunteer_redirects_total\{volunteer="ada"\} [1-9]/)
    t.match(metrics, /volunteer_redirected_bytes_total\{volunteer="ada"\} [1-9]/)
    t.match(metrics, /errors_total\{code="MS_PATH_NOT_FOUND"\} [1-9]/, 'of routes and of files')
    t.match(metrics, 'hot_contents_unheld 0')
    const direct = await network.get('/pool/a.deb?direct')
    const after = (await network.get('/-/metrics')).body.toString()
    const sent = (text: string) => Number(/sent_bytes_total\{kind="client"\} (\d+)/.exec(text)?.[1])
    t.equal(sent(after) - sent(metrics), direct.body.length)
    const reasons = (text: string) =>
      Number(/redirected_total\{reason="direct"\} (\d+)/.exec(text)?.[1])
    t.equal(reasons(after) - reasons(metrics), 1)
  })

  t.test('reads by volunteers count as synchronisation', async t => {
    const sha256 = sha256Hex(big) as Parameters<typeof ada.fetch>[0]
    const part = await ada.fetch(sha256, { range: 'bytes=10-19' })
    t.equal(part.status, 206)
    t.ok(part.body.equals(big.subarray(10, 20)))
    const metrics = (await network.get('/-/metrics')).body.toString()
    t.match(metrics, 'sent_bytes_total{kind="sync"} 10')
    t.equal((await network.get(`/-/v1/contents/${sha256}`)).status, 200, 'unsigned is allowed')
    t.equal((await network.get(`/-/v1/contents/${'0'.repeat(64)}`)).status, 404)
    t.equal((await network.get('/-/v1/contents/nonsense')).status, 400)
    const authorization = `Mirrorswarm name="ada", time="${Date.now()}", signature="${'A'.repeat(86)}"`
    t.equal((await network.get(`/-/v1/contents/${sha256}`, { authorization })).status, 403)
  })
})

t.test('refusals explain themselves', async t => {
  const network = await TestNetwork.start(t, fill, { announceIntervalMs: 60_000 })
  await network.waitForSnapshot(1)
  const ada = await network.volunteer('ada')
  const explain = async (path: string): Promise<Record<string, unknown>> =>
    JSON.parse(
      (
        await network.get(`${path}?explain`, { ...stranger(), accept: 'application/json' })
      ).body.toString(),
    )
  const refusalOf = async (path: string) => {
    const { refused, answer } = (await explain(path)) as {
      refused: { reason: string }[]
      answer: string
    }
    t.equal(answer === 'serve', refused.length > 0)
    t.equal((await network.get(path, stranger())).status, refused.length > 0 ? 200 : 302)
    return refused.map(each => each.reason)
  }
  t.strictSame(await refusalOf('/pool/a.deb'), [])
  t.match(await explain('/pool/a.deb'), { chosen: 'ada', answer: 'redirect' })

  await ada.announce({ holds: [] })
  t.strictSame(await refusalOf('/pool/a.deb'), ['not-held'])
  await ada.announce({ change: { draining: true, reasons: ['outside its hours'] } })
  t.strictSame(await refusalOf('/pool/a.deb'), ['draining'])
  await ada.announce({ change: { limits: { uploadBytesPerSecond: null, maxClients: 0 } } })
  t.strictSame(await refusalOf('/pool/a.deb'), ['full-clients'])
  const load = { clientBytesPerSecond: 1000, syncBytesPerSecond: 0, activeClients: 1 }
  await ada.announce({ change: { load, limits: { uploadBytesPerSecond: 1000, maxClients: null } } })
  t.strictSame(await refusalOf('/pool/a.deb'), ['full-rate'])
  await ada.announce()
  t.strictSame(await refusalOf('/pool/a.deb'), [])

  const change = (action: string) => network.operate('/-/v1/volunteers/ada', { action })
  t.equal((await change('disable')).status, 200)
  t.strictSame(await refusalOf('/pool/a.deb'), ['disabled'])
  await change('enable')
  await change('drain')
  t.strictSame(await refusalOf('/pool/a.deb'), ['draining'])
  await change('undrain')
  t.strictSame(await refusalOf('/pool/a.deb'), [])

  const text = (await network.get('/pool/a.deb?explain', stranger())).body.toString()
  t.match(text, 'redirected to ada')
  t.equal((await network.get('/pool/a.deb?explain&from=192.0.2.1')).status, 401)
  const asOperator = await network.operate('/pool/a.deb?explain&from=192.0.2.1', null)
  t.match(asOperator.body.toString(), 'asked by 192.0.2.1')
  const api = await network.operate('/-/v1/explain?path=/pool/d%20e%2Bf.deb&from=192.0.2.1', null)
  t.match(api.body.toString(), '/pool/d e+f.deb')
})

t.test('a volunteer that went away gets no redirects', async t => {
  const network = await TestNetwork.start(t, fill, { announceIntervalMs: 300 })
  await network.waitForSnapshot(1)
  await network.volunteer('ada')
  t.equal((await network.get('/pool/a.deb', stranger())).status, 302)
  await eventually('served by the origin', async () => {
    const answer = await network.get('/pool/a.deb', stranger())
    return answer.status === 200
  })
  const { volunteers } = (await network.json('/-/v1/volunteers')) as {
    volunteers: { name: string; state: string }[]
  }
  t.match(volunteers, [{ name: 'ada', state: 'offline' }])
})

t.test('less trusted volunteers serve only what clients verify', async t => {
  const network = await TestNetwork.start(t, fillSigned, { announceIntervalMs: 60_000 })
  await network.waitForSnapshot(1)
  const expiresMs = Date.now() + 60_000
  const answer = await network.operate('/-/v1/tokens', { expiresMs, trust: 'signed-only' })
  const { token } = JSON.parse(answer.body.toString()) as { token: string }
  const { HandMadeVolunteer } = await import('./fixtures/test-network.ts')
  const ada = await HandMadeVolunteer.start(network, 'ada')
  t.teardown(() => ada.stop())
  await ada.enrol(token)
  await ada.announce()
  await eventually('the signed index is followed', async () => {
    const answer = await network.get('/pool/a.deb', stranger())
    return answer.status === 302
  })
  t.equal((await network.get('/pool/b.deb', stranger())).status, 200, 'no index names it')
  t.equal((await network.get('/doc/manual.pdf', stranger())).status, 200)
  const why = await network.get('/pool/b.deb?explain', stranger())
  t.match(why.body.toString(), 'it may serve only what signed indexes name')
  const json = { accept: 'application/json' }
  const list = JSON.parse(
    (await network.operate('/pool/b.deb?mirrorlist', null, json)).body.toString(),
  )
  t.match(list, { mirrors: [], notRedirected: 'none', refused: [{ name: 'ada', reason: 'trust' }] })
  const open = JSON.parse((await network.get('/pool/b.deb?mirrorlist', json)).body.toString())
  t.notOk('refused' in open || 'notRedirected' in open, 'for operators only')
  await network.restart()
  await ada.announce()
  t.equal((await network.get('/pool/a.deb', stranger())).status, 302, 'also after a restart')

  rmSync(join(network.repository, 'pool/a.deb'))
  sign(network.repository, 'c.deb')
  await network.publish(true)
  await eventually('the new index is followed', async () => {
    const answer = await network.get('/pool/c.deb', stranger())
    return answer.status === 302
  })
  t.equal((await network.get('/pool/a.deb', stranger())).status, 302, 'retired, and named before')
  t.equal((await network.get('/pool/b.deb', stranger())).status, 200)
  await network.restart()
  await ada.announce()
  t.equal((await network.get('/pool/a.deb', stranger())).status, 302, 'also after a restart')
})

t.test('when the origin serves as much as it may, it says so', async t => {
  const network = await TestNetwork.start(t, fill, { servingLimit: 0 })
  await network.waitForSnapshot(1)
  const busy = await network.get('/pool/a.deb')
  t.equal(busy.status, 503)
  t.ok(Number(busy.headers['retry-after']) > 0)
  t.match(JSON.parse(busy.body.toString()), { error: { code: 'MS_ORIGIN_BUSY' } })
  t.equal((await network.get('/pool/a.deb?direct')).status, 503, 'everybody can say "?direct"')
  const ada = await network.volunteer('ada')
  const sha256 = sha256Hex(Buffer.concat([Buffer.from('a.deb'), big]))
  const bounce = ada.bounce('pool/a.deb', sha256)
  t.equal((await network.get(`/pool/a.deb?direct=${bounce}`)).status, 200, 'a bounce has a reserve')
  t.equal((await network.get(`/pool/b.deb?direct=${bounce}`)).status, 503, 'for this file')
  const metrics = (await network.get('/-/metrics')).body.toString()
  for (const [reason, count] of Object.entries({ plain: 1, full: 1, invalid: 1 })) {
    t.match(metrics, `mirrorswarm_bounces_total{reason="${reason}"} ${count}\n`)
  }
  t.equal((await network.get('/pool/a.deb')).status, 302)
})
