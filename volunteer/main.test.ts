// Volunteers and an origin in one process, over real HTTP and a real swarm.

import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { seededRandom } from '../core/clock.ts'
import { sha256Hex } from '../core/keys.ts'
import { eventually, rawRequest, TestNetwork } from '../origin/fixtures/test-network.ts'
import {
  type RunningVolunteer,
  type StartSeams,
  startVolunteer,
  type VolunteerOptions,
} from './main.ts'
import { readMovingTree, readTree } from './test-mirror.ts'

t.setTimeout(120_000)

const noise = (seed: number, length: number): Buffer => {
  const random = seededRandom(seed)
  return Buffer.from(Uint8Array.from({ length }, () => Math.floor(random() * 256)))
}

/** About 60 files of many sizes and odd names, with metadata, links and duplicates. */
const fill = (root: string): void => {
  for (const folder of ['pool/a', 'pool/b', 'dists/stable/main', 'odd #?+~ names']) {
    mkdirSync(join(root, folder), { recursive: true })
  }
  for (let index = 0; index < 50; index++) {
    const length = 50 + index * index * 40
    writeFileSync(join(root, `pool/${index % 2 ? 'a' : 'b'}/p${index}.deb`), noise(index, length))
  }
  cpSync(join(root, 'pool/a/p49.deb'), join(root, 'pool/b/same.deb'))
  writeFileSync(join(root, 'odd #?+~ names/ü "%41".bin'), noise(100, 30_000))
  writeFileSync(join(root, 'empty'), '')
  writeFileSync(join(root, 'image.iso'), noise(101, 700_000))
  for (const name of ['Packages', 'InRelease', 'Packages.gz']) {
    writeFileSync(join(root, 'dists/stable/main', name), `${name} 1 `.repeat(1000))
  }
}

const optionsOf = (network: TestNetwork, name: string): VolunteerOptions => ({
  mirrorDir: join(network.data, '..', name, 'mirror'),
  dataDir: join(network.data, '..', name, 'data'),
  originUrl: network.origin.url,
  token: null,
  listen: { host: '127.0.0.1', port: 0 },
  publicUrl: null,
  name,
  tls: null,
  include: [],
  exclude: [],
  uploadLimitBytesPerSecond: null,
  downloadLimitBytesPerSecond: null,
  quotaBytes: null,
  minFreeBytes: 0,
  maxClients: null,
  hours: null,
  networks: [],
  peerPort: 0,
  compression: 'zstd',
  bootstrap: null,
  graceMs: 200,
  logLevel: 'silent',
})

interface Started extends RunningVolunteer {
  readonly options: VolunteerOptions
}

const startOne = async (
  t: Test,
  network: TestNetwork,
  name: string,
  change: Partial<VolunteerOptions> = {},
  seams: StartSeams = {},
): Promise<Started> => {
  const token = await network.createToken()
  const options = { ...optionsOf(network, name), token, ...change }
  const volunteer = await startVolunteer(options, seams)
  let stopping: Promise<void> | null = null
  const stop = (): Promise<void> => {
    stopping ??= volunteer.stop()
    return stopping
  }
  t.teardown(stop)
  return { ...volunteer, stop, options }
}

interface Line {
  readonly name: string
  readonly state: string
  readonly reasons: readonly string[]
  readonly heldBytes: number
  readonly wantedBytes: number
}

const linesOf = async (network: TestNetwork): Promise<Line[]> =>
  (await network.json('/-/v1/volunteers')).volunteers as Line[]

const inState = (network: TestNetwork, state: string, ...names: string[]): Promise<unknown> =>
  eventually(`${names} to be ${state}`, async () => {
    const lines = await linesOf(network)
    return names.every(name => lines.some(line => line.name === name && line.state === state))
  })

const quiet = { logLevel: 'silent' } as const
const fresh = async (t: Test): Promise<TestNetwork> => {
  const network = await TestNetwork.start(t, fill, quiet)
  await network.waitForSnapshot(1)
  return network
}

