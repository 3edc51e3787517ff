// A real nginx in front of a volunteer, set up by deploy/nginx/: whoever asks sees what the volunteer
// itself would have answered, while nginx sends the bytes.

import { spawn, spawnSync } from 'node:child_process'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../core/clock.ts'
import type { RepoPath, VolunteerName } from '../core/ids.ts'
import { silentLogger } from '../core/log.ts'
import { parseNetwork } from '../core/networks.ts'
import { RateLimiter } from '../core/rate-limiter.ts'
import { pathFromBytes } from '../core/repo-path.ts'
import { ClientAddresses } from '../delivery/client-address.ts'
import { HandOver } from '../delivery/hand-over.ts'
import { type LinkKey, signLink } from '../delivery/links.ts'
import { ReadBudget } from '../delivery/read-budget.ts'
import { nginxCommand, nginxExample, volunteerFront } from '../loadtest/nginx.ts'
import { freePort } from '../loadtest/ports.ts'
import { missing } from '../loadtest/programs.ts'
import { Metrics } from '../volunteer/metrics.ts'
import { Serving } from '../volunteer/serve.ts'
import { VolunteerServer } from '../volunteer/server.ts'
import { testMirror, testRepository, until } from '../volunteer/test-mirror.ts'
import { askFrom, essence } from './plain-request.ts'

const linkKey: LinkKey = { volunteer: 'ada' as VolunteerName, secret: Buffer.alloc(32, 7) }
const packageName = 'pool/a b+c~%41&é?#.deb'
const packagePath = pathFromBytes(Buffer.from(packageName))
const bytes = Buffer.from('0123456789'.repeat(20_000))
const outsider = '127.0.0.3'
const department = '127.0.0.2'

const ask = (port: number, path: string, asked: Parameters<typeof askFrom>[2] = {}) =>
  askFrom(outsider, `http://127.0.0.1:${port}${path}`, asked)

/** Where nginx would compress, if it were let. */
const compressing = 'access_log off; gzip on; gzip_types *;'

const startNginx = async (t: Test, folder: string, blocks: string, port: number) => {
  const [program, ...run] = nginxCommand(folder, blocks, compressing)
  const nginx = spawn(program, run, { stdio: 'ignore' })
  const ended = new Promise(resolve => nginx.once('close', resolve))
  t.teardown(async () => {
    nginx.kill('SIGKILL')
    await ended
  })
  await until('nginx answers', () =>
    ask(port, '/-/health').then(
      ({ status }) => status === 200,
      () => false,
    ),
  )
}

const prepare = async (t: Test) => {
  const repository = await testRepository(t)
  await repository.write(packageName, bytes)
  await repository.write('empty.txt', '')
  await repository.publish()
  const mirror = await testMirror(t, repository)
  await mirror.sync()
  const handedFolder = join(mirror.base, 'handed')
  const handOver = new HandOver(
    { clock: systemClock, logger: silentLogger },
    { prefix: '/handed/', folder: handedFolder },
  )
  await handOver.start()
  const seams = { handed: 0, afterPlace: (): void => undefined }
  const place = handOver.place.bind(handOver)
  handOver.place = async (...file) => {
    const uri = await place(...file)
    if (uri !== null) seams.handed++
    seams.afterPlace()
    return uri
  }
  const metrics = new Metrics({
    swarmSentBytes: () => 0,
    fetchedBytes: () => ({ peers: 0, origin: 0 }),
    reusedBytes: () => 0,
    ...{ heldFiles: () => 1, heldBytes: () => 2, wantedBytes: () => 3 },
    ...{ snapshot: () => 1, activeClients: () => 0 },
  })
  const server = new VolunteerServer(
    { metrics, logger: silentLogger, answerNonce: () => null, status: () => ({}) },
    { listen: { host: '127.0.0.1', port: 0 }, tls: null, prefix: '' },
  )
  const serving = new Serving(
    {
      ...{ reader: repository.reader, store: mirror.store, folder: mirror.folder },
      ...{ linkKey, metrics, handOver, clock: systemClock, logger: silentLogger },
      uploadLimiter: new RateLimiter(null),
      budget: new ReadBudget(),
      originClock: () => null,
      isWithinHours: () => true,
      isDraining: () => false,
      onLost: () => undefined,
    },
    {
      originUrl: 'http://origin.example',
      networks: [parseNetwork(department)],
      addresses: new ClientAddresses([parseNetwork('127.0.0.1')], 'x-forwarded-for'),
      ...{ maxClients: null, prefix: '', signal: server.signal },
    },
  )
  server.open((raw, response, target) => serving.handle(raw, response, target))
  const { port: ownPort } = await server.start()
  t.teardown(async () => {
    await server.stop()
    await handOver.stop()
  })
  const port = await freePort()
  const blocks = volunteerFront({ port, volunteerPort: ownPort, handedFolder })
  await startNginx(t, join(mirror.base, 'nginx'), blocks, port)
  const link = (path: RepoPath): string => {
    const { sha256 } = repository.contentAt(path)
    const expiresSeconds = Math.floor(Date.now() / 1000) + 1000
    return `/${path}?${signLink(linkKey, { path, sha256, expiresSeconds })}`
  }
  return { repository, mirror, seams, link, port, ownPort, metrics }
}

