import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { sha256Hex } from '../core/keys.ts'
import { verifyHead } from '../manifest/head.ts'
import { eventually, rawRequest, TestNetwork } from './fixtures/test-network.ts'

const fill = (repository: string): void => {
  mkdirSync(join(repository, 'pool'))
  for (let index = 0; index < 20; index++) {
    writeFileSync(join(repository, 'pool', `${index}.deb`), `${index} `.repeat(4_000))
  }
}

const codeOf = (answer: { body: Buffer }): string => JSON.parse(answer.body.toString()).error?.code

t.test('the operator and everybody else', async t => {
  const network = await TestNetwork.start(t, fill)
  await network.waitForSnapshot(1)

  t.test('only the operator may change anything', async t => {
    const { url } = network.origin
    const targets = ['/-/v1/publish', '/-/v1/tokens', '/-/v1/volunteers/ada']
    for (const target of targets) {
      const nobody = await rawRequest(url, target, { method: 'POST', body: '{}' })
      t.equal(nobody.status, 401, target)
      const headers = { authorization: 'Bearer wrong' }
      t.equal((await rawRequest(url, target, { method: 'POST', body: '{}', headers })).status, 403)
    }
    t.equal((await network.get('/-/v1/publish')).status, 401)
    t.equal((await network.get('/-/v1/volunteers')).status, 200)
  })

  t.test('publish tells what changed', async t => {
    t.match(await network.publish(), { snapshot: { number: 1 }, unchanged: true, hashedFiles: 0 })
    writeFileSync(join(network.repository, 'pool/new.deb'), 'new')
    t.match(await network.publish(), { snapshot: { number: 2 }, added: 1, hashedFiles: 1 })
    t.equal((await network.get('/pool/new.deb')).body.toString(), 'new', 'served at once')
    const status = await network.operate('/-/v1/publish', null)
    t.match(JSON.parse(status.body.toString()), { publishing: false, problem: null })
  })

  t.test('a tree that lost many files is not published unless the operator says so', async t => {
    for (let index = 0; index < 5; index++) rmSync(join(network.repository, `pool/${index}.deb`))
    const refused = await network.operate('/-/v1/publish', {})
    t.equal(refused.status, 409)
    t.equal(codeOf(refused), 'MS_PUBLISH_SHRINKS')
    t.match(await network.publish(true), { removed: 5 })
  })

  t.test('several publishes at a time wait for each other', async t => {
    writeFileSync(join(network.repository, 'pool/another.deb'), 'another')
    const results = await Promise.all([network.publish(), network.publish(), network.publish()])
    t.equal(results.filter(result => result.unchanged === false).length, 1)
  })

  t.test('requests of the wrong form are refused with words', async t => {
    for (const body of [
      { expiresMs: 'soon' },
      { expiresMs: 1, uses: 0 },
      { expiresMs: 1, trust: 'x' },
      [],
    ]) {
      const answer = await network.operate('/-/v1/tokens', body)
      t.equal(codeOf(answer), 'MS_REQUEST_INVALID')
    }
    const unknown = await network.operate('/-/v1/volunteers/nobody', { action: 'drain' })
    t.equal(codeOf(unknown), 'MS_PATH_NOT_FOUND')
    t.equal(codeOf(await network.operate('/-/v1/explain?path=/nothing', null)), 'MS_PATH_NOT_FOUND')
    t.equal(codeOf(await network.operate('/-/v1/explain?path=/../x', null)), 'MS_PATH_INVALID')
  })

  t.test('the head is signed and leads to parts that are there', async t => {
    const { rootKey } = await enrolled(network)
    const text = (await network.get('/-/v1/head')).body.toString()
    const head = verifyHead(text, rootKey, Date.now())
    const newest = (await network.json('/-/ready')).snapshot
    t.equal(head.snapshot, newest)
    const whole = (await network.json('/-/v1/manifest')) as { parts: { sha256: string }[] }
    t.ok(whole.parts.length > 0)
    for (const { sha256 } of whole.parts) {
      const part = await network.get(`/-/v1/contents/${sha256}`)
      t.equal(sha256Hex(part.body), sha256)
      t.match(part.headers['cache-control'], 'immutable')
    }
    const step = (await network.json(`/-/v1/manifest?from=1&to=2`)) as { parts: object[] }
    t.match(step.parts, [{ kind: 'difference', from: 1, to: 2 }])
    t.equal((await network.get('/-/v1/manifest?from=5&to=1')).status, 400)
    t.equal((await network.get('/-/v1/manifest?from=x')).status, 400)
    t.equal((await network.get('/-/v1/manifest?to=999')).status, 400)
  })
})

const enrolled = async (network: TestNetwork): Promise<{ rootKey: string }> => {
  const { HandMadeVolunteer } = await import('./fixtures/test-network.ts')
  const ada = await HandMadeVolunteer.start(network, 'ada')
  const answer = await ada.enrol(await network.createToken())
  await ada.stop()
  return JSON.parse(answer.body.toString())
}

