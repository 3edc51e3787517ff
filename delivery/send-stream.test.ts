// Answers that are made while they go out: complete, or visibly cut; and nothing stays behind when
// the other side leaves.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { zstdDecompressSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { AnswerSlots, inSlot } from './answer-slots.ts'
import {
  acceptsEncoding,
  type StreamOptions,
  type StreamOutcome,
  sendStream,
} from './send-stream.ts'

type Open = (signal: AbortSignal) => AsyncIterable<Uint8Array>

/** A server that answers with `open`; `ended` resolves to how sending ended. */
const serve = async (t: Test, open: Open, options: Partial<StreamOptions> = {}) => {
  const ended = Promise.withResolvers<StreamOutcome | Error>()
  const server = createServer((_request, response: ServerResponse) => {
    sendStream(response, open, { headers: { 'x-a': 'b' }, encoding: 'identity', ...options }).then(
      ended.resolve,
      (error: Error) => {
        if (!response.headersSent) response.writeHead(400).end('refused')
        ended.resolve(error)
      },
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, ended: ended.promise }
}

const ask = async (port: number): Promise<IncomingMessage> => {
  const sent = request({ host: '127.0.0.1', port, agent: false })
  sent.end()
  const [answer] = await once(sent, 'response')
  return answer as IncomingMessage
}

const read = async (answer: IncomingMessage): Promise<Buffer> => {
  const parts: Buffer[] = []
  for await (const part of answer) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

async function* parts(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

t.test('the parts arrive in order, as they are or compressed', async t => {
  for (const encoding of ['identity', 'zstd'] as const) {
    let counted = 0
    const { port, ended } = await serve(t, () => parts('one ', 'two ', 'x'.repeat(300_000)), {
      encoding,
      onBytes: bytes => {
        counted += bytes
      },
    })
    const answer = await ask(port)
    t.equal(answer.statusCode, 200)
    t.equal(answer.headers['x-a'], 'b')
    t.equal(answer.headers['content-encoding'], encoding === 'zstd' ? 'zstd' : undefined)
    const bytes = await read(answer)
    t.equal(await ended, 'sent')
    t.equal(counted, bytes.length)
    const text = encoding === 'zstd' ? zstdDecompressSync(bytes).toString() : bytes.toString()
    t.equal(text, `one two ${'x'.repeat(300_000)}`)
    if (encoding === 'zstd') t.ok(bytes.length < 1000)
  }
})

t.test('an empty answer is a complete one', async t => {
  for (const encoding of ['identity', 'zstd'] as const) {
    const { port, ended } = await serve(t, () => parts(), { encoding })
    const bytes = await read(await ask(port))
    t.equal(await ended, 'sent')
    t.equal(encoding === 'zstd' ? zstdDecompressSync(bytes).length : bytes.length, 0)
  }
})

t.test('an error before the first byte gets an answer of its own', async t => {
  const { port, ended } = await serve(t, () =>
    (async function* () {
      yield* parts()
      throw new Error('nonsense')
    })(),
  )
  const answer = await ask(port)
  t.equal(answer.statusCode, 400)
  t.equal((await read(answer)).toString(), 'refused')
  t.match(await ended, { message: 'nonsense' })
})

t.test('an error behind the first byte cuts the connection', async t => {
  for (const encoding of ['identity', 'zstd'] as const) {
    const { port, ended } = await serve(
      t,
      () =>
        (async function* () {
          yield Buffer.from('begin')
          throw new Error('the file changed')
        })(),
      { encoding },
    )
    await t.rejects(ask(port).then(read), { code: 'ECONNRESET' })
    t.match(await ended, { message: 'the file changed' })
  }
})

t.test('a client that leaves ends the source and what it waits for', async t => {
  for (const encoding of ['identity', 'zstd'] as const) {
    const closed = Promise.withResolvers<boolean>()
    const { port, ended } = await serve(
      t,
      signal =>
        (async function* () {
          try {
            yield randomBytes(1 << 20)
            await once(signal, 'abort')
            yield Buffer.from('too late')
          } finally {
            closed.resolve(signal.aborted)
          }
        })(),
      { encoding },
    )
    const answer = await ask(port)
    await once(answer, 'readable')
    answer.destroy()
    t.equal(await closed.promise, true, encoding)
    t.equal(await ended, 'client-gone')
  }
})

t.test('a client that reads nothing is cut off, and a stop cuts what is being sent', async t => {
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) yield Buffer.alloc(1 << 20)
  }
  const stalled = await serve(t, endless, { stallMs: 50 })
  const answer = await ask(stalled.port)
  answer.on('error', () => undefined)
  t.equal(await stalled.ended, 'stalled')
  const stop = new AbortController()
  const stopped = await serve(t, endless, { signal: stop.signal, encoding: 'zstd' })
  const other = await ask(stopped.port)
  other.on('error', () => undefined)
  stop.abort()
  t.equal(await stopped.ended, 'stopped')
})

t.test('a limited answer goes out in small slices, and a wait ends with the client', async t => {
  const taken: number[] = []
  const { port, ended } = await serve(t, () => parts('y'.repeat(200_000), 'z'), {
    limiter: {
      take: async bytes => {
        taken.push(bytes)
      },
    },
  })
  t.equal((await read(await ask(port))).length, 200_001)
  t.equal(await ended, 'sent')
  t.same(taken, [65_536, 65_536, 65_536, 3392, 1])

  let waits = 0
  const waiting = await serve(t, () => parts('a', 'b'), {
    limiter: {
      take: async (_bytes, signal) => {
        waits += 1
        if (waits > 1) await once(signal, 'abort').then(() => Promise.reject(signal.reason))
      },
    },
  })
  const answer = await ask(waiting.port)
  await once(answer, 'readable')
  answer.destroy()
  t.equal(await waiting.ended, 'client-gone')
})

t.test('which accept-encoding headers take zstd', async t => {
  for (const header of ['zstd', 'gzip, zstd', 'ZSTD;q=0.5', 'br;q=1, zstd ; q=1.0']) {
    t.equal(acceptsEncoding(header, 'zstd'), true, header)
  }
  for (const header of [undefined, '', 'gzip', 'zstd;q=0', 'zstd; q=0.000', 'xzstd', '*']) {
    t.equal(acceptsEncoding(header, 'zstd'), false, String(header))
  }
})

t.test('a source that was begun is ended, even if nothing could be sent of it', async t => {
  const done = Promise.withResolvers<void>()
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      yield Buffer.from('x')
      yield Buffer.from('y')
    } finally {
      done.resolve()
    }
  }
  const headers = { 'x-a': 'no\nheader' }
  const { port, ended } = await serve(t, source, { headers, encoding: 'zstd' })
  t.equal((await ask(port)).statusCode, 400)
  t.type(await ended, Error)
  const late = new Promise(resolve => setImmediate(resolve)).then(() => 'not ended')
  t.equal(await Promise.race([done.promise, late]), undefined)
})

