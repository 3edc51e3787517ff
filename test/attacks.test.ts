// What nobody may achieve, tried against real daemons: to read outside the repository, to get a file
// without credentials, to use another's or an altered link, to forge an announce, to make the origin
// redirect to or fetch from an address that no volunteer proved.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { VolunteerName } from '../core/ids.ts'
import { generateKeys } from '../core/keys.ts'
import type { Network } from '../loadtest/network.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { rawRequest } from '../origin/fixtures/test-network.ts'
import { signRequest } from '../tracker/request-signature.ts'
import { clientFolder, get, prepareNetwork } from './start-network.ts'

t.setTimeout(240_000)

const secretText = 'what lies outside the repository'
const content = noise('attacks', 50_000)

const fill = (repository: string, outside: string): void => {
  mkdirSync(join(repository, 'pool'))
  writeFileSync(join(repository, 'pool/a.deb'), content)
  writeFileSync(join(repository, 'pool/b.deb'), noise('other', 50_000))
  writeFileSync(join(outside, 'secret'), secretText)
  symlinkSync(join(outside, 'secret'), join(repository, 'pool/absolute'))
  symlinkSync('../../'.repeat(12) + outside.slice(1), join(repository, 'pool/climbing'))
  symlinkSync(outside, join(repository, 'folder'))
}

const start = async (t: Test, originArgs: string[], volunteers: number): Promise<Network> => {
  const network = await prepareNetwork(t, { originArgs })
  fill(network.repository, clientFolder(t))
  await network.origin.start()
  await network.addVolunteers(volunteers)
  await network.waitForState('synced')
  return network
}

/** Where the origin sends a client; each call is another client. */
let clients = 0
const linkTo = async (network: Network, path: string, volunteer: string): Promise<URL> => {
  const headers = { 'user-agent': `client ${clients++}` }
  const answer = await get(`${network.origin.url}/-/via/${volunteer}/${path}`, { headers })
  if (answer.status !== 302) throw new Error(`no redirect to ${volunteer}: ${answer.status}`)
  return new URL(answer.headers.get('location') ?? '')
}

const climbing = (tail: string): string[] => {
  const ups = [
    '../',
    '..%2f',
    '%2e%2e/',
    '%2e%2e%2f',
    '..%5c',
    '..\\',
    '.%2e/',
    '%252e%252e/',
    '..;/',
  ]
  return ups.flatMap(up =>
    ['/', '/pool/', '//', '/./', '/pool/%00/'].map(at => at + up.repeat(8) + tail),
  )
}

t.test('reading outside the repository', async t => {
  const network = await start(t, [], 1)
  const [volunteer] = network.volunteers
  const { search } = await linkTo(network, 'pool/a.deb', volunteer?.name ?? '')
  const outside = ['etc/passwd', `${network.data.slice(1)}/operator-token`]
  const targets = [
    ...outside.flatMap(climbing),
    ...['/pool/absolute', '/pool/climbing', '/pool/climbing/secret', '/folder/secret', '/folder/'],
    ...[`/${network.data}/operator-token`, 'file:///etc/passwd', '/-/../etc/passwd'],
    ...climbing('etc/passwd').map(target => `/-/via/volunteer-1${target}`),
    ...climbing('etc/passwd').map(target => `/-/v1/contents${target}`),
    ...climbing('etc/passwd').map(target => `/-/v1/explain?path=${target}`),
  ]
  const token = await network.operatorToken()
  for (const base of [network.origin.url, volunteer?.url ?? '']) {
    for (const target of targets) {
      const asked = base === network.origin.url ? target : `${target}${search}`
      const answer = await rawRequest(base, asked)
      const text = answer.body.toString('latin1')
      const leaks = [secretText, 'root:x:', token].some(each => text.includes(each))
      t.ok(answer.status >= 400 && !leaks, `${asked}: ${answer.status}`)
    }
  }
})

