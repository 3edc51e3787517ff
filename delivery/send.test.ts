import { randomBytes } from 'node:crypto'
import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { readBufferBytes, slowReadBufferBytes } from '../core/limits.ts'
import {
  ask,
  connectTo,
  descriptorsOf,
  hashedFile,
  parseAnswer,
  readAll,
  serve,
  sha256Of,
  until,
} from '../test/file-server.ts'
import { guardOf } from './guarded-file.ts'
import { respond } from './logic/respond.ts'

t.test('files arrive whole, whatever their size', async t => {
  const sizes = [0, 1, slowReadBufferBytes, slowReadBufferBytes + 1, readBufferBytes]
  for (const sizeBytes of [...sizes, readBufferBytes + 1, 5 * readBufferBytes + 17]) {
    const { bytes, representation, ...source } = await hashedFile(t, sizeBytes)
    let counted = 0
    const onBytes = (count: number) => {
      counted += count
    }
    const { port, results, ended } = await serve(t, source, representation, { onBytes })
    const answer = await ask(t, port)
    t.equal(answer.status, 200)
    t.equal(answer.headers['content-length'], String(sizeBytes))
    t.ok(answer.body.equals(bytes), `${sizeBytes} bytes`)
    await ended(1)
    t.equal(counted, sizeBytes)
    t.match(results, [{ outcome: 'sent', headersSent: true, bodyBytes: sizeBytes }])
  }
})

t.test('bodies in memory need no file', async t => {
  const bytes = randomBytes(3 * readBufferBytes)
  const representation = {
    sha256: sha256Of(bytes),
    sizeBytes: bytes.length,
    modifiedSeconds: 0,
    contentType: 'text/plain',
  }
  const { port } = await serve(t, { bytes }, representation)
  t.ok((await ask(t, port)).body.equals(bytes))
  t.ok((await ask(t, port, { range: 'bytes=-10' })).body.equals(bytes.subarray(-10)))
})

t.test('on one connection, pipelined answers follow each other to the byte', async t => {
  const { bytes, representation, ...source } = await hashedFile(t, 3 * readBufferBytes)
  const { port, ended, results } = await serve(t, source, representation)
  const socket = await connectTo(t, port)
  const etag = `If-None-Match: "sha256-${representation.sha256}"`
  const lines = [
    'GET',
    'HEAD',
    `GET|${etag}`,
    'GET|Range: bytes=5000000-',
    'GET|Range: bytes=1-3,7-9',
  ]
  const requests = [...lines, 'GET|Connection: close'].map(line => {
    const [method, header] = line.split('|')
    return `${method} / HTTP/1.1\r\nHost: x\r\n${header === undefined ? '' : `${header}\r\n`}\r\n`
  })
  socket.write(requests.join(''))
  let wire = await readAll(socket)
  const take = (hasBody: boolean) => {
    const answer = parseAnswer(wire)
    const length = hasBody ? Number(answer.headers['content-length']) : 0
    wire = answer.body.subarray(length)
    return { ...answer, body: answer.body.subarray(0, length) }
  }
  t.ok(take(true).body.equals(bytes))
  t.match(take(false), { status: 200, headers: { 'content-length': String(bytes.length) } })
  t.match(take(false), { status: 304 })
  t.match(take(true), { status: 416, headers: { 'content-range': `bytes */${bytes.length}` } })
  const several = take(true)
  t.equal(several.status, 206)
  t.ok(several.body.includes(bytes.subarray(1, 4)) && several.body.includes(bytes.subarray(7, 10)))
  t.ok(several.body.toString('latin1').endsWith('--\r\n'))
  t.ok(take(true).body.equals(bytes))
  t.equal(wire.length, 0)
  await ended(6)
  t.ok(results.every(({ outcome }) => outcome === 'sent'))
})

t.test('any ranges arrive as the decision says', async t => {
  const { bytes, representation, ...source } = await hashedFile(t, 200_000)
  const { port } = await serve(t, source, representation)
  const spec = fc
    .tuple(fc.nat(220_000), fc.nat(60_000))
    .map(([from, more]) => `${from}-${from + more}`)
  await fc.assert(
    fc.asyncProperty(fc.array(spec, { minLength: 1, maxLength: 4 }), async specs => {
      const headers = { range: `bytes=${specs.join(',')}` }
      const decision = respond('GET', headers, representation)
      const wanted = decision.parts.flatMap(({ preamble, offset, length }) => [
        Buffer.from(preamble),
        bytes.subarray(offset, offset + length),
      ])
      const answer = await ask(t, port, headers)
      const body = Buffer.concat([...wanted, Buffer.from(decision.epilogue)])
      return answer.status === decision.status && answer.body.equals(body)
    }),
    { numRuns: 40 },
  )
})

