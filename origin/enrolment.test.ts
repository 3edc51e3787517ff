import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { requestSkewMs } from '../core/limits.ts'
import { eventually, HandMadeVolunteer, rawRequest, TestNetwork } from './fixtures/test-network.ts'

const fill = (repository: string): void =>
  writeFileSync(join(repository, 'a.iso'), 'a'.repeat(10_000))

const codeOf = (answer: { body: Buffer }): string => JSON.parse(answer.body.toString()).error?.code

const stateOf = async (network: TestNetwork, name: string): Promise<string> => {
  const answer = await network.get(`/-/v1/volunteers/${name}`)
  return JSON.parse(answer.body.toString()).state
}

t.test('enrolment', async t => {
  const network = await TestNetwork.start(t, fill, { announceIntervalMs: 5_000 })
  await network.waitForSnapshot(1)
  const make = async (name: string): Promise<HandMadeVolunteer> => {
    const volunteer = await HandMadeVolunteer.start(network, name)
    t.teardown(() => volunteer.stop())
    return volunteer
  }

  t.test('a token lets one volunteer in, once', async t => {
    const token = await network.createToken()
    const ada = await make('ada')
    const answer = await ada.enrol(token)
    t.equal(answer.status, 201)
    t.match(JSON.parse(answer.body.toString()), {
      name: 'ada',
      repositoryId: /^[0-9a-f]{64}$/,
      rootKey: /^[\w-]{43}$/,
      exchangeKey: /^[\w-]{43}$/,
      intervalMs: 5_000,
      reachable: true,
    })
    const again = await ada.enrol(null)
    t.equal(again.status, 201, 'the same volunteer needs no token')
    const bob = await make('bob')
    t.equal(codeOf(await bob.enrol(token)), 'MS_TOKEN_INVALID', 'used up')
    t.equal(codeOf(await bob.enrol('nonsense')), 'MS_TOKEN_INVALID')
    t.equal(codeOf(await bob.enrol(null)), 'MS_TOKEN_INVALID')
  })

  t.test('names, keys and URLs are checked before a token is used', async t => {
    const token = await network.createToken()
    const eve = await make('ada')
    t.equal(codeOf(await eve.enrol(token)), 'MS_NAME_TAKEN')
    const cyd = await make('cyd')
    for (const url of ['http://169.254.1.1/', 'http://0.0.0.0/', 'ftp://a/', 'nonsense']) {
      t.equal(codeOf(await cyd.enrol(token, { url })), 'MS_URL_REFUSED', url)
    }
    for (const change of [{ name: 'Not A Name' }, { publicKey: 'short' }, { exchangeKey: 5 }]) {
      t.equal(codeOf(await cyd.enrol(token, change)), 'MS_REQUEST_INVALID')
    }
    const garbage = await rawRequest(network.origin.url, '/-/v1/enroll', {
      method: 'POST',
      body: '{"token":',
    })
    t.equal(codeOf(garbage), 'MS_REQUEST_INVALID')
    const huge = { method: 'POST', body: 'x'.repeat(100_000) }
    t.equal(
      codeOf(await rawRequest(network.origin.url, '/-/v1/enroll', huge)),
      'MS_REQUEST_TOO_LARGE',
    )
    t.equal((await cyd.enrol(token)).status, 201, 'the token is still good')
  })

  t.test('of two that want one name at the same time one gets it', async t => {
    const token = await network.createToken(2)
    const twins = [await make('twin'), await make('twin')]
    const answers = await Promise.all(twins.map(twin => twin.enrol(token)))
    t.strictSame(answers.map(answer => answer.status).sort(), [201, 409])
  })

  t.test('nobody but the owner of the key moves an enrolled volunteer', async t => {
    const dan = await make('dan')
    await dan.enrol(await network.createToken())
    const other = await make('other')
    const stolen = { name: 'dan', url: other.url, publicKey: dan.keys.publicKey }
    t.equal(codeOf(await other.enrol(null, stolen)), 'MS_AUTH_REFUSED')
    const body = JSON.stringify({ ...stolen, exchangeKey: dan.exchange.publicKey })
    const moved = await dan.post('/-/v1/enroll', body, true)
    t.equal(moved.status, 201, 'its own signature may')
    t.match(JSON.parse(moved.body.toString()), { reachable: false }, 'another server answers there')
  })

  t.test('a request that somebody recorded changes nothing later', async t => {
    const ivy = await make('ivy')
    await ivy.enrol(await network.createToken())
    const other = await make('elsewhere')
    const moveTo = (url: string): string => {
      const { name, keys, exchange } = ivy
      const { publicKey } = keys
      return JSON.stringify({ name, url, publicKey, exchangeKey: exchange.publicKey })
    }
    const recordedMs = Date.now()
    t.equal((await ivy.post('/-/v1/enroll', moveTo(other.url), true)).status, 201)
    t.equal((await ivy.post('/-/v1/enroll', moveTo(ivy.url), true)).status, 201)
    ivy.nowMs = () => recordedMs
    t.equal(codeOf(await ivy.post('/-/v1/enroll', moveTo(other.url), true)), 'MS_AUTH_REFUSED')
    for (const offMs of [-requestSkewMs - 1000, requestSkewMs + 20_000]) {
      ivy.nowMs = () => Date.now() + offMs
      t.equal(codeOf(await ivy.post('/-/v1/enroll', moveTo(other.url), true)), 'MS_CLOCK_SKEWED')
      t.equal(codeOf(await ivy.tryAnnounce()), 'MS_CLOCK_SKEWED')
    }
    ivy.nowMs = () => Date.now()
    t.equal((await ivy.tryAnnounce({ holds: [] })).status, 200)
  })

  t.test('what the operator decides while a URL is probed stays', async t => {
    const eli = await make('eli')
    await eli.enrol(await network.createToken())
    const slow = createServer()
    t.teardown(() => slow.close())
    await new Promise<void>(resolve => slow.listen(0, '127.0.0.1', resolve))
    const probed = once(slow, 'request')
    const { port } = slow.address() as AddressInfo
    const { name, keys, exchange } = eli
    const body = JSON.stringify({
      ...{ name, url: `http://127.0.0.1:${port}/` },
      ...{ publicKey: keys.publicKey, exchangeKey: exchange.publicKey },
    })
    const moved = eli.post('/-/v1/enroll', body, true)
    const [, response] = (await probed) as [unknown, ServerResponse]
    t.equal((await network.operate('/-/v1/volunteers/eli', { action: 'disable' })).status, 200)
    response.end()
    t.equal((await moved).status, 201)
    t.equal(await stateOf(network, 'eli'), 'quarantined')
  })

  t.test('an unreachable volunteer is looked after until it can be reached', async t => {
    const fay = await make('fay')
    fay.reachable = false
    const answer = await fay.enrol(await network.createToken())
    t.match(JSON.parse(answer.body.toString()), { reachable: false, reason: String })
    await fay.announce()
    t.equal(await stateOf(network, 'fay'), 'unreachable')
    t.equal((await network.get('/a.iso', { 'user-agent': 'u1' })).status, 200)
    fay.reachable = true
    await eventually('fay to be reachable', async () => {
      await fay.announce()
      return (await stateOf(network, 'fay')) === 'synced'
    })
    t.equal((await network.get('/a.iso', { 'user-agent': 'u2' })).status, 302)
  })

  t.test('announces must be signed by the enrolled key', async t => {
    const gus = await make('gus')
    t.equal((await gus.tryAnnounce()).status, 403, 'not enrolled')
    await gus.enrol(await network.createToken())
    t.equal((await gus.tryAnnounce()).status, 200)
    t.equal((await gus.post('/-/v1/announce', '{}', false)).status, 401)
    t.equal(codeOf(await gus.post('/-/v1/announce', '{}', true)), 'MS_REQUEST_INVALID')
    const impostor = await make('gus')
    t.equal((await impostor.tryAnnounce()).status, 403)
    const packed = { 'content-encoding': 'gzip' }
    t.equal((await gus.post('/-/v1/announce', 'no gzip', true, packed)).status, 400)
  })

  t.test('a long poll is answered when there is a new snapshot', async t => {
    const hal = await make('hal')
    await hal.enrol(await network.createToken())
    const { tag } = await hal.announce()
    const waiting = hal.announce({ change: { holdings: null, seen: tag, waitMs: 60_000 } })
    await eventually('the poll to be held', async () =>
      /mirrorswarm_open_polls 1/.test((await network.get('/-/metrics')).body.toString()),
    )
    writeFileSync(join(network.repository, 'b.iso'), 'b'.repeat(10_000))
    await network.publish()
    t.equal((await waiting).snapshot?.number, 2)
    const head = await network.json('/-/v1/head')
    t.equal(JSON.parse(String(head.payload)).snapshot, 2)
  })
})

t.test('loopback volunteers are refused where the origin is public', async t => {
  const network = await TestNetwork.start(t, fill, { publicUrl: 'http://mirror.example/' })
  const ada = await HandMadeVolunteer.start(network, 'ada')
  t.teardown(() => ada.stop())
  t.equal(codeOf(await ada.enrol(await network.createToken())), 'MS_URL_REFUSED')
})
