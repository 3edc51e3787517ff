// What a volunteer answers before node:http: as otherwise, and only what is usual.

import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../core/clock.ts'
import type { RepoPath } from '../core/ids.ts'
import { silentLogger } from '../core/log.ts'
import { parseNetwork } from '../core/networks.ts'
import { ClientAddresses } from '../delivery/client-address.ts'
import { HandOver } from '../delivery/hand-over.ts'
import { until } from './test-mirror.ts'
import { nowSeconds, prepareServing } from './test-serving.ts'

/** What comes back for one request on a connection of its own, as text. */
const exchange = async (port: number, request: string): Promise<string> => {
  const socket = connect(port, '127.0.0.1')
  const parts: Buffer[] = []
  // As apt and curl: more may follow, and the server learns only then that nothing does.
  socket.write(request)
  for await (const part of socket) {
    parts.push(part)
    const text = Buffer.concat(parts).toString('latin1')
    const head = text.indexOf('\r\n\r\n')
    const body = request.startsWith('HEAD') ? 0 : 1
    const length = body * Number(/^content-length: (\d+)/im.exec(text)?.[1] ?? 0)
    if (head >= 0 && text.length >= head + 4 + length) break
  }
  return Buffer.concat(parts)
    .toString('latin1')
    .replace(/^Date: .*$/m, 'Date')
}

const package1 = 'pool/a%20b.deb'

t.test('a hot content is answered at once, and just as it is otherwise', async t => {
  const { link, port, switches, serving } = await prepareServing(t)
  const ask = (lines = '', method = 'GET', target = link(package1)): Promise<string> =>
    exchange(port, `${method} ${target} HTTP/1.1\r\nHost: ada\r\n${lines}\r\n`)
  const first = await ask()
  t.match(first, /^HTTP\/1\.1 200 OK/)
  t.equal(switches.quick, 0)
  await ask()
  t.ok((await ask('User-Agent: apt\r\n')) === first)
  t.equal(switches.quick, 1)
  t.ok((await ask('X-Odd: 1\r\n')) === first, 'with a header that the front does not know')
  t.match(await ask('Range: bytes=0-1\r\n'), /^HTTP\/1\.1 206/)
  await ask('', 'HEAD')
  t.match(await ask('', 'GET', link(package1, { expires: nowSeconds() - 5 })), / 307 /)
  const last = link(package1).at(-1) === 'A' ? 'B' : 'A'
  t.match(await ask('', 'GET', `${link(package1).slice(0, -1)}${last}`), / 403 /)
  switches.draining = true
  t.match(await ask(), / 307 /)
  switches.draining = false
  switches.open = false
  t.match(await ask(), / 307 /)
  switches.open = true
  t.equal(switches.quick, 1, 'whatever is not usual is not answered at once')
  t.ok((await ask()) === first)
  t.equal(switches.quick, 2)
  t.equal(serving.activeClients, 0)
})

t.test('what is held no more is not answered at once either', async t => {
  const { link, port, switches, volunteer } = await prepareServing(t)
  const heat = async (path: string): Promise<() => Promise<string>> => {
    const ask = () => exchange(port, `GET ${link(path)} HTTP/1.1\r\nHost: ada\r\n\r\n`)
    const before = switches.quick
    for (let turn = 0; turn < 4 && switches.quick === before; turn++) await ask()
    t.equal(switches.quick, before + 1)
    return ask
  }
  const forgotten = await heat(package1)
  const replaced = await heat('pool/other.deb')
  volunteer.store.forget([package1 as RepoPath])
  t.match(await forgotten(), / 307 /)
  await writeFile(join(volunteer.mirror, 'pool/other.deb'), 'another '.repeat(1500))
  await until('it is noticed', async () => / 307 /.test(await replaced()))
  t.strictSame(switches.lost, ['pool/other.deb'])
})

t.test('limits of clients hold for hot contents', async t => {
  for (const options of [{ maxClients: 0 }, { uploadBytesPerSecond: 10_000_000 }]) {
    const { link, port, switches } = await prepareServing(t, options)
    const request = `GET ${link(package1)} HTTP/1.1\r\nHost: ada\r\n\r\n`
    for (let turn = 0; turn < 4; turn++) await exchange(port, request)
    t.equal(switches.quick, 0)
  }
})

t.test('a proxy that sends the bytes itself is told at once what it was told before', async t => {
  const folder = join(t.testdirName, 'handed')
  const handOver = new HandOver(
    { clock: systemClock, logger: silentLogger },
    { prefix: '/handed/', folder },
  )
  const addresses = new ClientAddresses([parseNetwork('127.0.0.1')], 'x-forwarded-for')
  const limits = { uploadBytesPerSecond: 10_000_000, maxClients: 1 }
  const prepared = await prepareServing(t, { handOver, addresses, ...limits })
  const { link, port, switches, serving, volunteer } = prepared
  await handOver.start()
  // The test's folder is gone before.
  t.teardown(() => handOver.stop().catch(() => undefined))
  const ask = (lines = '', target = link(package1)): Promise<string> =>
    exchange(
      port,
      `GET ${target} HTTP/1.1\r\nHost: ada\r\nX-Forwarded-For: 192.0.2.1\r\n${lines}\r\n`,
    )
  const linesOf = (answer: string): string[] =>
    answer
      .split('\r\n')
      .map(line => line.toLowerCase())
      .sort()
  const first = await ask()
  t.match(first, /^HTTP\/1\.1 501 Not Implemented\r\n/)
  t.match(first, /^x-accel-redirect: \/handed\/[0-9a-f]{64}\r$/im)
  t.equal(switches.quick, 0)
  t.strictSame(linesOf(await ask()), linesOf(first))
  t.equal(switches.quick, 1)
  t.match(await ask('Range: bytes=0-1\r\n'), / 501 /)
  t.match(await ask('If-Match: "other"\r\n'), / 412 /)
  const last = link(package1).at(-1) === 'A' ? 'B' : 'A'
  t.match(await ask('', `${link(package1).slice(0, -1)}${last}`), / 403 /)
  t.match(await ask('', link(package1, { expires: nowSeconds() - 5 })), / 307 /)
  switches.draining = true
  t.match(await ask(), / 307 /)
  switches.draining = false
  t.equal(switches.quick, 1, 'whatever is not usual is not answered at once')
  await ask()
  t.equal(switches.quick, 2)
  t.equal(serving.activeClients, 0)
  await writeFile(join(volunteer.mirror, 'pool/a b.deb'), 'another '.repeat(1500))
  await until('it is noticed', async () => / 307 /.test(await ask()))
  t.equal(switches.quick, 2)
  t.strictSame(switches.lost, [package1])
})