const skip = missing('nginx')

t.test('nginx takes the examples', { skip }, async t => {
  const folder = t.testdir()
  for (const name of ['volunteer.conf', 'origin.conf'] as const) {
    const [program, ...run] = nginxCommand(join(folder, name), nginxExample(name), compressing)
    const { status, stderr } = spawnSync(program, [...run, '-t'], { encoding: 'utf8' })
    t.equal(status, 0, stderr)
  }
})

t.test(
  'through nginx everything is as without it, and nginx sends the bytes',
  { skip },
  async t => {
    const { repository, seams, link, port, ownPort, metrics } = await prepare(t)
    const target = link(packagePath)
    const first = await ask(ownPort, target)
    t.equal(first.status, 200)
    t.equal(seams.handed, 0, 'who is not behind the proxy gets the bytes from the volunteer')
    const etag = String(first.headers.etag)
    const modified = String(first.headers['last-modified'])
    const handed: Record<string, string>[] = [
      {},
      { 'accept-encoding': 'gzip' },
      { range: 'bytes=0-0' },
      { range: 'bytes=199990-' },
      { range: 'bytes=-7' },
      { range: 'bytes=5-900000' },
      { range: 'bytes=1-2', 'if-range': etag },
      { range: 'bytes=1-2', 'if-range': modified },
      { 'if-none-match': '"other"' },
      { 'if-modified-since': 'Thu, 01 Jan 1970 00:00:01 GMT' },
      { 'if-none-match': '"other"', 'if-modified-since': modified },
    ]
    const answeredHere: Record<string, string>[] = [
      { 'if-none-match': etag },
      { 'if-none-match': '*' },
      { 'if-modified-since': modified },
      { 'if-match': etag },
      { 'if-match': '"other"' },
      { 'if-unmodified-since': modified },
      { range: 'bytes=0-1,10-11' },
      { range: 'bytes=0-4,5-9' },
      { range: 'bytes=900000-' },
      { range: 'bytes=x' },
      { range: 'bytes=1-2', 'if-range': '"other"' },
    ]
    for (const [each, byNginx] of [
      ...handed.map(headers => [{ headers }, 1] as const),
      ...answeredHere.map(headers => [{ headers }, 0] as const),
      [{ method: 'HEAD' }, 0] as const,
    ]) {
      const before = seams.handed
      const through = await ask(port, target, each)
      t.equal(seams.handed - before, byNginx, `who sends ${JSON.stringify(each)}`)
      t.strictSame(
        essence(through),
        essence(await ask(ownPort, target, each)),
        JSON.stringify(each),
      )
    }
    const empty = link('empty.txt' as RepoPath)
    t.strictSame(essence(await ask(port, empty)), essence(await ask(ownPort, empty)))
    const name = `/handed/${repository.contentAt(packagePath).sha256}`
    t.not((await ask(port, name)).status, 200, 'nobody names the handed files himself')
    t.ok(metrics.sentBytes('client') > 4 * bytes.length, 'what nginx sends is counted')
  },
)

t.test('addresses come from nginx, not from what a client writes', { skip }, async t => {
  const { seams, port } = await prepare(t)
  const path = `/${packagePath}`
  t.equal((await ask(port, path)).status, 403)
  const headers = { 'x-forwarded-for': department }
  t.equal((await ask(port, path, { headers })).status, 403)
  t.equal((await ask(port, path, { localAddress: department })).body, bytes.toString())
  t.equal(seams.handed, 1)
})

t.test('a changed file is not sent, not even just after it was looked at', { skip }, async t => {
  const { mirror, seams, link, port } = await prepare(t)
  const target = link(packagePath)
  const file = join(mirror.mirror, packageName)
  seams.afterPlace = () => {
    writeFileSync(`${file}.other`, Buffer.alloc(bytes.length, 'x'))
    renameSync(`${file}.other`, file)
  }
  const during = await ask(port, target)
  t.equal(during.body, bytes.toString(), 'the file that was looked at is the one that is sent')
  const after = await ask(port, target)
  t.equal(after.status, 307)
  t.match(after.headers.location, /^http:\/\/origin\.example\/.*\?direct=/)
})