/** Megabytes without end. */
async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield randomBytes(65_536)
}

t.test('who reads more slowly than the floor is cut off, though never for long', async t => {
  const floor = { bytesPerSecond: 50_000_000, graceMs: 300 }
  const { port, ended } = await serve(t, endless, { floor })
  const answer = await ask(port)
  answer.pause()
  answer.on('error', () => undefined)
  const dripping = setInterval(() => answer.read(10_000), 10)
  t.teardown(() => clearInterval(dripping))
  t.equal(await ended, 'stalled')
})

t.test('a socket that does not read at all gives its slot back', async t => {
  const slots = new AnswerSlots({ inSum: 1, each: 1, waiting: 1, waitingEach: 1 })
  const open: Open = signal =>
    inSlot(async () => {
      const leave = await slots.enter('ada', signal)
      if (leave === null) throw new Error('too many')
      return leave
    }, endless)
  const floor = { bytesPerSecond: 1000, graceMs: 200 }
  const { port, ended } = await serve(t, open, { floor })
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.on('error', () => undefined)
  socket.pause()
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')
  t.equal(await ended, 'stalled')
  t.equal(slots.active, 0)
})

t.test('who waits for the limiter is not slow', async t => {
  const floor = { bytesPerSecond: 1_000_000, graceMs: 100 }
  const take = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 250))
  const { port, ended } = await serve(t, () => parts('one', 'two'), { floor, limiter: { take } })
  t.equal(String(await read(await ask(port))), 'onetwo')
  t.equal(await ended, 'sent')
})
