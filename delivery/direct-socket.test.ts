import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { readAsUsual, readDirectly, writeDirectly } from './direct-socket.ts'

/** Both ends of a connection. */
const pair = async (t: Test): Promise<{ here: Socket; there: Socket }> => {
  const server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const there = connect({ port, host: '127.0.0.1' })
  const [here] = (await once(server, 'connection')) as [Socket]
  server.close()
  for (const socket of [here, there]) socket.on('error', () => undefined)
  t.teardown(() => {
    here.destroy()
    there.destroy()
  })
  return { here, there }
}

t.test('what arrives is given once and in order, whether the socket flows or waits', async t => {
  const { here, there } = await pair(t)
  const came: string[] = []
  let events = 0
  const onData = (bytes: Buffer): void => {
    came.push(bytes.toString('latin1'))
  }
  here.on('data', onData)
  here.on('data', () => events++)
  readDirectly(here, onData)
  here.resume()
  const sees = async (text: string): Promise<void> => {
    while (came.join('').length < text.length) await nextTurn()
    t.equal(came.join(''), text)
  }
  there.write('one ')
  await sees('one ')
  t.equal(events, 0, 'past the stream')
  here.pause()
  there.write('two ')
  while (here.readableLength < 4) await nextTurn()
  t.equal(came.join(''), 'one ', 'nothing while it waits')
  here.resume()
  await sees('one two ')
  t.equal(events, 1, 'by the stream')
  there.write('three ')
  await sees('one two three ')
  readAsUsual(here)
  there.write('four')
  await sees('one two three four')
  t.equal(events, 2)
  readDirectly(here, onData)
  const end = once(here, 'end')
  there.end()
  await end
})

t.test('who does not take what arrives is sent no more of it', async t => {
  const { here, there } = await pair(t)
  const onData = (): void => {
    here.pause()
  }
  here.on('data', onData)
  readDirectly(here, onData)
  here.resume()
  there.write(Buffer.alloc(64_000_000))
  while (!here.isPaused()) await nextTurn()
  let before = -1
  for (let turns = 0; before !== here.bytesRead || turns < 50; turns++) {
    before = here.bytesRead
    await nextTurn()
  }
  t.ok(here.bytesRead < 1_000_000, `${here.bytesRead} read`)
})

t.test('texts keep their order with what the stream writes', async t => {
  const { here, there } = await pair(t)
  const parts: Buffer[] = []
  there.on('data', part => parts.push(part))
  const long = 'x'.repeat(20_000_000)
  let written = 0
  const onWritten = (error?: Error | null): void => {
    if (!error) written++
  }
  writeDirectly(here, 'a', onWritten)
  t.equal(written, 1, 'the kernel took it at once')
  writeDirectly(here, long, onWritten)
  here.write('b')
  writeDirectly(here, 'c', onWritten)
  here.end('d')
  await once(there, 'end')
  const text = Buffer.concat(parts).toString('latin1')
  t.equal(text.length, long.length + 4)
  t.equal(`${text[0]}${text.slice(-3)}`, 'abcd')
  t.equal(written, 3)
})

t.test('a connection that is gone is told of', async t => {
  const { here, there } = await pair(t)
  const told = new Promise<Error | null | undefined>(resolve => {
    writeDirectly(here, 'x'.repeat(20_000_000), resolve)
  })
  there.resetAndDestroy()
  t.ok((await told) instanceof Error)
})
