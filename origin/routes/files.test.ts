import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { sha256Hex } from '../../core/keys.ts'
import { rawRequest, TestNetwork } from '../fixtures/test-network.ts'

const big = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 251))
const raw = (repository: string, name: string): Buffer =>
  Buffer.concat([Buffer.from(`${repository}/odd/`), Buffer.from(name, 'latin1')])

/** Names as bytes (latin1) and the request targets that lead to them. */
const oddNames: [string, string[]][] = [
  ['with space', ['/odd/with%20space']],
  [
    'a+b~c_1%3a2.deb',
    ['/odd/a+b~c_1%253a2.deb', '/odd/a%2Bb%7Ec_1%253A2.deb'.replace('%253A', '%253a')],
  ],
  ['hash#question?', ['/odd/hash%23question%3F']],
  ['"quotes\'', ['/odd/%22quotes%27', "/odd/%22quotes'"]],
  ['%41', ['/odd/%2541']],
  ['\xff\xfe', ['/odd/%ff%fe']],
  [Buffer.from('größe').toString('latin1'), ['/odd/gr%C3%B6%C3%9Fe']],
  ['n'.repeat(255), [`/odd/${'n'.repeat(255)}`]],
  ['back\\slash', ['/odd/back%5Cslash', '/odd/back\\slash']],
]

const fill = (repository: string): void => {
  mkdirSync(join(repository, 'pool'))
  mkdirSync(join(repository, 'odd'))
  mkdirSync(join(repository, 'dists/stable/main'), { recursive: true })
  writeFileSync(join(repository, 'pool/big.deb'), big)
  writeFileSync(join(repository, 'pool/empty'), '')
  writeFileSync(join(repository, 'pool/small.deb'), 'small')
  writeFileSync(join(repository, 'dists/stable/main/Packages'), 'p'.repeat(9000))
  symlinkSync('pool', join(repository, 'linked'))
  symlinkSync('pool/big.deb', join(repository, 'latest.deb'))
  symlinkSync('loop', join(repository, 'loop'))
  for (const [name] of oddNames) writeFileSync(raw(repository, name), `content of ${name}`)
}

