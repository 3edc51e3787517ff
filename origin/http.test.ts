import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t from 'tap'
import type { RepoPath } from '../core/ids.ts'
import { lookupKeyCharacters } from '../core/limits.ts'
import type { ManifestReader } from '../manifest/store/reader.ts'
import { headerStart } from './context.ts'
import { TestNetwork } from './fixtures/test-network.ts'
import { cutWhenStalled } from './http.ts'
import { Resolver } from './resolver.ts'

/** All that comes for a request with garbage behind it, which is sent once the answer has begun. */
const answerTo = async (port: number, request: string): Promise<string> => {
  const socket = connect(port, '127.0.0.1')
  const parts: Buffer[] = []
  socket.on('data', part => parts.push(part))
  socket.write(request)
  await once(socket, 'data')
  const closed = once(socket, 'close')
  socket.write('this is no HTTP\r\n\r\n')
  await closed
  return Buffer.concat(parts).toString('latin1')
}

t.test('garbage behind a request never ends up in the answer', async t => {
  const network = await TestNetwork.start(
    t,
    repository => writeFileSync(`${repository}/a.iso`, Buffer.alloc(4_000_000, 'a')),
    { uploadLimitBytesPerSecond: 2_000_000 },
  )
  await network.waitForSnapshot(1)
  const port = Number(new URL(network.origin.url).port)
  const text = await answerTo(port, 'GET /a.iso HTTP/1.1\r\nHost: a\r\n\r\n')
  t.match(text, /^HTTP\/1\.1 200 /)
  t.match(text.slice(text.indexOf('\r\n\r\n') + 4), /^a+$/, 'cut, but nothing else')
})

t.test('a client that takes nothing is cut off', async t => {
  const server = createServer()
  t.teardown(() => server.close())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const asked = once(server, 'request')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const [, response] = (await asked) as [unknown, ServerResponse]
  cutWhenStalled(response, 100)
  response.end(Buffer.alloc(32_000_000))
  await once(response, 'close')
  t.notOk(response.writableFinished)
})

t.test('what is remembered of a client is short and a text of its own', t => {
  t.equal(headerStart('curl/8', 200), 'curl/8')
  t.equal(headerStart('x'.repeat(16_000), 200), 'x'.repeat(200))
  t.end()
})

t.test('long paths are looked up, but not remembered', t => {
  let lookups = 0
  const reader = {
    latest: () => null,
    resolve: () => {
      lookups++
      return { kind: 'missing' }
    },
  } as unknown as ManifestReader
  const resolver = new Resolver(reader)
  for (const length of [10, 10, lookupKeyCharacters, lookupKeyCharacters]) {
    t.match(resolver.resolve('a'.repeat(length) as RepoPath, 1), { kind: 'missing' })
  }
  t.equal(lookups, 3)
  t.end()
})