const mirrored = async (network: TestNetwork, volunteer: Started): Promise<boolean> =>
  JSON.stringify(await readMovingTree(volunteer.options.mirrorDir)) ===
  JSON.stringify(await readTree(network.repository))

t.test('two volunteers become the repository, follow it, and serve what is redirected', async t => {
  const network = await fresh(t)
  const [ada, bob] = await Promise.all(['ada', 'bob'].map(name => startOne(t, network, name)))
  if (ada === undefined || bob === undefined) throw new Error('not started')
  await inState(network, 'synced', 'ada', 'bob')
  const wanted = await readTree(network.repository)
  t.ok(Object.keys(wanted).length >= 55)
  t.strictSame(await readTree(ada.options.mirrorDir), wanted)
  t.strictSame(await readTree(bob.options.mirrorDir), wanted)

  writeFileSync(join(network.repository, 'pool/new.deb'), noise(200, 90_000))
  writeFileSync(join(network.repository, 'dists/stable/main/InRelease'), 'InRelease 2')
  const publishedAt = performance.now()
  await network.publish()
  const redirect = await eventually('a redirect for the new file', async () => {
    const answer = await network.get('/pool/new.deb', { 'user-agent': `c${performance.now()}` })
    return answer.status === 302 ? answer : null
  })
  t.ok(performance.now() - publishedAt < 3000, 'redirectable within three seconds')
  const url = new URL(redirect.headers.location ?? '')
  const served = await rawRequest(url.origin, `${url.pathname}${url.search}`)
  t.equal(served.status, 200)
  t.equal(sha256Hex(served.body), sha256Hex(noise(200, 90_000)))
  t.equal(served.headers.etag, redirect.headers.etag)
  t.equal(served.headers['last-modified'], redirect.headers['last-modified'])
  await eventually(
    'both to follow',
    async () => (await mirrored(network, ada)) && (await mirrored(network, bob)),
  )

  const stolen = await rawRequest(url.origin, `/pool/a/p49.deb${url.search}`)
  t.equal(stolen.status, 403)
})

t.test('every redirected path, however odd its name, leads to its bytes', async t => {
  const network = await fresh(t)
  await startOne(t, network, 'ada')
  await inState(network, 'synced', 'ada')
  for (const target of [
    '/image.iso',
    '/odd%20%23%3F+~%20names/%c3%bc%20%22%2541%22.bin',
    '/pool/b/same.deb',
  ]) {
    const answer = await network.get(target, { 'user-agent': 'odd' })
    t.equal(answer.status, 302, target)
    const url = new URL(answer.headers.location ?? '')
    const served = await rawRequest(url.origin, `${url.pathname}${url.search}`)
    const direct = await network.get(`${target}?direct`)
    t.equal(served.status, 200, target)
    t.ok(served.body.equals(direct.body), target)
  }
})

t.test('a volunteer starts again without token, and with the origin dead', async t => {
  const network = await fresh(t)
  const first = await startOne(t, network, 'ada', { networks: ['127.0.0.0/8'] })
  await inState(network, 'synced', 'ada')
  await first.stop()
  await inState(network, 'draining', 'ada').catch(() => inState(network, 'offline', 'ada'))
  const before = await stat(join(first.options.mirrorDir, 'image.iso'))
  await network.origin.stop()
  const second = await startVolunteer({ ...first.options, token: null, name: null })
  t.equal(second.name, 'ada')
  const served = await rawRequest(second.url, '/image.iso')
  t.equal(served.status, 200)
  t.ok(served.body.equals(await readFile(join(network.repository, 'image.iso'))))
  const page = await rawRequest(second.url, '/pool/')
  t.match(page.body.toString(), /href="\.\/a\/"/)
  await network.restart()
  await second.stop()
  const third = await startVolunteer({
    ...first.options,
    token: null,
    originUrl: network.origin.url,
  })
  t.teardown(() => third.stop())
  await inState(network, 'synced', 'ada')
  t.equal((await stat(join(first.options.mirrorDir, 'image.iso'))).ino, before.ino)
})