t.test('files of the origin', async t => {
  const network = await TestNetwork.start(t, fill)
  await network.waitForSnapshot(1)

  t.test('odd names are found by their bytes', async t => {
    for (const [name, targets] of oddNames) {
      for (const target of targets) {
        const answer = await network.get(target)
        t.equal(answer.status, 200, target)
        t.equal(answer.body.toString(), `content of ${name}`, target)
      }
    }
  })

  t.test('what leads nowhere is refused with a clear status', async t => {
    const cases: [string, number][] = [
      ['/nothing', 404],
      ['/pool/big.deb/', 404],
      ['/pool/big.deb/x', 404],
      ['/loop', 404],
      ['/../etc/passwd', 400],
      ['/%2e%2e/etc/passwd', 400],
      ['/pool/%2e%2e/pool/big.deb', 400],
      ['/pool/./big.deb', 400],
      ['/pool%2Fbig.deb', 400],
      ['/pool/big.deb%00', 400],
      ['/%zz', 400],
      ['/%', 400],
      [`/${'x'.repeat(12_000)}`, 404],
      ['/-', 404],
      ['/-/nothing', 404],
      ['/%2D/health', 404],
      ['/-/%zz', 400],
      ['/odd/\xff\xfe', 400],
    ]
    for (const [target, status] of cases) {
      t.equal((await network.get(target)).status, status, target.slice(0, 40))
    }
    const answer = await network.get('/nothing')
    t.match(JSON.parse(answer.body.toString()), { error: { code: 'MS_PATH_NOT_FOUND' } })
    const unparsed = await network.get('/odd/\xff')
    t.match(JSON.parse(unparsed.body.toString()), { error: { code: 'MS_REQUEST_INVALID' } })
  })

  t.test('other methods are not for files', async t => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      const answer = await rawRequest(network.origin.url, '/pool/big.deb', { method })
      t.equal(answer.status, 405, method)
      t.equal(answer.headers.allow, 'GET, HEAD')
    }
  })

  t.test('repeated slashes and unknown queries are ignored', async t => {
    for (const target of [
      '//pool///big.deb',
      '/pool/big.deb?',
      '/pool/big.deb?v=1&x',
      '/linked/big.deb',
    ]) {
      const answer = await network.get(target)
      t.equal(answer.status, 200, target)
      t.ok(answer.body.equals(big), target)
    }
    const absolute = await network.get(`${network.origin.url}pool/small.deb`)
    t.equal(absolute.body.toString(), 'small', 'absolute form')
  })

  t.test('ranges, conditions and HEAD', async t => {
    const whole = await network.get('/pool/big.deb')
    t.equal(whole.headers['content-type'], 'application/vnd.debian.binary-package')
    t.match(whole.headers.link, /big\.deb\.meta4>; rel=describedby/)
    const part = await network.get('/pool/big.deb', { range: 'bytes=100-199' })
    t.equal(part.status, 206)
    t.ok(part.body.equals(big.subarray(100, 200)))
    t.equal(part.headers['content-range'], `bytes 100-199/${big.length}`)
    t.equal((await network.get('/pool/big.deb', { range: 'bytes=70000-' })).status, 416)
    const { etag = '', 'last-modified': modified = '' } = whole.headers
    t.equal((await network.get('/pool/big.deb', { 'if-none-match': etag })).status, 304)
    t.equal((await network.get('/pool/big.deb', { 'if-modified-since': modified })).status, 304)
    const resumed = await network.get('/pool/big.deb', {
      range: 'bytes=69990-',
      'if-range': modified,
    })
    t.equal(resumed.status, 206)
    const head = await rawRequest(network.origin.url, '/pool/big.deb', { method: 'HEAD' })
    t.equal(head.status, 200)
    t.equal(head.headers['content-length'], String(big.length))
    t.equal(head.headers['repr-digest'], whole.headers['repr-digest'])
    t.equal(head.body.length, 0)
    const empty = await network.get('/pool/empty')
    t.equal(empty.status, 200)
    t.equal(empty.headers['content-length'], '0')
    t.equal(empty.headers.etag, `"sha256-${sha256Hex('')}"`)
  })

  t.test('folders have pages and want a slash', async t => {
    const moved = await network.get('/pool?C=S;O=D')
    t.equal(moved.status, 301)
    t.equal(moved.headers.location, '/pool/?C=S;O=D')
    const page = await network.get('/pool/')
    t.equal(page.status, 200)
    t.match(page.headers['content-type'], 'text/html')
    t.match(page.body.toString(), /href="big\.deb"/)
    t.match((await network.get('/')).body.toString(), /href="pool\/"/)
    const odd = (await network.get('/odd/')).body.toString()
    t.match(odd, /href="with%20space"/)
    t.match(odd, /href="%FF%FE"/)
  })

  t.test('hashes of files and folders', async t => {
    const line = await network.get('/pool/big.deb?sha256')
    t.equal(line.body.toString(), `${sha256Hex(big)}  big.deb\n`)
    const list = (await network.get('/?sha256')).body.toString('latin1')
    t.match(list, `${sha256Hex(big)}  pool/big.deb\n`)
    t.match(list, `${sha256Hex('')}  pool/empty\n`)
    t.match(list, /\n# signature \S+ \S+\n$/)
    t.notMatch(list, 'latest.deb', 'links are left out')
    t.match((await network.get('/pool/?md5')).body.toString(), /^[0-9a-f]{32} {2}big\.deb$/m)
  })

  t.test('metalink, torrent, magnet and mirror list', async t => {
    const metalink = await network.get('/pool/big.deb.meta4')
    t.equal(metalink.status, 200)
    t.match(metalink.body.toString(), sha256Hex(big))
    const torrent = await network.get('/pool/big.deb.torrent')
    t.equal(torrent.headers['content-type'], 'application/x-bittorrent')
    t.match(torrent.body.toString('latin1'), `${network.origin.url}-/announce`)
    const magnet = (await network.get('/pool/big.deb?magnet')).body.toString()
    const infoHash = /btih:([0-9a-f]{40})/.exec(magnet)?.[1] ?? ''
    const escaped = infoHash.replace(/../g, byte => `%${byte}`)
    const asked = `peer_id=${'x'.repeat(20)}&port=1&uploaded=0&downloaded=0&left=1&compact=1`
    const known = await network.get(`/-/announce?info_hash=${escaped}&${asked}`)
    t.match(known.body.toString('latin1'), /8:interval/)
    const unknown = await network.get(`/-/announce?info_hash=${'%00'.repeat(20)}&${asked}`)
    t.match(unknown.body.toString(), /failure reason/)
    const list = await network.get('/pool/big.deb?mirrorlist', { accept: 'application/json' })
    t.match(JSON.parse(list.body.toString()), { sha256: sha256Hex(big), mirrors: [] })
    t.match((await network.get('/pool/big.deb?mirrorlist')).headers['content-type'], 'text/html')
    t.equal((await network.get('/nothing.meta4')).status, 404)
  })

  t.test('what only the system refuses to read is said honestly', async t => {
    if (process.getuid?.() === 0) return t.pass('root reads everything')
    chmodSync(join(network.repository, 'pool/big.deb'), 0)
    t.equal((await network.get('/pool/big.deb')).status, 503)
    return t.end()
  })
})

t.test('a public URL with a path prefix', async t => {
  const publicUrl = 'http://mirror.example/repo/'
  const network = await TestNetwork.start(t, fill, { publicUrl })
  await network.waitForSnapshot(1)
  for (const target of ['/repo/pool/small.deb', '/pool/small.deb']) {
    t.equal((await network.get(target)).body.toString(), 'small', target)
  }
  t.equal((await network.get('/repo/-/health')).status, 200)
  t.equal((await network.get('/repo/pool')).headers.location, '/repo/pool/')
  const metalink = (await network.get('/pool/big.deb.meta4')).body.toString()
  t.match(metalink, '>http://mirror.example/repo/pool/big.deb?direct<')
})
