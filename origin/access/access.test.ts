// Rights over real HTTP: what clients with credentials, networks and path rules get of one origin.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Sha256 } from '../../core/ids.ts'
import { sha256Hex } from '../../core/keys.ts'
import { frontDefaults } from '../../delivery/front.ts'
import { type RawAnswer, rawRequest, TestNetwork } from '../fixtures/test-network.ts'

const bytes = (name: string): string => name.repeat(3000)
const files = ['pool/main/a.deb', 'pool/main/b.deb', 'pool/secret/s.deb', 'dists/x/Release', 'top']

const fill = (repository: string): void => {
  for (const file of files) {
    mkdirSync(join(repository, file, '..'), { recursive: true })
    writeFileSync(join(repository, file), bytes(file))
  }
  symlinkSync('../secret/s.deb', join(repository, 'pool/main/link.deb'))
}

interface Made {
  readonly secret: string
  readonly bearer: string
}

const basic = (name: string, secret: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`,
})

t.test('an origin that requires clients', async t => {
  const front = { ...frontDefaults, trustedProxies: ['127.0.0.0/8'] }
  const network = await TestNetwork.start(t, fill, { requireClients: true, front })
  await network.waitForSnapshot(1)
  const add = async (client: object): Promise<Made> => {
    const answer = await network.operate('/-/v1/clients', client)
    t.equal(answer.status, 201, answer.body.toString())
    return JSON.parse(answer.body.toString())
  }
  const all = await add({ name: 'all' })
  const some = await add({ name: 'some', paths: ['/pool/main', 'dists/x/Release'] })
  await add({ name: 'campus', networks: ['192.0.2.0/24'], paths: ['top'] })
  await add({ name: 'desk', networks: ['192.0.2.7'] })
  const asAll = basic('all', all.secret)
  const asSome = basic('some', some.secret)
  const status = async (target: string, headers = {}): Promise<number> =>
    (await network.get(target, headers)).status
  const volunteer = await network.volunteer('helper')

  t.test('401 says how to identify oneself', async t => {
    const answer = await network.get('/top')
    t.equal(answer.status, 401)
    const challenges = rawChallenges(answer)
    t.ok(challenges.includes('Basic realm="mirrorswarm"') && challenges.includes('Bearer realm='))
    t.match(JSON.parse(answer.body.toString()), { error: { code: 'MS_AUTH_REQUIRED' } })
    for (const header of [
      'Basic',
      'Basic !!!',
      'Basic YQ==',
      'Bearer x',
      'Digest x',
      'x'.repeat(9000),
    ]) {
      t.equal(await status('/top', { authorization: header }), 401, header.slice(0, 20))
    }
    t.equal(await status('/top', { authorization: 'Mirrorswarm name="helper", signature=""' }), 401)
    const signature = 'A'.repeat(86)
    const forged = `Mirrorswarm name="helper", time="${Date.now()}", signature="${signature}"`
    t.equal(await status('/top', { authorization: forged }), 403)
  })

  t.test('Basic, bearer, network and operator', async t => {
    t.equal(await status('/top?direct', asAll), 200)
    t.equal(await status('/top?direct', { authorization: `Bearer ${all.bearer}` }), 200)
    t.equal(await status('/top?direct', basic('all', some.secret)), 401)
    t.equal(await status('/top?direct', basic('some', all.secret)), 401)
    t.equal(await status('/top?direct', { 'x-forwarded-for': '192.0.2.9' }), 200)
    t.equal(await status('/top?direct', { 'x-forwarded-for': '192.0.2.9, 198.51.100.1' }), 401)
    t.equal(await status('/top?direct', { 'x-forwarded-for': '198.51.100.1' }), 401)
    t.equal(await status('/pool/main/a.deb', { 'x-forwarded-for': '192.0.2.9' }), 403)
    t.equal(await status('/pool/main/a.deb?direct', { 'x-forwarded-for': '192.0.2.7' }), 200)
    const token = await network.operatorToken()
    t.equal(await status('/top?direct', { authorization: `Bearer ${token}` }), 200)
    t.equal((await volunteer.fetch(sha256Hex(bytes('top')) as Sha256)).status, 200)
  })

  t.test(
    'paths outside are 403, whether they exist or not, in all that speaks of them',
    async t => {
      const allowed = ['/pool/main/a.deb', '/dists/x/Release', '/pool/main/link.deb']
      const outside = [
        '/pool/secret/s.deb',
        '/pool/secret/none',
        '/top',
        '/pool/secret/',
        '/nothing',
      ]
      const forms = [
        ...['PATH', 'PATH?direct', 'PATH?sha256', 'PATH?mirrorlist', 'PATH?magnet', 'PATH?explain'],
        ...[
          'PATH.meta4',
          'PATH.torrent',
          'PATH.zsync',
          '/-/via/helperPATH',
          '/-/v1/explain?path=PATH',
          '/-/v1/proof?path=PATH',
        ],
      ]
      for (const form of forms) {
        for (const path of outside) {
          const target = form.replace('PATH', path)
          t.equal(await status(target, asSome), 403, target)
        }
        for (const path of allowed.slice(0, 1)) {
          const target = form.replace('PATH', path)
          const answer = await status(target, asSome)
          t.ok([200, 302].includes(answer), `${target}: ${answer}`)
        }
      }
      for (const path of allowed) t.not(await status(path, asSome), 403, path)
      t.equal(await status('/pool/main/../secret/s.deb', asSome), 400)
      t.equal(await status('/pool/main/%2e%2e/secret/s.deb', asSome), 400)
      t.equal(await status('//pool//secret/s.deb', asSome), 403)
      t.equal(await status('/pool/mai%6e/a.deb?direct', asSome), 200)
      t.equal(await status('/pool/secre%74/s.deb', asSome), 403)
    },
  )

  t.test('folder pages lead to what may be read, and show nothing else', async t => {
    const page = async (target: string, headers: Record<string, string>): Promise<string[]> => {
      const answer = await network.get(target, headers)
      t.equal(answer.status, 200, target)
      return [...answer.body.toString().matchAll(/<td><a href="([^"]+)"/g)].map(
        ([, name = '']) => name,
      )
    }
    t.same(await page('/', asAll), ['dists/', 'pool/', 'top'])
    t.same(await page('/', asSome), ['dists/', 'pool/'])
    t.same(await page('/pool/', asSome), ['../', 'main/'])
    t.same(await page('/pool/main/', asSome), ['../', 'a.deb', 'b.deb', 'link.deb'])
    t.same(await page('/dists/x/', asSome), ['../', 'Release'])
    t.same(await page('/', { 'x-forwarded-for': '192.0.2.9' }), ['top'])
    t.same(
      await page('/', asAll),
      ['dists/', 'pool/', 'top'],
      'pages of one are not given to others',
    )
    t.equal(await status('/?sha256', asSome), 403, 'a list of everything is not')
    t.equal(await status('/pool/main/?sha256', asSome), 200)
    t.equal(await status('/pool', asSome), 301)
    t.equal(await status('/pool/secret', asSome), 403)
  })

  t.test('contents by hash, manifests and torrents', async t => {
    t.equal(await status(`/-/v1/contents/${sha256Hex(bytes('pool/main/a.deb'))}`, asSome), 200)
    t.equal(await status(`/-/v1/contents/${sha256Hex(bytes('top'))}`, asSome), 403)
    t.equal(await status(`/-/v1/contents/${'a'.repeat(64)}`, asSome), 403)
    t.equal(await status(`/-/v1/contents/${'a'.repeat(64)}`, asAll), 404)
    for (const target of ['/-/v1/head', '/-/v1/snapshots', '/-/v1/manifest']) {
      t.equal(await status(target, asAll), 200, target)
      t.equal(await status(target, asSome), 403, target)
    }
    const head = JSON.parse((await network.get('/-/v1/head', asAll)).body.toString())
    const [part] = /[0-9a-f]{64}/.exec(JSON.stringify(head.checkpoint ?? head)) ?? []
    t.equal(
      await status(`/-/v1/contents/${part}`, asSome),
      403,
      'parts of the manifest name all paths',
    )
    const infoHash = async (target: string): Promise<string> => {
      const magnet = (await network.get(`${target}?magnet`, asAll)).body.toString()
      return Buffer.from(/btih:([0-9a-f]{40})/.exec(magnet)?.[1] ?? '', 'hex').toString('latin1')
    }
    const announce = async (target: string, headers: Record<string, string>): Promise<number> => {
      const hash = escape(await infoHash(target))
      const rest = 'peer_id=-XX0000-aaaaaaaaaaaa&port=1&uploaded=0&downloaded=0&left=1&compact=1'
      return status(`/-/announce?info_hash=${hash}&${rest}`, headers)
    }
    t.equal(await announce('/top', asAll), 200)
    t.equal(await announce('/top', asSome), 403)
    t.equal(await announce('/top', {}), 401)
    const hidden = escape(await infoHash('/top'))
    const open = escape(await infoHash('/pool/main/a.deb'))
    for (const query of [
      ...['', 'x=1', `info%5Fhash=${hidden}`, `%69nfo_hash=${hidden}`, 'info_hash=short'],
      ...[`info_hash=${open}&info_hash=${hidden}`, `info_hash=${open}&info%5Fhash=${hidden}`],
    ]) {
      t.equal(await status(`/-/announce?${query}`, asSome), 403, query)
      t.equal(await status(`/-/scrape?${query}`, asSome), 403, query)
    }
    t.equal(await announce('/pool/main/a.deb', asSome), 200)
    t.equal(await status(`/-/scrape?info_hash=${escape(await infoHash('/top'))}`, asSome), 403)
    t.equal(await status('/-/v1/volunteers', asSome), 200)
    t.equal(await status('/-/v1/volunteers'), 401)
  })

  t.test('revoking works at once', async t => {
    const { bearer } = await add({ name: 'gone' })
    const headers = { authorization: `Bearer ${bearer}` }
    t.equal(await status('/top?direct', headers), 200)
    const answer = await network.operate('/-/v1/clients/gone', { action: 'revoke' })
    t.equal(answer.status, 200)
    t.equal(await status('/top?direct', headers), 401)
    t.equal((await network.operate('/-/v1/clients/gone', { action: 'revoke' })).status, 404)
    await network.operate('/-/v1/clients/desk', { action: 'revoke' })
    t.equal(
      await status('/pool/main/a.deb', { 'x-forwarded-for': '192.0.2.7' }),
      403,
      'networks too',
    )
  })

  t.test('a redirect has nothing of the credentials, and volunteers see none', async t => {
    // It may count as offline by now.
    await volunteer.announce()
    for (const [target, authorization] of [
      ['/pool/main/b.deb', asAll.authorization ?? ''],
      ['/pool/secret/s.deb', `Bearer ${all.bearer}`],
    ] as const) {
      const answer = await network.get(target, { authorization })
      t.equal(answer.status, 302)
      const text = JSON.stringify(answer.headers)
      for (const word of [all.secret, 'all:', authorization.slice(6)]) {
        t.notOk(text.includes(word), 'no trace in the headers')
      }
      t.notOk(new URL(answer.headers.location ?? '').username)
    }
    const { port } = new URL(network.origin.url)
    const target = `http://all:${all.secret}@127.0.0.1:${port}/pool/main/a.deb`
    const absolute = await rawRequest(network.origin.url, target, { headers: asAll })
    t.notOk(JSON.stringify(absolute.headers).includes(all.secret))
  })

  t.test('guessing is slowed down with Retry-After, redirects go on', async t => {
    const from = { 'x-forwarded-for': '203.0.113.5' }
    const statuses: number[] = []
    for (let count = 0; count < 14; count++) {
      statuses.push(await status('/top', { ...from, ...basic('all', `guess-${count}`) }))
    }
    t.same(
      statuses.slice(0, 10),
      Array.from({ length: 10 }, () => 401),
    )
    t.same(statuses.slice(10), [429, 429, 429, 429])
    const answer = await network.get('/top', { ...from, ...asAll })
    t.equal(answer.status, 429)
    t.ok(Number(answer.headers['retry-after']) >= 1)
    t.equal(await status('/top?direct', asAll), 200, 'elsewhere')
  })
})

const rawChallenges = (answer: RawAnswer): string => String(answer.headers['www-authenticate'])