t.test('ranges beyond 4 GiB of a sparse file', async t => {
  const file = join(t.testdir(), 'sparse')
  const sizeBytes = 5 * 2 ** 30
  const handle = await open(file, 'w')
  await handle.truncate(sizeBytes)
  await handle.write('beyond', 2 ** 32 + 10)
  await handle.write('end', sizeBytes - 3)
  await handle.close()
  const guard = guardOf(await stat(file, { bigint: true }))
  const modifiedSeconds = 0
  const representation = {
    sha256: sha256Of('sparse'),
    sizeBytes,
    modifiedSeconds,
    contentType: 'x/y',
  }
  const { port } = await serve(t, { file, guard }, representation)
  const from = 2 ** 32 + 10
  const one = await ask(t, port, { range: `bytes=${from}-${from + 5}` })
  t.equal(one.body.toString(), 'beyond')
  t.equal(one.headers['content-range'], `bytes ${from}-${from + 5}/${sizeBytes}`)
  t.equal((await ask(t, port, { range: 'bytes=-3' })).body.toString(), 'end')
  const two = await ask(t, port, { range: `bytes=${from}-${from + 5},${sizeBytes - 3}-` })
  t.match(two.body.toString(), /beyond\r\n--.*end\r\n--/s)
  t.equal((await ask(t, port, {}, 'HEAD')).headers['content-length'], String(sizeBytes))
})

t.test('a client that leaves frees the file at once', async t => {
  const { representation, file, guard } = await hashedFile(t, 64 * readBufferBytes)
  const { port, ended, results, budget } = await serve(t, { file, guard }, representation)
  const socket = await connectTo(t, port)
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await until('the answer has begun', () => budget.usedBytes > 0)
  socket.resetAndDestroy()
  await ended(1)
  t.match(results, [{ outcome: 'client-gone' }])
  t.equal(budget.usedBytes, 0)
  t.equal(await descriptorsOf(file), 0)
})

t.test(
  'a client that leaves while earlier pipelined answers run frees the later files',
  async t => {
    const { representation, file, guard } = await hashedFile(t, 64 * readBufferBytes)
    const { port, ended, results } = await serve(t, { file, guard }, representation)
    const socket = await connectTo(t, port)
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(5))
    socket.once('data', () => socket.resetAndDestroy())
    await ended(5)
    t.ok(results.every(({ outcome }) => outcome === 'client-gone'))
    t.equal(results.filter(({ headersSent }) => headersSent).length, 1)
    t.equal(await descriptorsOf(file), 0)
  },
)

t.test('a client that closes its half gets no wrong bytes and holds nothing', async t => {
  const { bytes, representation, ...source } = await hashedFile(t, 32 * readBufferBytes)
  const { port, ended, results } = await serve(t, source, representation)
  const socket = await connectTo(t, port)
  socket.end('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  const { body } = parseAnswer(await readAll(socket))
  t.ok(body.equals(bytes.subarray(0, body.length)))
  await ended(1)
  t.equal(results[0]?.outcome === 'sent', body.length === bytes.length)
})

t.test('a client that stops reading is cut off', async t => {
  const { representation, file, guard } = await hashedFile(t, 64 * readBufferBytes)
  const { port, ended, results } = await serve(t, { file, guard }, representation, { stallMs: 200 })
  const socket = await connectTo(t, port)
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await ended(1)
  t.match(results, [{ outcome: 'stalled', headersSent: true }])
  t.equal(await descriptorsOf(file), 0)
})

t.test('waiting for the own rate limit is not the client stalling', async t => {
  const { bytes, representation, ...source } = await hashedFile(t, 3 * slowReadBufferBytes)
  const taken: number[] = []
  const limiter = {
    take: async (count: number) => {
      taken.push(count)
      await new Promise(resolve => setTimeout(resolve, 250))
    },
  }
  const { port } = await serve(t, source, representation, { stallMs: 100, limiter })
  t.ok((await ask(t, port)).body.equals(bytes))
  t.strictSame(taken, [slowReadBufferBytes, slowReadBufferBytes, slowReadBufferBytes])
})

t.test('a client that leaves does not wait for the rate limit', async t => {
  const { representation, file, guard } = await hashedFile(t, readBufferBytes)
  let waiting = false
  const limiter = {
    take: (_count: number, signal: AbortSignal) =>
      new Promise<void>((_resolve, reject) => {
        waiting = true
        signal.addEventListener('abort', () => reject(signal.reason))
      }),
  }
  const { port, ended, results } = await serve(t, { file, guard }, representation, { limiter })
  const socket = await connectTo(t, port)
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await until('the limiter was asked', () => waiting)
  socket.destroy()
  await ended(1)
  t.match(results, [{ outcome: 'client-gone', headersSent: false, bodyBytes: 0 }])
})

t.test('stopping the daemon cuts what is being sent', async t => {
  const { representation, file, guard } = await hashedFile(t, 64 * readBufferBytes)
  const controller = new AbortController()
  const { signal } = controller
  const { port, ended, results, budget } = await serve(t, { file, guard }, representation, {
    signal,
  })
  const socket = await connectTo(t, port)
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await until('the answer has begun', () => budget.usedBytes > 0)
  controller.abort()
  await ended(1)
  t.match(results, [{ outcome: 'stopped' }])
  t.equal((await ask(t, port)).status || 0, 0, 'nor is anything begun')
})
