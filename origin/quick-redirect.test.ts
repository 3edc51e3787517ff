import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { rawRequest, TestNetwork } from './fixtures/test-network.ts'

const big = Buffer.alloc(70_000, 'a package')

const fill = (repository: string): void => {
  mkdirSync(join(repository, 'pool/a+b'), { recursive: true })
  writeFileSync(join(repository, 'pool/big.deb'), big)
  writeFileSync(join(repository, 'pool/a+b/c~d.deb'), Buffer.concat([big, big]))
  writeFileSync(join(repository, 'pool/small.deb'), 'small')
}

/** Everything that the origin sends for these bytes, until it closes the connection. */
const talk = async (url: string, text: string): Promise<string> => {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write(text)
  const parts: Buffer[] = []
  for await (const part of socket) parts.push(part)
  return Buffer.concat(parts).toString('latin1')
}

t.test('the short way', async t => {
  const network = await TestNetwork.start(t, fill, { announceIntervalMs: 60_000 })
  await network.waitForSnapshot(1)
  await network.volunteer('ada')
  let clients = 0
  const ask = (target: string, method = 'GET', headers: Record<string, string> = {}) =>
    rawRequest(network.origin.url, target, {
      method,
      headers: { 'user-agent': `client ${++clients}`, connection: 'keep-alive', ...headers },
    })

  t.test('answers exactly as the routes do', async t => {
    const targets = [
      '/pool/big.deb',
      '/pool/a+b/c~d.deb',
      '/pool/a%2Bb/c%7Ed.deb',
      '//pool/big.deb',
    ]
    for (const target of targets) {
      for (const method of ['GET', 'HEAD']) {
        const quick = await ask(target, method)
        // Whoever names a condition is answered by the routes.
        const slow = await ask(target, method, { 'if-none-match': '"another"' })
        t.equal(quick.status, 302, target)
        t.equal(slow.status, 302, target)
        const { date: _, ...headers } = quick.headers
        const { date: __, ...expected } = slow.headers
        t.strictSame(headers, expected, `${method} ${target}`)
        t.equal(quick.body.length, 0)
      }
    }
  })

  t.test('leaves everything else to the routes', async t => {
    const statuses: [string, string, number][] = [
      ['/pool/small.deb', 'GET', 200],
      ['/pool/big.deb?sha256', 'GET', 200],
      ['/pool/big.deb?direct', 'GET', 200],
      ['/pool/big.deb/', 'GET', 404],
      ['/pool/./big.deb', 'GET', 400],
      ['/pool/%2e%2e/pool/big.deb', 'GET', 400],
      ['/pool', 'GET', 301],
      ['/pool/big.deb', 'POST', 405],
      ['/-/health', 'GET', 200],
    ]
    for (const [target, method, status] of statuses) {
      t.equal((await ask(target, method)).status, status, `${method} ${target}`)
    }
  })

  t.test('keeps the order of pipelined requests, and closes when asked to', async t => {
    const request = (path: string, more = '') =>
      `GET ${path} HTTP/1.1\r\nHost: o\r\nUser-Agent: pipeline\r\n${more}\r\n`
    const text = await talk(
      network.origin.url,
      request('/pool/small.deb') +
        request('/pool/big.deb') +
        request('/nothing') +
        request('/pool/a+b/c~d.deb', 'Connection: close\r\n'),
    )
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status)
    t.strictSame(statuses, ['200', '302', '404', '302'])
    const last = text.slice(text.lastIndexOf('HTTP/1.1 302'))
    t.match(last, /connection: close/i)
    t.match(last, /location: http:\/\/127\.0\.0\.1:\d+\/pool\/a%2Bb\/c~d\.deb\?c=/i)
  })

  t.test('speaks of the newest snapshot', async t => {
    const before = await ask('/pool/big.deb')
    writeFileSync(join(network.repository, 'pool/big.deb'), Buffer.alloc(80_000, 'a new package'))
    await network.publish()
    const after = await ask('/pool/big.deb')
    t.not(after.headers.etag, before.headers.etag)
  })

  t.test('a client that comes back is looked after by the routes', async t => {
    const again = { 'user-agent': 'somebody' }
    t.equal((await ask('/pool/a+b/c~d.deb', 'GET', again)).status, 302)
    const second = await ask('/pool/a+b/c~d.deb', 'GET', again)
    t.equal(second.status, 200, 'there is no other volunteer, so the origin serves')
  })
})
