import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import t, { type Test } from 'tap'
import { selfSignedCertificate } from '../core/certificate.ts'
import { generateKeys } from '../core/keys.ts'
import { readAsUsual, readDirectly, writeBodyDirectly, writeDirectly } from './direct-socket.ts'

const tlsServer = () => {
  const { privateKey } = generateKeys('ed25519')
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' })
  return createTlsServer({ allowHalfOpen: true, key, cert: selfSignedCertificate(privateKey) })
}

/** Both ends of a connection. */
const pair = async (t: Test, { tls = false } = {}): Promise<{ here: Socket; there: Socket }> => {
  const server = tls ? tlsServer() : createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const to = { port: (server.address() as AddressInfo).port, host: '127.0.0.1' }
  const there = tls ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to)
  const [here] = (await once(server, tls ? 'secureConnection' : 'connection')) as [Socket]
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

t.test('bodies go out behind their heads, and keep their order with texts', async t => {
  const { here, there } = await pair(t)
  const parts: Buffer[] = []
  there.on('data', part => parts.push(part))
  const large = Buffer.alloc(20_000_000, 0xfc)
  const ends: string[] = []
  const told = (name: string) => (error?: Error | null) => {
    ends.push(error ? `${name} failed` : name)
  }
  writeBodyDirectly(here, 'H\xe9ad', Buffer.from('tiny'), told('tiny'))
  t.same(ends, ['tiny'], 'the kernel took it at once')
  writeDirectly(here, 'a', told('a'))
  writeBodyDirectly(here, 'b', large, told('large'))
  t.same(ends, ['tiny', 'a'], 'the large one is on its way')
  writeBodyDirectly(here, 'c', Buffer.alloc(0), told('empty'))
  writeDirectly(here, 'd', told('d'))
  here.end('e')
  await once(there, 'end')
  const heads = Buffer.from('H\xe9adtinyab', 'latin1')
  t.ok(Buffer.concat(parts).equals(Buffer.concat([heads, large, Buffer.from('cde')])))
  t.same(ends, ['tiny', 'a', 'large', 'empty', 'd'])
})

t.test('over TLS too', async t => {
  const { here, there } = await pair(t, { tls: true })
  const parts: Buffer[] = []
  there.on('data', part => parts.push(part))
  const ends: string[] = []
  const told = (name: string) => (error?: Error | null) => {
    ends.push(error ? `${name} failed` : name)
  }
  writeDirectly(here, 'a', told('a'))
  const large = Buffer.alloc(20_000_000, 0xfc)
  writeBodyDirectly(here, 'b', large, told('large'))
  writeBodyDirectly(here, 'c', Buffer.from('d'), told('small'))
  here.end()
  await once(there, 'end')
  t.ok(Buffer.concat(parts).equals(Buffer.concat([Buffer.from('ab'), large, Buffer.from('cd')])))
  t.same(ends, ['a', 'large', 'small'])
})

t.test('a connection that goes in the middle of a body is told of', async t => {
  const { here, there } = await pair(t)
  const told = new Promise<Error | null | undefined>(resolve => {
    writeBodyDirectly(here, 'head', Buffer.alloc(20_000_000), resolve)
  })
  there.resetAndDestroy()
  t.ok((await told) instanceof Error)
})

t.test('a connection that is gone is told of', async t => {
  const { here, there } = await pair(t)
  const told = new Promise<Error | null | undefined>(resolve => {
    writeDirectly(here, 'x'.repeat(20_000_000), resolve)
  })
  there.resetAndDestroy()
  t.ok((await told) instanceof Error)
})
