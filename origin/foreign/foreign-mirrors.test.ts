import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { eventually, rawRequest, TestNetwork } from '../fixtures/test-network.ts'

type Answer = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void

/** As any static server does: whole files, and parts of them. */
const honestly: Answer = (request, response, body) => {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
  const headers = { etag: `"${body.length}"` }
  if (first === undefined) return void response.writeHead(200, headers).end(body)
  const part = body.subarray(Number(first), Number(last) + 1)
  const range = `bytes ${first}-${Number(first) + part.length - 1}/${body.length}`
  response.writeHead(206, { ...headers, 'content-range': range }).end(part)
}

class PlainMirror {
  answer: Answer = honestly
  readonly files = new Map<string, Buffer>()
  readonly asked: string[] = []
  url = ''

  static async start(t: Test): Promise<PlainMirror> {
    const mirror = new PlainMirror()
    const server = createServer((request, response) => {
      const path = request.url ?? ''
      mirror.asked.push(path)
      const body = mirror.files.get(path)
      if (body === undefined) response.writeHead(404).end()
      else mirror.answer(request, response, body)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.closeAllConnections())
    t.teardown(() => server.close())
    mirror.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/debian`
    return mirror
  }
}

const bytesOf = (fill: number): Buffer => Buffer.alloc(300_000, fill)

t.test('clients go to a plain mirror for exactly what it was proved to hold', async t => {
  const network = await TestNetwork.start(t, repository => {
    for (const [index, name] of ['right', 'wrong', 'other+~x'].entries()) {
      writeFileSync(join(repository, `${name}.deb`), bytesOf(index + 1))
    }
  })
  await network.waitForSnapshot(1)
  const mirror = await PlainMirror.start(t)
  const encoded = (name: string) => `/debian/${name}.deb`
  mirror.files.set(encoded('right'), bytesOf(1))
  mirror.files.set(encoded('wrong'), bytesOf(9))
  const add = (body: Record<string, unknown>) => network.operate('/-/v1/volunteers', body)
  t.equal((await add({ name: 'plain', mirror: 'ftp://x/' })).status, 400)
  t.equal((await add({ name: 'plain', mirror: `${mirror.url}?a` })).status, 400)
  const added = await add({ name: 'plain', mirror: `${mirror.url}/`, capacityBytesPerSecond: 1e8 })
  t.equal(added.status, 201, String(added.body))
  t.equal((await add({ name: 'plain', mirror: mirror.url })).status, 409)

  const ask = (path: string) =>
    rawRequest(network.origin.url, path, { headers: { 'user-agent': `asks ${Math.random()}` } })
  await eventually('it is proved', async () => (await ask('/right.deb')).status === 302)
  t.equal((await ask('/right.deb')).headers.location, `${mirror.url}/right.deb`, 'unsigned')
  await eventually('a look', async () => mirror.asked.includes('/debian/wrong.deb'))
  t.equal((await ask('/wrong.deb')).status, 200, 'other bytes of the right length')
  t.ok(
    mirror.asked.every(path => path.startsWith('/debian/')),
    'nothing else is asked for',
  )

  writeFileSync(join(network.repository, 'right.deb'), bytesOf(5))
  await network.publish()
  t.equal((await ask('/right.deb')).status, 200, 'it has what stood there before')
  mirror.files.set(encoded('right'), bytesOf(5))
  t.equal(readFileSync(join(network.repository, 'right.deb')).length, 300_000)
  const removed = await network.operate('/-/v1/volunteers/plain', { action: 'remove' })
  t.equal(removed.status, 200)
})
