import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { HttpClient } from './http-client.ts'

const serve = async (t: Test, listener: RequestListener): Promise<string> => {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const makeClient = (t: Test): HttpClient => {
  const client = new HttpClient()
  t.teardown(() => client.stop())
  return client
}

t.test('a request carries its method, headers and body, and the answer is read', async t => {
  const url = await serve(t, async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    response.setHeader('x-seen', `${request.method} ${request.headers['x-word']}`)
    response.statusCode = 201
    response.end(Buffer.concat(parts).toString('utf8').toUpperCase())
  })
  const client = makeClient(t)
  const answer = await client.send(url, {
    method: 'POST',
    headers: { 'x-word': 'tide' },
    body: 'abc',
  })
  t.equal(answer.status, 201)
  t.equal(answer.headers['x-seen'], 'POST tide')
  t.equal((await client.read(answer)).toString(), 'ABC')
})

t.test('a redirect is an answer, not followed', async t => {
  const url = await serve(t, (_, response) => {
    response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
  })
  const client = makeClient(t)
  const answer = await client.send(url)
  t.equal(answer.status, 302)
  t.equal((await client.read(answer)).length, 0)
})

t.test('nobody there is MS_REMOTE_UNREACHABLE and names the host', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  await t.rejects(makeClient(t).send(`http://127.0.0.1:${port}/`), {
    code: 'MS_REMOTE_UNREACHABLE',
    message: new RegExp(`127\\.0\\.0\\.1:${port}`),
  })
})

t.test('an answer that never begins ends with the timeout', async t => {
  const url = await serve(t, () => undefined)
  await t.rejects(makeClient(t).send(url, { timeoutMs: 100 }), { code: 'MS_REMOTE_UNREACHABLE' })
})

t.test('an answer that pauses for ever or breaks off is MS_REMOTE_UNREACHABLE', async t => {
  const url = await serve(t, (request, response) => {
    response.writeHead(200, { 'content-length': '10' }).write('half')
    if (request.url === '/broken') setImmediate(() => response.destroy())
  })
  const client = makeClient(t)
  const paused = await client.send(`${url}/paused`, { timeoutMs: 100 })
  await t.rejects(client.read(paused), { code: 'MS_REMOTE_UNREACHABLE' })
  const broken = await client.send(`${url}/broken`)
  await t.rejects(client.read(broken), { code: 'MS_REMOTE_UNREACHABLE' })
})

t.test('an answer larger than its bound is refused, however long it would go on', async t => {
  let sentBytes = 0
  const url = await serve(t, (_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536))) sentBytes += 65_536
    }
    response.on('drain', more)
    more()
  })
  const client = makeClient(t)
  const answer = await client.send(url)
  await t.rejects(client.read(answer, 100_000), { code: 'MS_ANSWER_INVALID' })
  t.ok(answer.body.destroyed)
  t.ok(sentBytes < 64 * 1024 * 1024, `${sentBytes} bytes were sent`)
})

t.test('an aborted request fails with the reason of its signal', async t => {
  const url = await serve(t, () => undefined)
  const stop = new AbortController()
  const answer = makeClient(t).send(url, { signal: stop.signal })
  setImmediate(() => stop.abort(new Error('enough')))
  await t.rejects(answer, { message: 'enough' })
})

t.test('no more connections to one host than the bound', async t => {
  const sockets = new Set<unknown>()
  const url = await serve(t, (request, response) => {
    sockets.add(request.socket)
    setImmediate(() => response.end('ok'))
  })
  const client = makeClient(t)
  await Promise.all(Array.from({ length: 50 }, async () => client.read(await client.send(url))))
  t.ok(sockets.size <= 8, `${sockets.size} connections`)
})