t.test('a file without the required credentials', async t => {
  const network = await start(t, ['--require-clients'], 1)
  const [volunteer] = network.volunteers
  const hash = (await import('../core/keys.ts')).sha256Hex(content)
  for (const target of [
    ...[
      '/',
      '/pool/',
      '/pool/a.deb',
      '/pool/a.deb?direct',
      '/pool/a.deb.torrent',
      '/pool/a.deb.zsync',
    ],
    ...[
      '/pool/a.deb.meta4',
      '/-/via/volunteer-1/pool/a.deb',
      `/-/v1/contents/${hash}`,
      '/-/v1/head',
    ],
    ...[
      '/?sha256',
      '/pool/a.deb?mirrorlist',
      '/-/v1/explain?path=/pool/a.deb',
      '/-/scrape?info_hash=x',
    ],
  ]) {
    for (const headers of [
      {},
      { authorization: 'Basic OnNlY3JldA==' },
      { authorization: 'Bearer x.y' },
      { 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1', 'x-real-ip': '127.0.0.1' },
    ]) {
      const answer = await get(`${network.origin.url}${target}`, { headers })
      // Wrong ones are not even looked at after a while.
      const refusals = 'authorization' in headers ? [401, 429] : [401]
      t.ok(refusals.includes(answer.status), `${target}: ${answer.status}`)
      t.notOk(answer.body.includes(content.subarray(0, 100)))
    }
  }
  for (const target of ['/pool/a.deb', '/pool/', `/-/v1/contents/${hash}`]) {
    const answer = await get(`${volunteer?.url}${target}`)
    t.ok([401, 403].includes(answer.status), `${target} of the volunteer: ${answer.status}`)
  }
  const bounced = await get(`${network.origin.url}/pool/a.deb?direct`)
  t.equal(bounced.status, 401, 'what volunteers send back needs them too')
})

t.test('links of others, and altered ones', async t => {
  const network = await start(t, [], 2)
  const [one, other] = network.volunteers
  const link = await linkTo(network, 'pool/a.deb', one?.name ?? '')
  t.equal((await get(link.href)).status, 200, 'as it was made')
  const at = (base: string | undefined, path: string, query: string): Promise<number> =>
    get(`${base}${path}?${query}`).then(({ status }) => status)
  const query = link.search.slice(1)
  t.equal(await at(other?.url, link.pathname, query), 403, 'at another volunteer')
  t.equal(await at(one?.url, '/pool/b.deb', query), 403, 'for another path')
  t.equal(await at(one?.url, '/pool/', query), 403, 'for a folder')
  for (let index = 0; index < query.length; index++) {
    const was = query[index] ?? ''
    if (was === '&' || was === '=') continue
    const altered = query.slice(0, index) + (was === '1' ? '2' : '1') + query.slice(index + 1)
    const status = await at(one?.url, link.pathname, altered)
    t.equal(status, 403, `altered at ${index}`)
  }
  t.equal(await at(one?.url, link.pathname, ''), 403, 'without its query')
  const content = await get(link.href, { headers: { range: 'bytes=0-9' }, method: 'POST' })
  t.equal(content.status, 405)
})

t.test('forged announces and enrolments', async t => {
  const network = await start(t, [], 1)
  const victim = (network.volunteers[0]?.name ?? '') as VolunteerName
  const before = JSON.stringify((await network.lines()).map(({ name, url }) => ({ name, url })))
  const stranger = generateKeys('ed25519')
  const post = (path: string, body: string, headers: Record<string, string>): Promise<number> =>
    rawRequest(network.origin.url, path, { method: 'POST', body, headers }).then(
      ({ status }) => status,
    )
  const path = '/-/v1/announce'
  const body = JSON.stringify({ version: 1, session: 'x', sequence: 9e9, draining: true })
  const signed = (name: string): Record<string, string> => ({
    authorization: signRequest(
      { method: 'POST', path, body },
      name as VolunteerName,
      stranger.privateKey,
      Date.now(),
    ),
  })
  t.equal(await post(path, body, {}), 401, 'unsigned')
  t.equal(await post(path, body, signed(victim)), 403, 'by another key')
  t.equal(await post(path, body, signed('nobody')), 403, 'by nobody')
  const token = await network.operatorToken()
  t.equal(
    await post(path, body, { authorization: `Bearer ${token}` }),
    401,
    'not even the operator',
  )
  const enrolment = JSON.stringify({
    token: await network.createToken(1),
    name: victim,
    url: 'http://127.0.0.1:9/',
    publicKey: stranger.publicKey,
    exchangeKey: generateKeys('x25519').publicKey,
  })
  t.equal(await post('/-/v1/enroll', enrolment, {}), 409, 'an enrolled name')
  t.equal(await post('/-/v1/ranges', 'x', signed(victim)), 403, 'another’s reads')
  const after = JSON.stringify((await network.lines()).map(({ name, url }) => ({ name, url })))
  t.equal(after, before)
  t.match(await network.lines(), [{ state: 'synced' }])
})

t.test('addresses that no volunteer proved', async t => {
  const network = await start(t, [], 1)
  const asked: string[] = []
  const canary = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.end('no signature')
  })
  await new Promise<void>(resolve => canary.listen(0, '127.0.0.1', resolve))
  t.teardown(() => canary.close())
  const { port } = canary.address() as AddressInfo
  const enrol = async (url: string, token: string): Promise<number> => {
    const keys = generateKeys('ed25519')
    const body = JSON.stringify({
      ...{ token, name: `stranger-${asked.length}`, url, publicKey: keys.publicKey },
      exchangeKey: generateKeys('x25519').publicKey,
    })
    const answer = await rawRequest(network.origin.url, '/-/v1/enroll', { method: 'POST', body })
    return answer.status
  }
  t.equal(await enrol(`http://127.0.0.1:${port}/`, 'no token'), 403)
  t.same(asked, [], 'without a token nothing is fetched at all')
  const token = await network.createToken(20)
  for (const url of [
    ...[
      'http://169.254.169.254/latest/',
      'http://[fe80::1]/',
      'http://0.0.0.0/',
      'ftp://127.0.0.1/',
    ],
    ...['http://user:secret@127.0.0.1/', 'file:///etc/passwd', 'http://224.0.0.1/', 'javascript:1'],
    ...['http://[::ffff:169.254.169.254]/', 'http://2852039166/', `http://127.0.0.1:${port}/?x=`],
  ]) {
    t.equal(await enrol(url, token), 400, url)
  }
  t.same(asked, [])
  t.equal(await enrol(`http://127.0.0.1:${port}/inside/`, token), 201, 'enrolled, not reachable')
  t.ok(
    asked.every(target => target.startsWith('/inside/-/enrolment/')),
    'only the proof is asked for',
  )
  const stranger = (await network.lines()).find(({ name }) => name.startsWith('stranger'))
  t.match(stranger, { state: /unreachable|offline/ })

  const real = network.volunteers[0]?.url ?? ''
  const headers = {
    ...{ 'x-forwarded-host': `127.0.0.1:${port}`, forwarded: `host=127.0.0.1:${port};for=1.2.3.4` },
    ...{ referer: `http://127.0.0.1:${port}/`, 'x-original-url': `http://127.0.0.1:${port}/` },
  }
  for (let client = 0; client < 20; client++) {
    for (const target of [
      '/pool/a.deb',
      '/-/via/stranger-0/pool/a.deb',
      `//127.0.0.1:${port}/pool/a.deb`,
    ]) {
      const answer = await get(`${network.origin.url}${target}`, {
        headers: { ...headers, 'user-agent': `attack ${client}` },
      })
      const location = answer.headers.get('location') ?? real
      t.ok(location.startsWith(real), `${target}: ${location}`)
    }
  }
  const host = await rawByHost(network.origin.url, `127.0.0.1:${port}`)
  t.match(host, new RegExp(`^location: ${real}/`, 'im'), 'whatever Host says')
  t.ok(asked.every(target => target.includes('/-/enrolment/')))
})

/** The head of the answer to a request with this Host. */
const rawByHost = (origin: string, host: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(origin).port), '127.0.0.1', () => {
      const lines = [
        `GET /pool/b.deb HTTP/1.1`,
        `Host: ${host}`,
        'User-Agent: host',
        'Connection: close',
      ]
      socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    })
    let text = ''
    socket.on('data', part => {
      text += part.toString('latin1')
    })
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
  })
