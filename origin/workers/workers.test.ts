// An origin with two worker threads over real connections: whichever thread holds a connection, the
// answers are those of one origin.

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import t, { type Test } from 'tap'
import { sha256Hex } from '../../core/keys.ts'
import { frontDefaults } from '../../delivery/front.ts'
import { missing } from '../../loadtest/programs.ts'
import { eventually, TestNetwork } from '../fixtures/test-network.ts'
import { checkWorkers } from '../listening.ts'

const skip = process.platform === 'linux' ? false : 'threads share a port on Linux only'

const fill = (repository: string): void => {
  mkdirSync(join(repository, 'pool'))
  for (const name of ['a', 'b', 'c']) {
    writeFileSync(join(repository, `pool/${name}.deb`), `${name}${'package '.repeat(5_000)}`)
  }
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A connection that stays open, as most clients have them. */
class Client {
  readonly socket: Socket
  #text = ''

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => undefined)
    socket.on('data', part => {
      this.#text += part.toString('latin1')
    })
  }

  static async open(t: Test, url: string): Promise<Client> {
    const { protocol, port } = new URL(url)
    const at = { port: Number(port), host: '127.0.0.1', rejectUnauthorized: false }
    const socket = protocol === 'https:' ? connectTls(at) : connect(at)
    t.teardown(() => void socket.destroy())
    const client = new Client(socket)
    await once(socket, protocol === 'https:' ? 'secureConnect' : 'connect')
    return client
  }

  async get(path: string, agent: string, more: Record<string, string> = {}): Promise<Answer> {
    this.send([path], agent, more)
    return this.read()
  }

  send(paths: readonly string[], agent: string, more: Record<string, string> = {}): void {
    const headers = Object.entries({ Host: 'o', 'User-Agent': agent, ...more })
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    this.socket.write(paths.map(path => `GET ${path} HTTP/1.1\r\n${lines}\r\n`).join(''))
  }

  /** The next answer; they all have a Content-Length. */
  async read(): Promise<Answer> {
    return eventually('an answer', async () => {
      const end = this.#text.indexOf('\r\n\r\n')
      if (end < 0) return null
      const [first = '', ...lines] = this.#text.slice(0, end).split('\r\n')
      const headers = Object.fromEntries(
        lines.map(line => [
          line.slice(0, line.indexOf(':')).toLowerCase(),
          line.slice(line.indexOf(':') + 2),
        ]),
      )
      const length = Number(headers['content-length'] ?? 0)
      if (this.#text.length < end + 4 + length) return null
      const body = this.#text.slice(end + 4, end + 4 + length)
      this.#text = this.#text.slice(end + 4 + length)
      return { status: Number(first.split(' ')[1]), headers, body }
    })
  }
}

const hostOf = ({ headers }: Answer): string => new URL(headers.location ?? '').origin

