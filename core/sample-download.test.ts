import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { sampleDownload } from './sample-download.ts'

const serve = async (t: Test, listener: RequestListener): Promise<string> => {
  const server = createServer(listener)
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/a?b=c`
}

const signal = new AbortController().signal
const take = (url: string, takeBytes = 1000, method: 'GET' | 'HEAD' = 'GET') =>
  sampleDownload(
    { url, method, headers: [['User-Agent', 'curl/7.88.1']], takeBytes },
    { allowLoopback: true, signal, stallMs: 200, deadlineMs: 1000 },
  )

t.test('what came is told, and no header tells a client from us', async t => {
  const headers: string[][] = []
  const url = await serve(t, (request, response) => {
    headers.push(request.rawHeaders)
    response.setHeader('content-length', 500)
    response.end(Buffer.alloc(500, 'x'))
  })
  t.match(await take(url), { end: 'complete', status: 200, contentLength: 500 })
  t.match(await take(url, 100), { body: Buffer.alloc(100, 'x') })
  t.match(await take(url, 100, 'HEAD'), { end: 'complete', contentLength: 500 })
  const host = new URL(url).host
  t.strictSame(headers[0], ['Host', host, 'User-Agent', 'curl/7.88.1'])
})

t.test('each way to end early has its name', async t => {
  const cut = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-length': 500 })
    response.write('begun', () => response.destroy())
  })
  t.match(await take(cut), { end: 'cut', status: 200 })
  const stalled = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-length': 500 })
    response.write('begun')
  })
  t.match(await take(stalled), { end: 'stalled', status: 200, body: Buffer.from('begun') })
  const silent = await serve(t, () => undefined)
  t.match(await take(silent), { end: 'silent', status: 0 })
  const slow = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-length': 5000 })
    const timer = setInterval(() => response.write('x'), 50)
    response.on('close', () => clearInterval(timer))
  })
  t.match(await take(slow), { end: 'late', status: 200 })
  const dead = await serve(t, (_, response) => response.destroy())
  t.match(await take(dead), { end: 'silent', status: 0 })
  t.match(await take('http://127.0.0.1:1/'), { end: 'unreachable' })
})

t.test('addresses where nobody’s server is are not connected to', async t => {
  for (const url of ['http://127.0.0.1:1/', 'http://localhost:1/', 'http://169.254.0.1/']) {
    const request = { url, method: 'GET', headers: [], takeBytes: 1 } as const
    const sample = await sampleDownload(request, { allowLoopback: false, signal })
    t.match(sample, { end: 'unreachable', error: /no address|not an address/ }, url)
  }
})

t.test('it ends when it is told to', async t => {
  const url = await serve(t, () => undefined)
  const stop = new AbortController()
  const request = { url, method: 'GET', headers: [], takeBytes: 1 } as const
  const sampling = sampleDownload(request, { allowLoopback: true, signal: stop.signal })
  stop.abort()
  await t.rejects(sampling)
})
