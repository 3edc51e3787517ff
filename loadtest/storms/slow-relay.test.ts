import { connect, createServer } from 'node:net'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { SlowRelay } from './slow-relay.ts'

t.test('a slow line passes on all bytes, and not faster than it may', async t => {
  const sent = Buffer.alloc(30_000, 'x')
  const server = createServer(socket => socket.end(sent))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const bytesPerSecond = 100_000
  const relay = await SlowRelay.start(port, bytesPerSecond)
  t.teardown(() => relay.stop())
  const startMs = performance.now()
  const got = await buffer(connect({ host: '127.0.0.1', port: relay.port }))
  t.same(got, sent)
  // A tick's worth goes at once; the last tick may come early by a timer's millisecond.
  const leastMs = (sent.length / bytesPerSecond) * 1_000 - 120
  t.ok(performance.now() - startMs > leastMs, `not before ${leastMs} ms`)
})

t.test('a daemon that is not there ends the connection', async t => {
  const relay = await SlowRelay.start(1, 1_000)
  t.teardown(() => relay.stop())
  const got = await buffer(connect({ host: '127.0.0.1', port: relay.port })).catch(() => null)
  t.ok(got === null || got.length === 0)
})
