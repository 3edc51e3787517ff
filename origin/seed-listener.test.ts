// The origin's BitTorrent port against raw sockets: what it gives to whoever keeps to the protocol, and
// that nobody else gets in its way.

import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { MirrorswarmError } from '../core/errors.ts'
import type { ContentNumber, InfoHash, Sha256 } from '../core/ids.ts'
import { sha256Hex } from '../core/keys.ts'
import { silentLogger } from '../core/log.ts'
import { RateLimiter } from '../core/rate-limiter.ts'
import { seedMessageBytes, seedRequestBytes, seedWindowMs } from '../core/stock-limits.ts'
import { noise } from '../loadtest/sample/noise.ts'
import type { Content } from '../manifest/model.ts'
import type { ContentSource } from '../prsync/ranges-answer.ts'
import { eventually } from './fixtures/test-network.ts'
import { SeedListener, type SeedListenerOptions } from './seed-listener.ts'
import { SeedTorrents } from './seed-torrents.ts'

const pieceBytes = 65_536
const bundleHash = 'b'.repeat(40) as InfoHash
const singleHash = '5'.repeat(40) as InfoHash
/** Two members, 70,000 and 1,000 bytes: pieces 0 and 1, and piece 2. */
const members = [70_000, 1_000].map((size, index) => Buffer.from(noise(`seed ${index}`, size)))

const contentOf = (number: number): Content | null => {
  const bytes = members[number]
  if (bytes === undefined) return null
  const hash = { sha1: '', md5: '', md4: '' }
  const sha256 = sha256Hex(bytes) as Sha256
  const sizeBytes = bytes.length
  return { number, sha256, sizeBytes, ...hash, modifiedSeconds: 0, firstSnapshot: 1 } as Content
}

/** A source whose files can be changed, and which counts what is open. */
class Files implements ContentSource {
  readonly changed = new Set<Sha256>()
  readonly gone = new Set<Sha256>()
  open(sha256: Sha256) {
    const bytes = members.find(each => sha256Hex(each) === sha256)
    if (bytes === undefined || this.gone.has(sha256)) return Promise.resolve(null)
    return Promise.resolve({
      sizeBytes: bytes.length,
      coarse: null,
      read: async (offset: number, length: number) => {
        if (this.changed.has(sha256)) throw new MirrorswarmError('MS_FILE_CHANGED', 'changed')
        return bytes.subarray(offset, offset + length)
      },
      close: () => Promise.resolve(),
    })
  }
}

const start = async (
  t: Test,
  options: SeedListenerOptions & {
    readonly limiter?: RateLimiter
    readonly clock?: { monotonicMs(): number }
  } = {},
) => {
  const files = new Files()
  const torrents = new SeedTorrents({
    reader: {
      bundleByInfoHash: hash =>
        hash === bundleHash
          ? {
              ...{ infoHash: hash, metainfo: 'a'.repeat(64) as Sha256 },
              ...{ pieceLengthBytes: pieceBytes, members: [0, 1] as ContentNumber[] },
            }
          : null,
      contentByNumber: contentOf,
    },
    torrents: { find: hash => (hash === singleHash ? (1 as ContentNumber) : null) },
    contents: files,
  })
  let sentBytes = 0
  const { limiter = null, clock, ...rest } = options
  const listener = new SeedListener(
    {
      ...{ torrents, limiter, logger: silentLogger },
      onBytes: bytes => {
        sentBytes += bytes
      },
      ...(clock === undefined ? {} : { clock }),
    },
    rest,
  )
  await listener.start({ host: '127.0.0.1', port: 0, orAnyPort: false })
  t.teardown(() => listener.stop())
  const port = listener.address?.port ?? 0
  return { files, torrents, listener, port, sentBytes: () => sentBytes }
}

const uint32 = (...numbers: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * numbers.length)
  for (const [index, number] of numbers.entries()) bytes.writeUInt32BE(number, 4 * index)
  return bytes
}

const message = (id: number, body: Buffer = Buffer.alloc(0)): Buffer =>
  Buffer.concat([uint32(1 + body.length), Buffer.of(id), body])

const request = (index: number, offset: number, length: number): Buffer =>
  message(6, uint32(index, offset, length))

/** A client made by hand: everything that comes, cut into messages. */
class Client {
  readonly socket: Socket
  closed = false
  #bytes = Buffer.alloc(0)
  #greeted = false
  readonly messages: { id: number; body: Buffer }[] = []

  constructor(t: Test, port: number, localAddress?: string) {
    this.socket = connect({
      ...{ port, host: '127.0.0.1' },
      ...(localAddress === undefined ? {} : { localAddress }),
    })
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => {
      this.closed = true
    })
    this.socket.on('data', data => this.#take(data))
    t.teardown(() => this.socket.destroy())
  }

  greet(infoHash: string, fast = true): this {
    const reserved = Buffer.of(0, 0, 0, 0, 0, 0x10, 0, fast ? 4 : 0)
    const id = Buffer.from('-XX0000-abcdefghijkl')
    const name = Buffer.from('\x13BitTorrent protocol', 'latin1')
    this.socket.write(Buffer.concat([name, reserved, Buffer.from(infoHash, 'hex'), id]))
    return this
  }

