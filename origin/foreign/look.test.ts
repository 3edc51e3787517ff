import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { RepoPath, Sha256 } from '../../core/ids.ts'
import { sha256Hex } from '../../core/keys.ts'
import { sampleDownload } from '../../core/sample-download.ts'
import type { Content } from '../../manifest/model.ts'
import type { Part } from '../logic/mirror-sampling.ts'
import { lookAt } from './look.ts'

const bytes = Buffer.alloc(5_000, 'right ')
const content: Content = {
  ...{ number: 1, sizeBytes: bytes.length, sha1: '', md5: '', md4: '', modifiedSeconds: 0 },
  sha256: sha256Hex(bytes) as Sha256,
  firstSnapshot: 1,
}
const whole = [{ offset: 0, length: bytes.length }]

type Answer = (response: ServerResponse) => void

interface Circumstances {
  readonly path?: string
  readonly parts?: readonly Part[]
  readonly canTell?: boolean
  readonly host?: string
  readonly allowLoopback?: boolean
  readonly stallMs?: number
}

const look = async (t: Test, answer: Answer, circumstances: Circumstances = {}) => {
  const { path = 'a.deb', parts = whole, canTell = true, host = '127.0.0.1' } = circumstances
  const { allowLoopback = true, stallMs = 10_000 } = circumstances
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    answer(response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const { signal } = new AbortController()
  const tools = {
    userAgent: 'test',
    expected: async (_: Content, { offset, length }: { offset: number; length: number }) =>
      canTell ? sha256Hex(bytes.subarray(offset, offset + length)) : null,
    sample: (request: Parameters<typeof sampleDownload>[0]) =>
      sampleDownload(request, { allowLoopback, signal, stallMs }),
  }
  const result = await lookAt(tools, `http://${host}:${port}/m`, path as RepoPath, content, parts)
  server.closeAllConnections()
  server.close()
  t.ok(asked.every(each => each.startsWith('/m/')))
  return { ...result, asked: asked.length }
}

t.test('the right bytes are right, whole or by parts', async t => {
  const ranged: Answer = response => {
    const headers = { 'content-range': `bytes 0-4999/5000`, etag: '"x"' }
    response.writeHead(206, headers).end(bytes)
  }
  t.match(await look(t, ranged), { kind: 'right', validator: '"x"', readBytes: 5_000 })
  t.match(await look(t, response => response.end(bytes)), { kind: 'right', validator: '' })
  t.match(await look(t, ranged, { path: 'a%20b/c%2B~%C3%A9.deb' }), { kind: 'right' })
})

t.test('whatever else comes proves nothing', async t => {
  const absent: Record<string, Answer> = {
    'other bytes of the right length': response => response.end(Buffer.alloc(5_000, 'wrong')),
    'a page for everything': response => response.end('<html>not found</html>'),
    'another host': response => response.writeHead(302, { location: 'http://192.0.2.1/' }).end(),
    'too few bytes': response => {
      response.writeHead(200, { 'content-length': '5000' })
      response.write(bytes.subarray(0, 100), () => response.destroy())
    },
    'no such file': response => response.writeHead(404).end(),
  }
  for (const [name, answer] of Object.entries(absent)) {
    t.match(await look(t, answer), { kind: 'absent' }, name)
  }
  const busy = await look(t, response => response.writeHead(503, { 'retry-after': '77' }).end())
  t.match(busy, { kind: 'busy', retryAfter: '77' })
  t.match(await look(t, response => response.writeHead(500).end()), { kind: 'failed' })
  t.match(await look(t, response => response.destroy()), { kind: 'failed' })
})

t.test('nothing is asked for what cannot be compared, or could lead elsewhere', async t => {
  const answer: Answer = response => response.end(bytes)
  t.match(await look(t, answer, { canTell: false }), { kind: 'untold', asked: 0 })
  for (const path of ['../secret', 'a/../../b', '%2e%2e/b', 'a b']) {
    t.match(await look(t, answer, { path }), { kind: 'absent', asked: 0 }, path)
  }
  const end = [{ offset: 4_000, length: 1_000 }]
  t.match(await look(t, answer, { parts: end }), { kind: 'absent' }, 'a mirror without ranges')
})

t.test('addresses where no mirror can be are never connected to', async t => {
  const answer: Answer = response => response.end(bytes)
  for (const host of ['127.0.0.1', 'localhost', '2130706433', '[::ffff:127.0.0.1]']) {
    const result = await look(t, answer, { host, allowLoopback: false })
    t.match(result, { kind: /failed|absent/, asked: 0 }, host)
  }
})

t.test('a body that stalls, or comes in drops for ever, is no proof', async t => {
  const stalls: Answer = response => {
    response.writeHead(200, { 'content-length': '5000' })
    response.write(bytes.subarray(0, 100))
  }
  t.match(await look(t, stalls, { stallMs: 50 }), { kind: 'failed' })
  const endless: Answer = response => {
    response.writeHead(200)
    const send = (): void => {
      let more = true
      while (more && !response.destroyed) more = response.write(Buffer.alloc(65_536, 'right '))
      response.once('drain', send)
    }
    send()
  }
  const parts = [{ offset: 0, length: bytes.length }]
  t.match(await look(t, endless, { parts }), { readBytes: 5000 }, 'no more is read')
  const packed: Answer = response => {
    const headers = { 'content-encoding': 'gzip', 'content-length': '5000' }
    response.writeHead(200, headers).end(Buffer.alloc(5000, 1))
  }
  t.match(await look(t, packed), { kind: 'absent' })
})