t.test('before the first snapshot the tree is served as it stands', async t => {
  const release = `Suite: x\nSHA256:\n ${sha256Hex('p')} 1 main/Packages\n`
  const network = await TestNetwork.start(t, repository => {
    mkdirSync(join(repository, 'dists/x/main'), { recursive: true })
    writeFileSync(join(repository, 'dists/x/Release'), release)
    writeFileSync(join(repository, 'a.iso'), '0123456789')
  })
  await eventually('the refusal', async () => {
    const status = await network.operate('/-/v1/publish', {})
    return codeOf(status) === 'MS_PUBLISH_INCOMPLETE'
  })
  t.equal((await network.get('/-/ready')).status, 503)
  t.equal((await network.get('/-/health')).status, 200)
  t.equal((await network.get('/-/v1/head')).status, 404)
  const whole = await network.get('/a.iso')
  t.equal(whole.body.toString(), '0123456789')
  t.equal(whole.headers.etag, undefined, 'nothing vouches for it yet')
  const part = await network.get('/a.iso', { range: 'bytes=2-4' })
  t.equal(part.status, 206)
  t.equal(part.body.toString(), '234')
  t.equal((await network.get('/a.iso', { range: 'bytes=20-' })).status, 416)
  t.equal((await network.get('/dists/')).status, 503)
  t.equal((await network.get('/nothing')).status, 404)
  t.equal((await network.get('/a.iso/')).status, 404)
  t.equal((await network.get('/%2e%2e/data/operator-token')).status, 400)
  writeFileSync(join(network.repository, 'dists/x/main/Packages'), 'p')
  await network.publish()
  t.match((await network.get('/a.iso')).headers.etag, sha256Hex('0123456789'))
})

t.test('a restart keeps everything and hashes nothing', async t => {
  const network = await TestNetwork.start(t, fill, { announceIntervalMs: 60_000 })
  await network.waitForSnapshot(1)
  const ada = await network.volunteer('ada')
  await ada.announce()
  const token = readFileSync(join(network.data, 'operator-token'), 'utf8')
  const headBefore = JSON.parse(String((await network.json('/-/v1/head')).payload))

  await network.origin.stop()
  const startedMs = performance.now()
  await network.restart()
  const tookMs = performance.now() - startedMs
  t.comment(`the second start took ${Math.round(tookMs)} ms`)
  t.equal(
    (await network.get('/pool/1.deb', { 'user-agent': 'early' })).status,
    200,
    'serves at once',
  )
  t.equal((await network.json('/-/ready')).snapshot, 1)
  t.equal(network.origin.newOperatorToken, null)
  t.equal(readFileSync(join(network.data, 'operator-token'), 'utf8'), token)
  t.match(await network.publish(), { snapshot: { number: 1 }, unchanged: true, hashedFiles: 0 })
  const head = JSON.parse(String((await network.json('/-/v1/head')).payload))
  t.equal(head.repositoryId, headBefore.repositoryId)
  t.match((await network.json('/-/v1/volunteers')).volunteers, [{ name: 'ada', state: 'offline' }])
  ada.newSession()
  await ada.announce()
  const answer = await network.get('/pool/1.deb', { 'user-agent': 'late' })
  t.equal(answer.status, 302, 'enrolment and link keys survived')
  t.match(ada.judge((answer.headers.location ?? '').slice(ada.url.length)), { ok: true })
})

t.test('stopping does not wait for long polls or slow clients', async t => {
  const withLarge = (repository: string): void => {
    fill(repository)
    writeFileSync(join(repository, 'large.iso'), Buffer.alloc(30_000_000))
  }
  const network = await TestNetwork.start(t, withLarge, { announceIntervalMs: 60_000 })
  await network.waitForSnapshot(1)
  const ada = await network.volunteer('ada', { holds: [] })
  const { tag } = await ada.announce({ holds: [] })
  const poll = ada
    .tryAnnounce({ change: { holdings: null, seen: tag, waitMs: 60_000 } })
    .catch(() => null)
  await eventually('the poll to be held', async () => {
    const text = (await network.get('/-/metrics')).body.toString()
    return /mirrorswarm_open_polls 1/.test(text)
  })
  const { hostname, port } = new URL(network.origin.url)
  const slow = connect(Number(port), hostname)
  slow.on('error', () => undefined)
  slow.write('GET /large.iso HTTP/1.1\r\nhost: x\r\n\r\n')
  await once(slow, 'readable')
  const startedMs = performance.now()
  await network.origin.stop()
  slow.destroy()
  t.ok(performance.now() - startedMs < 7_000, `${Math.round(performance.now() - startedMs)} ms`)
  await poll
  await t.rejects(network.get('/-/health'))
  await network.restart()
})