  send(...parts: Buffer[]): this {
    this.socket.write(Buffer.concat(parts))
    return this
  }

  async next(id: number): Promise<Buffer> {
    const found = await eventually(`message ${id}`, async () => {
      const index = this.messages.findIndex(each => each.id === id)
      return index >= 0 && this.messages.splice(index, 1)
    })
    return found[0]?.body ?? Buffer.alloc(0)
  }

  async close(): Promise<void> {
    // An error is one way to be closed.
    if (!this.closed) await new Promise(resolve => this.socket.once('close', resolve))
  }

  #take(data: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, data])
    if (!this.#greeted) {
      if (this.#bytes.length < 68) return
      this.#greeted = true
      this.#bytes = this.#bytes.subarray(68)
    }
    while (this.#bytes.length >= 4) {
      const length = this.#bytes.readUInt32BE()
      if (this.#bytes.length < 4 + length) return
      const [id, ...rest] = this.#bytes.subarray(4, 4 + length)
      if (id !== undefined) this.messages.push({ id, body: Buffer.from(rest) })
      this.#bytes = this.#bytes.subarray(4 + length)
    }
  }
}

const interested = message(2)

t.test('a client gets the blocks of bundles and of single files', async t => {
  const { port, sentBytes, listener } = await start(t)
  const client = new Client(t, port).greet(bundleHash).send(interested)
  await client.next(14)
  await client.next(1)
  client.send(request(0, 16_384, 16_384), request(1, 0, 16_384), request(2, 0, 1000))
  const [first, second, third] = [await client.next(7), await client.next(7), await client.next(7)]
  t.same(first.subarray(0, 8), uint32(0, 16_384))
  t.ok(first.subarray(8).equals(members[0]?.subarray(16_384, 32_768) as Buffer))
  t.ok(second.subarray(8, 8 + 4464).equals(members[0]?.subarray(65_536) as Buffer))
  t.ok(
    second.subarray(8 + 4464).every(byte => byte === 0),
    'padding is zeros',
  )
  t.ok(third.subarray(8).equals(members[1] as Buffer))
  t.equal(sentBytes(), 16_384 + 16_384 + 1000)
  const plain = new Client(t, port).greet(singleHash, false).send(interested)
  t.same(await plain.next(5), Buffer.of(0x80), 'a bitfield for who does not know have-all')
  await plain.next(1)
  plain.send(request(0, 0, 1000))
  t.ok((await plain.next(7)).subarray(8).equals(members[1] as Buffer))
  t.equal(listener.size, 2)
})

t.test('what is not there is refused, and a cancelled request forgotten', async t => {
  const { port } = await start(t)
  const client = new Client(t, port).greet(bundleHash).send(interested)
  await client.next(1)
  for (const bad of [request(3, 0, 1), request(0, 60_000, 16_384), request(0, 0, 0)]) {
    client.send(bad)
    t.same(await client.next(16), bad.subarray(5))
  }
  client.send(request(0, 0, 16_384), message(8, uint32(0, 0, 16_384)), request(2, 0, 10))
  t.ok((await client.next(7)).length > 8)
  t.notOk(client.closed)
})

t.test('a file that changed is not sent, and not promised again', async t => {
  const { port, files, sentBytes } = await start(t)
  files.changed.add(contentOf(0)?.sha256 as Sha256)
  const client = new Client(t, port).greet(bundleHash).send(interested)
  await client.next(1)
  client.send(request(0, 0, 16_384))
  await client.close()
  t.equal(sentBytes(), 0)
  t.notOk(client.messages.some(({ id }) => id === 7))
  const again = new Client(t, port).greet(bundleHash).send(interested)
  t.same(await again.next(5), Buffer.of(0b0010_0000), 'only the member that is still there')
  await again.next(1)
  again.send(request(2, 0, 1000))
  await again.next(7)
  files.gone.add(contentOf(1)?.sha256 as Sha256)
  files.changed.add(contentOf(1)?.sha256 as Sha256)
  again.send(request(2, 0, 1000))
  await again.close()
})

t.test('who asks for an unknown torrent or speaks something else is disconnected', async t => {
  const { port, listener } = await start(t)
  await new Client(t, port).greet('0'.repeat(40)).close()
  await new Client(t, port).send(Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).close()
  await new Client(t, port).send(Buffer.alloc(100, 19)).close()
  await eventually('no connections', async () => listener.size === 0)
})

t.test('messages that are too long, or that no downloader has to say, end it', async t => {
  const { port } = await start(t)
  for (const bad of [
    uint32(seedMessageBytes + 1),
    uint32(0xffff_ffff),
    message(7, Buffer.concat([uint32(0, 0), Buffer.alloc(100)])),
    request(0, 0, seedRequestBytes + 1),
    Buffer.concat(Array.from({ length: 600 }, (_, k) => request(0, k, 16_384))),
  ]) {
    const client = new Client(t, port).greet(bundleHash).send(interested)
    await client.next(1)
    await client.send(bad).close()
  }
  const odd = new Client(t, port).greet(bundleHash).send(interested)
  await odd.next(1)
  odd.send(
    ...[message(4, uint32(0xffff_ffff)), message(5, Buffer.alloc(60_000, 255)), message(99)],
    ...[message(20, Buffer.concat([Buffer.of(0), Buffer.from('l'.repeat(60_000))]))],
    ...[message(20, Buffer.of(3, 1, 2)), message(9), message(6), uint32(0)],
    request(2, 0, 1000),
  )
  await odd.next(7)
  t.notOk(odd.closed, 'odd, but harmless')
})

t.test('who never ends its handshake, byte by byte, loses its place', async t => {
  const { port, listener } = await start(t, { handshakeMs: 300 })
  const client = new Client(t, port)
  const dripping = setInterval(() => client.socket.write(Buffer.of(19)), 20)
  t.teardown(() => clearInterval(dripping))
  await client.close()
  await eventually('no connections', async () => listener.size === 0)
})

t.test('who asks and does not read gets no more than a little', async t => {
  const { port, sentBytes, listener } = await start(t)
  const client = new Client(t, port).greet(bundleHash).send(interested)
  await client.next(1)
  client.socket.pause()
  // Refusals add up too: 40,000 of them are 680 KB beside what the kernel takes.
  for (let k = 0; k < 400; k++) client.send(...Array.from({ length: 100 }, () => request(9, 0, 1)))
  for (let k = 0; k < 4000; k++) client.send(request(0, 0, 16_384))
  await eventually('its end', async () => listener.size === 0)
  t.ok(sentBytes() < 16_000_000, `${sentBytes()} bytes`)
})

t.test('a thousand connections: bounded in sum and for each address', async t => {
  const { port, listener } = await start(t, { limits: { inSum: 100, each: 40 } })
  const good = new Client(t, port, '127.0.0.9').greet(bundleHash).send(interested)
  await good.next(1)
  const clients = Array.from(
    { length: 1000 },
    (_, k) => new Client(t, port, `127.0.0.${20 + (k % 50)}`),
  )
  const closed = (): number => clients.filter(each => each.closed).length
  await eventually('900 of them to go', async () => closed() >= 901)
  t.ok(listener.size <= 100)
  const crowd = Array.from({ length: 60 }, () => new Client(t, port, '127.0.0.200'))
  await eventually('the rest', async () => crowd.filter(each => each.closed).length >= 20)
  t.equal(crowd.filter(each => !each.closed).length, 40)
  good.send(request(2, 0, 1000))
  await good.next(7)
  t.notOk(good.closed, 'who has greeted stays')
})

t.test('who takes nothing for a minute must go, unless the limit holds it back', async t => {
  let nowMs = 0
  const clock = { monotonicMs: () => nowMs }
  const limiter = new RateLimiter(null)
  limiter.holdSwarm(1000)
  const { port, listener } = await start(t, { clock, limiter })
  const idle = new Client(t, port).greet(bundleHash).send(interested)
  const held = new Client(t, port).greet(bundleHash).send(interested)
  await Promise.all([idle.next(1), held.next(1)])
  held.send(...Array.from({ length: 4 }, (_, k) => request(0, k * 16_384, 16_384)))
  await held.next(7)
  for (let look = 0; look < 3; look++) {
    nowMs += seedWindowMs / 2
    listener.look()
  }
  await idle.close()
  t.notOk(held.closed)
})

t.test('the limit holds for all clients together', async t => {
  const rate = 400_000
  const limiter = new RateLimiter(null)
  limiter.holdSwarm(rate)
  const { port, sentBytes } = await start(t, { limiter })
  const startMs = performance.now()
  const ask = Array.from({ length: 100 }, (_, k) => request(0, (k % 4) * 16_384, 16_384))
  for (let k = 0; k < 3; k++) {
    const client = new Client(t, port).greet(bundleHash).send(interested)
    await client.next(1)
    client.send(...ask)
  }
  await eventually('800 KB', async () => sentBytes() > 800_000)
  const seconds = (performance.now() - startMs) / 1000
  t.ok(sentBytes() <= 1.1 * rate * seconds + 40_000, `${sentBytes()} bytes in ${seconds} s`)
})

t.test('a port that is taken: another one will do, or it will not', async t => {
  const first = await start(t)
  const second = await start(t)
  await second.listener.stop()
  const taken = { host: '127.0.0.1', port: first.port }
  const torrents = first.torrents
  const make = () =>
    new SeedListener({ torrents, limiter: null, logger: silentLogger, onBytes: () => undefined })
  await t.rejects(make().start({ ...taken, orAnyPort: false }), { code: 'MS_CONFIG_INVALID' })
  const other = make()
  await other.start({ ...taken, orAnyPort: true })
  t.not(other.address?.port, first.port)
  await other.stop()
})
