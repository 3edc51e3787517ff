import { createServer } from 'node:http'
import t from 'tap'
import { TcpProxy } from './tcp-proxy.ts'

t.test('requests pass and are counted with their bytes; a cut breaks them', async t => {
  const server = createServer((request, response) => {
    if (request.url === '/slow') return
    let length = 0
    request.on('data', part => {
      length += part.length
    })
    request.on('end', () => response.end(String(length)))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening')
  const proxy = await TcpProxy.start({ host: '127.0.0.1', port: address.port })
  t.teardown(async () => {
    await proxy.stop()
    server.close()
    server.closeAllConnections()
  })
  const url = `http://127.0.0.1:${proxy.port}`
  const answer = await fetch(`${url}/one`, { method: 'POST', body: 'x'.repeat(200_000) })
  t.equal(await answer.text(), '200000')
  await (await fetch(`${url}/two`)).text()
  t.same(
    proxy.requests.map(each => each.line),
    ['POST /one HTTP/1.1', 'GET /two HTTP/1.1'],
  )
  t.ok((proxy.requests[0]?.bytes ?? 0) > 200_000)
  t.ok((proxy.requests[1]?.bytes ?? 0) < 1_000)
  t.ok((proxy.requests[1]?.answerBytes ?? 0) > 0)
  t.match(proxy.requests[1]?.answerHead, /^HTTP\/1\.1 200 /)
  t.equal(
    proxy.requests.reduce((sum, each) => sum + each.answerBytes, 0),
    proxy.receivedBytes,
    'each byte that came back belongs to a request',
  )
  const slow = fetch(`${url}/slow`)
  setTimeout(() => proxy.cut(), 50)
  await t.rejects(slow)
})