t.test('a volunteer that comes back on another port gets its clients there', async t => {
  const network = await fresh(t)
  const first = await startOne(t, network, 'ada')
  await inState(network, 'synced', 'ada')
  await first.stop()
  const second = await startVolunteer({ ...first.options, token: null })
  t.teardown(() => second.stop())
  t.not(second.url, first.url)
  await eventually('a redirect to the new port', async () => {
    const answer = await network.get('/image.iso', { 'user-agent': `c${performance.now()}` })
    return (answer.headers.location ?? '').startsWith(second.url)
  })
})

t.test('a wrong token, a missing one and a taken name are clear errors', async t => {
  const network = await fresh(t)
  const options = optionsOf(network, 'ada')
  await t.rejects(startVolunteer(options), { code: 'MS_CONFIG_INVALID', message: /--token/ })
  await t.rejects(startVolunteer({ ...options, token: 'wrong' }), { code: 'MS_TOKEN_INVALID' })
  await startOne(t, network, 'ada')
  await t.rejects(startVolunteer({ ...options, token: 'x' }), { code: 'MS_DATA_LOCKED' })
  const other = { ...optionsOf(network, 'bob'), name: 'ada', token: await network.createToken() }
  await t.rejects(startVolunteer(other), { code: 'MS_NAME_TAKEN' })
  const keys = await stat(join(options.dataDir, 'identity/signing.pem'))
  t.equal(keys.mode & 0o777, 0o600)
})

t.test('enrolment is repeated while the origin does not answer, and can be given up', async t => {
  const network = await fresh(t)
  const options = { ...optionsOf(network, 'ada'), originUrl: 'http://127.0.0.1:9', token: 'x' }
  const abort = new AbortController()
  const starting = startVolunteer(options, { signal: abort.signal })
  setTimeout(() => abort.abort(), 200)
  await t.rejects(starting)
  const again = await startOne(t, network, 'ada', { dataDir: options.dataDir })
  t.equal(again.name, 'ada', 'the data folder is free again')
})

t.test('limits of the owner: client number, quota and free space are told', async t => {
  const network = await fresh(t)
  await startOne(t, network, 'full', { maxClients: 0 })
  await startOne(t, network, 'small', { quotaBytes: 100_000 })
  await startOne(t, network, 'tight', { minFreeBytes: 1000 }, { freeBytes: async () => 500 })
  await inState(network, 'synced', 'full', 'small')
  const small = await eventually('the quota to be told', async () => {
    const line = (await linesOf(network)).find(each => each.name === 'small')
    return line?.reasons.some(reason => /quota/.test(reason)) ? line : null
  })
  t.ok(small.heldBytes > 0 && small.heldBytes <= 100_000)
  t.equal(small.wantedBytes, small.heldBytes)
  await eventually('the lack of space to be told', async () => {
    const line = (await linesOf(network)).find(each => each.name === 'tight')
    return line?.reasons.some(reason => /--min-free/.test(reason)) ?? false
  })
  t.strictSame(await readTree(join(network.data, '..', 'tight/mirror')), {})
})

t.test('a data folder inside the mirror is not mirrored and does no harm', async t => {
  const network = await fresh(t)
  const mirrorDir = join(network.data, '..', 'ada/mirror')
  const volunteer = await startOne(t, network, 'ada', { dataDir: join(mirrorDir, 'state') })
  await inState(network, 'synced', 'ada')
  const names = Object.keys(await readTree(volunteer.options.mirrorDir))
  t.strictSame(
    names.filter(name => !name.startsWith('state/')),
    Object.keys(await readTree(network.repository)),
  )
  const inside = { ...optionsOf(network, 'bob'), token: 'x', mirrorDir: join(mirrorDir, 'state/m') }
  const options = { ...inside, dataDir: join(mirrorDir, 'state') }
  await t.rejects(startVolunteer(options), { code: 'MS_CONFIG_INVALID' })
})