t.test('one origin on several threads', { skip }, async t => {
  const front = { ...frontDefaults, trustedProxies: ['127.0.0.0/8'], requestsPerSecond: 1 }
  const network = await TestNetwork.start(t, fill, {
    ...{ workers: 2, front },
    announceIntervalMs: 60_000,
  })
  await network.waitForSnapshot(1)
  const ada = await network.volunteer('ada')
  const bob = await network.volunteer('bob')
  // By chance each thread has some of them.
  const clients = await Promise.all(
    Array.from({ length: 12 }, () => Client.open(t, network.origin.url)),
  )
  const redirects = async (): Promise<number> => {
    const metrics = (await network.get('/-/metrics')).body.toString()
    return Number(/requests_total\{outcome="redirect"\} (\d+)/.exec(metrics)?.[1])
  }

  await t.test('who repeats is sent elsewhere, whichever thread it comes to', async t => {
    for (const [index, client] of clients.entries()) {
      const other = clients[(index + 1) % clients.length] as Client
      const third = clients[(index + 2) % clients.length] as Client
      const first = await client.get('/pool/a.deb', `apt ${index}`)
      const second = await other.get('/pool/a.deb', `apt ${index}`)
      t.same(new Set([hostOf(first), hostOf(second)]), new Set([ada.url, bob.url]))
      const last = await third.get('/pool/a.deb', `apt ${index}`)
      t.equal(last.status, 200, 'and then gets the file')
      t.equal(`"sha256-${sha256Hex(Buffer.from(last.body, 'latin1'))}"`, last.headers.etag)
    }
    t.equal(await redirects(), 2 * clients.length, 'all are counted together')
  })

  await t.test('pipelined requests keep their order, usual and other ones', async t => {
    const client = await Client.open(t, network.origin.url)
    const paths = ['/pool/b.deb', '/pool/c.deb', '/pool/a.deb?sha256', '/pool/a.deb']
    client.send(paths, 'apt with a pipeline')
    const answers = []
    for (const _ of paths) answers.push(await client.read())
    t.same(
      answers.map(({ status }) => status),
      [302, 302, 200, 302],
    )
    t.match(answers[0]?.headers.location, '/pool/b.deb?')
    t.match(answers[1]?.headers.location, '/pool/c.deb?')
    t.match(answers[2]?.body, /^[0-9a-f]{64}/)
    t.match(answers[3]?.headers.location, '/pool/a.deb?')
  })

  await t.test('an address has one limit on all threads', async t => {
    const startMs = performance.now()
    const from = { 'X-Forwarded-For': '192.0.2.1' }
    const many = await Promise.all(
      Array.from({ length: 8 }, () => Client.open(t, network.origin.url)),
    )
    const paths = ['/pool/a.deb', '/pool/b.deb', '/pool/c.deb']
    for (const [index, client] of many.entries()) client.send(paths, `client ${index}`, from)
    const statuses: number[] = []
    for (const client of many) {
      for (const _ of paths) statuses.push((await client.read()).status)
    }
    const seconds = Math.ceil((performance.now() - startMs) / 1000)
    const passed = statuses.filter(status => status === 302).length
    t.ok(passed >= 1 && passed <= 5 + seconds, `${passed} passed in ${seconds} s`)
    t.equal(statuses.filter(status => status === 429).length, statuses.length - passed)
    const another = await Client.open(t, network.origin.url)
    const elsewhere = { 'X-Forwarded-For': '192.0.2.2' }
    t.equal((await another.get('/pool/a.deb', 'client', elsewhere)).status, 302)
  })

  await t.test('a new snapshot is there for all at once', async t => {
    const fresh = await Promise.all(
      Array.from({ length: 8 }, () => Client.open(t, network.origin.url)),
    )
    const before = await Promise.all(
      fresh.map((client, index) => client.get('/pool/b.deb', `before ${index}`)),
    )
    t.ok(before.every(({ status }) => status === 302))
    writeFileSync(join(network.repository, 'pool/b.deb'), 'other '.repeat(5_000))
    await network.publish()
    const etag = `"sha256-${sha256Hex(Buffer.from('other '.repeat(5_000)))}"`
    for (const [index, client] of fresh.entries()) {
      t.equal((await client.get('/pool/b.deb', `after ${index}`)).headers.etag, etag)
    }
    await Promise.all([ada.announce(), bob.announce()])
    await network.operate('/-/v1/volunteers/ada', { action: 'drain' })
    for (const [index, client] of fresh.entries()) {
      t.equal(hostOf(await client.get('/pool/c.deb', `drained ${index}`)), bob.url)
    }
  })

  const open = await Client.open(t, network.origin.url)
  t.equal((await open.get('/pool/c.deb', 'the last')).status, 302)
  const closed = once(open.socket, 'close')
  await network.origin.stop()
  await closed
  const late = connect(Number(new URL(network.origin.url).port), '127.0.0.1')
  const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException]
  t.equal(error.code, 'ECONNREFUSED', 'nobody listens any more')
})

const tlsSkip = skip === false ? missing('openssl') : skip

t.test('threads take TLS off, and clients are who they are', { skip: tlsSkip }, async t => {
  const folder = t.testdirName
  const tls = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
  const network = await TestNetwork.start(
    t,
    repository => {
      fill(repository)
      const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
      const named = ['-subj', '/CN=localhost', '-days', '2']
      const files = ['-keyout', tls.keyFile, '-out', tls.certFile]
      execFileSync('openssl', ['req', '-x509', ...made, ...named, ...files], { stdio: 'ignore' })
    },
    { workers: 2, tls, requireClients: true },
  )
  const { url } = network.origin
  t.match(url, /^https:/)
  const operator = await Client.open(t, url)
  const asOperator = { Authorization: `Bearer ${await network.operatorToken()}` }
  await eventually('a snapshot', async () => {
    const { body } = await operator.get('/-/ready', 'operator', asOperator)
    return JSON.parse(body).snapshot === 1
  })
  const post = async (path: string, body: object): Promise<Answer> => {
    const text = JSON.stringify(body)
    const length = Buffer.byteLength(text)
    const lines = `Host: o\r\nAuthorization: ${asOperator.Authorization}\r\nContent-Length: ${length}`
    operator.socket.write(`POST ${path} HTTP/1.1\r\n${lines}\r\n\r\n${text}`)
    return operator.read()
  }
  const clients = await Promise.all(Array.from({ length: 8 }, () => Client.open(t, url)))
  for (const client of clients) t.equal((await client.get('/pool/a.deb', 'apt')).status, 401)
  t.equal((await post('/-/v1/clients', { name: 'lab', networks: ['127.0.0.0/8'] })).status, 201)
  const more = await Promise.all(Array.from({ length: 8 }, () => Client.open(t, url)))
  for (const client of [...clients, ...more]) {
    t.equal((await client.get('/pool/a.deb', 'apt')).status, 200, 'no volunteer is there')
  }
  t.equal((await post('/-/v1/clients/lab', { action: 'revoke' })).status, 200)
  for (const client of [...clients, ...more]) {
    t.equal((await client.get('/pool/a.deb', 'apt')).status, 401)
  }
})

t.test('a number of workers that cannot be is named', t => {
  checkWorkers(1, 'darwin')
  checkWorkers(2, 'linux')
  for (const count of [0, 1.5, 65]) t.throws(() => checkWorkers(count), /--workers/)
  t.throws(() => checkWorkers(2, 'darwin'), { code: 'MS_CONFIG_INVALID', message: /Linux/ })
  t.end()
})
