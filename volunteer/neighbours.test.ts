// What a volunteer answers to other volunteers: held bytes, to those who are enrolled, when the owner
// allows it.

import type { KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { systemClock } from '../core/clock.ts'
import { HttpClient } from '../core/http-client.ts'
import type { RepoPath, Sha256, VolunteerName } from '../core/ids.ts'
import { kernel } from '../core/kernel/kernel.ts'
import { generateKeys, importPublicKey, sha256Hex } from '../core/keys.ts'
import { requestSkewMs } from '../core/limits.ts'
import { silentLogger } from '../core/log.ts'
import { RateLimiter } from '../core/rate-limiter.ts'
import type { RangesAsk } from '../prsync/logic/ranges-wire.ts'
import { askSource } from '../prsync/ranges-client.ts'
import { signRequest } from '../tracker/request-signature.ts'
import { Metrics } from './metrics.ts'
import { makeNeighbours } from './neighbour-parts.ts'
import { postRanges } from './ranges-post.ts'
import { RequestSigner } from './request-signer.ts'
import { VolunteerServer } from './server.ts'
import { testMirror, testRepository } from './test-mirror.ts'

const bytes = Buffer.from('0123456789abcdef'.repeat(20_000))
const bob = 'bob' as VolunteerName
const ada = 'ada' as VolunteerName
const never = new AbortController().signal
const keys = generateKeys('ed25519')

const noMetrics = () =>
  new Metrics({
    swarmSentBytes: () => 0,
    fetchedBytes: () => ({ peers: 0, origin: 0 }),
    reusedBytes: () => 0,
    heldFiles: () => 0,
    heldBytes: () => 0,
    wantedBytes: () => 0,
    snapshot: () => 0,
    activeClients: () => 0,
  })

const signerOf = (name: VolunteerName, privateKey: KeyObject): RequestSigner =>
  new RequestSigner({ name, privateKey, clock: systemClock })

/** A volunteer that holds one file, known to bob. */
const prepare = async (t: Test) => {
  const repository = await testRepository(t)
  await repository.write('pool/a.deb', bytes)
  await repository.publish()
  const volunteer = await testMirror(t, repository)
  await volunteer.sync()
  const metrics = noMetrics()
  const server = new VolunteerServer(
    { metrics, logger: silentLogger, answerNonce: () => null, status: () => ({}) },
    { listen: { host: '127.0.0.1', port: 0 }, tls: null, prefix: '/mirror' },
  )
  const switches = {
    ...{ open: true, draining: false, lost: [] as RepoPath[], limited: 0 },
    askMs: null as number | null,
  }
  const uploadLimiter = new RateLimiter(100_000_000)
  const take = uploadLimiter.take.bind(uploadLimiter)
  uploadLimiter.take = async (count, priority, signal) => {
    if (priority === 'swarm') switches.limited += count
    await take(count, priority, signal)
  }
  const neighbours = makeNeighbours(
    {
      ...{ store: volunteer.store, folder: volunteer.folder, reader: repository.reader },
      ...{ objects: repository.objects, uploadLimiter, metrics, logger: silentLogger },
      roster: {
        keyOf: name => (name === bob ? importPublicKey(keys.publicKey, 'ed25519') : null),
      },
      signer: { nowMs: () => Date.now() },
      isWithinHours: () => switches.open,
      anchorFolder: '/dev/null/unused',
      onLost: path => switches.lost.push(path),
    },
    { self: ada, isDraining: () => switches.draining, signal: server.signal },
  )
  const { port } = await server.start()
  t.teardown(() => server.stop())
  const http = new HttpClient()
  t.teardown(() => http.stop())
  const url = `http://127.0.0.1:${port}/mirror`
  const received = { bytes: 0 }
  const as = (name: VolunteerName, privateKey = keys.privateKey) => ({
    ...{ http, signer: signerOf(name, privateKey), compression: 'zstd' as const },
    onBytes: async (_url: string, count: number) => {
      received.bytes += count
    },
  })
  const ask = async (asks: readonly RangesAsk[], parts = as(bob)): Promise<Buffer> => {
    const source = {
      name: 'ada',
      send: (body: Uint8Array, signal: AbortSignal) =>
        postRanges(parts, { url, recipient: ada }, body, signal),
    }
    const got: Uint8Array[] = []
    for await (const part of askSource(source, asks, never)) got.push(part)
    return Buffer.concat(got)
  }
  const get = async (target: string, headers: Record<string, string> = {}) => {
    const authorization = signRequest(
      { method: 'GET', path: target, recipient: ada },
      bob,
      keys.privateKey,
      switches.askMs ?? Date.now(),
    )
    const answer = await http.send(`${url}${target}`, { headers: { authorization, ...headers } })
    return { ...answer, bytes: await http.read(answer) }
  }
  const { sha256 } = repository.contentAt('pool/a.deb')
  server.open(async () => undefined, neighbours)
  return { repository, volunteer, metrics, switches, received, as, ask, get, sha256, server, url }
}

t.test('runs and hashes of held files, compressed, as swarm traffic', async t => {
  const { ask, sha256, metrics, switches, received } = await prepare(t)
  const asks = [
    {
      sha256,
      runs: [{ offset: 3, length: 200_000 }],
      chunks: [{ chunkBytes: 65_536, hashBytes: 8, runs: [{ offset: 0, length: 4 }] }],
    },
  ]
  const expected = Buffer.concat([bytes.subarray(3, 200_003), kernel.chunkHashes(bytes, 65_536)])
  const answer = await ask(asks)
  t.ok(answer.subarray(0, 200_032).equals(expected.subarray(0, 200_032)))
  t.ok(received.bytes > 0 && received.bytes < 20_000, 'it was compressed')
  t.equal(switches.limited, received.bytes)
  t.equal(metrics.sentBytes('sync'), received.bytes)
})

t.test('contents and parts of the manifest by hash, with ranges', async t => {
  const { get, sha256, repository, switches } = await prepare(t)
  const whole = await get(`/-/v1/contents/${sha256}`)
  t.equal(whole.status, 200)
  t.ok(whole.bytes.equals(bytes))
  t.equal(whole.headers.etag, `"sha256-${sha256}"`)
  const part = await get(`/-/v1/contents/${sha256}`, { range: 'bytes=16-31' })
  t.equal(part.status, 206)
  t.equal(part.bytes.toString(), '0123456789abcdef')
  t.ok(switches.limited >= bytes.length)
  const [bundle] = repository.reader.bundles()
  const metainfo = bundle?.metainfo as Sha256
  t.equal(sha256Hex((await get(`/-/v1/contents/${metainfo}`)).bytes), metainfo)
  const unknown = sha256Hex('unknown')
  const missing = await get(`/-/v1/contents/${unknown}`)
  t.equal(missing.status, 404)
  t.match(missing.bytes.toString(), /MS_CONTENT_NOT_HELD/)
  t.equal((await get('/-/v1/contents/nonsense')).status, 400)
})

t.test('strangers are refused, whatever the hour', async t => {
  const { ask, as, sha256, get, switches } = await prepare(t)
  const asks = [{ sha256, runs: [{ offset: 0, length: 1 }] }]
  switches.draining = true
  const refused = { code: 'MS_AUTH_REFUSED' }
  await t.rejects(ask(asks, as('eve' as VolunteerName)), refused, 'not in the roster')
  await t.rejects(ask(asks, as(bob, generateKeys('ed25519').privateKey)), refused, 'another key')
  const other = signRequest(
    { method: 'GET', path: '/-/v1/other', recipient: ada },
    bob,
    keys.privateKey,
    Date.now(),
  )
  const path = `/-/v1/contents/${sha256}`
  t.equal((await get(path, { authorization: other })).status, 403, 'signed for something else')
  const recipient = 'carl' as VolunteerName
  const passedOn = signRequest({ method: 'GET', path, recipient }, bob, keys.privateKey, Date.now())
  t.equal((await get(path, { authorization: passedOn })).status, 403, 'meant for another')
  const forOrigin = signRequest({ method: 'GET', path }, bob, keys.privateKey, Date.now())
  t.equal((await get(path, { authorization: forOrigin })).status, 403, 'meant for the origin')
  t.equal((await get(path, { authorization: 'nonsense' })).status, 401)
})

t.test('a request that was recorded is refused later', async t => {
  const { get, sha256, switches } = await prepare(t)
  const path = `/-/v1/contents/${sha256}`
  t.equal((await get(path)).status, 200)
  for (const offMs of [-requestSkewMs - 1000, requestSkewMs + 20_000]) {
    switches.askMs = Date.now() + offMs
    const answer = await get(path)
    t.equal(answer.status, 403)
    t.match(answer.bytes.toString(), /MS_CLOCK_SKEWED/)
  }
})

t.test('not outside the hours and not while stopping', async t => {
  const { ask, sha256, get, switches } = await prepare(t)
  const asks = [{ sha256, runs: [{ offset: 0, length: 1 }] }]
  for (const change of [{ open: false }, { open: true, draining: true }]) {
    Object.assign(switches, change)
    await t.rejects(ask(asks), { code: 'MS_VOLUNTEER_BUSY', retryAfterMs: 5000 })
    const answer = await get(`/-/v1/contents/${sha256}`)
    t.equal(answer.status, 503)
    t.equal(answer.headers['retry-after'], '5')
  }
  Object.assign(switches, { draining: false })
  t.equal((await ask(asks)).toString(), '0')
})

t.test('a held file that was changed is not sent, and reported', async t => {
  const { ask, get, sha256, volunteer, switches } = await prepare(t)
  await writeFile(join(volunteer.folder.root, 'pool/a.deb'), 'other bytes')
  const asks = [{ sha256, runs: [{ offset: 0, length: 1 }] }]
  await t.rejects(ask(asks), { code: 'MS_CONTENT_NOT_HELD' })
  t.same(switches.lost, ['pool/a.deb'])
  t.equal((await get(`/-/v1/contents/${sha256}`)).status, 404)
})

t.test('nonsense is refused, and a volunteer that is starting says so', async t => {
  const { as, url, server, get, sha256 } = await prepare(t)
  const post = (body: Uint8Array) => postRanges(as(bob), { url, recipient: ada }, body, never)
  await t.rejects(post(Buffer.from('nonsense')), { code: 'MS_REQUEST_INVALID' })
  await t.rejects(post(Buffer.alloc(2 << 20)), { message: /413|too large/ })
  server.open(async () => undefined)
  t.equal((await get(`/-/v1/contents/${sha256}`)).status, 503)
})

/** A server that answers what it is told. */
const answering = async (t: Test, headers: Record<string, string>, body: Uint8Array) => {
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(200, headers)
    response.end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const http = new HttpClient()
  t.teardown(() => http.stop())
  const parts = {
    ...{ http, signer: signerOf(bob, keys.privateKey), compression: 'zstd' as const },
    onBytes: async () => undefined,
  }
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const read = async (most: number): Promise<number> => {
    let length = 0
    for await (const part of await postRanges(
      parts,
      { url, recipient: ada },
      Buffer.from('x'),
      never,
    )) {
      length += part.length
      if (length >= most) break
    }
    return length
  }
  return read
}

t.test('hostile answers end in clear errors and little memory', async t => {
  const zstd = { 'content-encoding': 'zstd' }
  const broken = { code: 'MS_REMOTE_UNREACHABLE' }
  await t.rejects((await answering(t, zstd, Buffer.from('no zstd')))(1e9), broken)
  const frame = zstdCompressSync(Buffer.alloc(100_000, 1))
  await t.rejects((await answering(t, zstd, frame.subarray(0, -3)))(1e9), broken, 'cut short')
  const gzip = { 'content-encoding': 'gzip' }
  await t.rejects((await answering(t, gzip, Buffer.from('x')))(1e9), { code: 'MS_ANSWER_INVALID' })
  const bomb = zstdCompressSync(Buffer.alloc(200_000_000))
  const before = process.memoryUsage().rss
  t.ok((await (await answering(t, zstd, bomb))(1_000_000)) < 2_000_000)
  t.ok(process.memoryUsage().rss - before < 100_000_000)
})
