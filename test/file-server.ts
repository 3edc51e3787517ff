// For tests of delivery: an HTTP server that sends one file by respond and sendRepresentation, and a
// client that shows exactly what came over the wire.

import assert from 'node:assert'
import { createHash, randomBytes } from 'node:crypto'
import { readdir, readlink, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Sha256 } from '../core/ids.ts'
import { type FileGuard, guardOf, openGuarded } from '../delivery/guarded-file.ts'
import { type Representation, respond } from '../delivery/logic/respond.ts'
import { ReadBudget } from '../delivery/read-budget.ts'
import { type SendOptions, type SendResult, sendRepresentation } from '../delivery/send.ts'
import type { Body } from '../delivery/slice-reader.ts'

export interface TestServer {
  readonly port: number
  readonly url: string
  readonly server: Server
  readonly budget: ReadBudget
  /** One for each request, in the order in which they ended. */
  readonly results: SendResult[]
  /** Wait until so many requests have ended. */
  ended(count: number): Promise<void>
}

export const sha256Of = (bytes: Uint8Array | string): Sha256 =>
  createHash('sha256').update(bytes).digest('hex') as Sha256

/** Wait for a condition; fails after ten seconds. */
export const until = async (what: string, holds: () => boolean): Promise<void> => {
  const deadline = performance.now() + 10_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited too long until ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/** A file of random bytes with what was known when it was hashed. */
export const hashedFile = async (t: Test, sizeBytes: number) => {
  const file = join(t.testdir(), 'file')
  const bytes = randomBytes(sizeBytes)
  await writeFile(file, bytes)
  const guard = guardOf(await stat(file, { bigint: true }))
  const representation: Representation = {
    sha256: sha256Of(bytes),
    sizeBytes,
    modifiedSeconds: 784_111_777,
    contentType: 'application/octet-stream',
  }
  return { file, bytes, guard, representation }
}

/** How often this process has a file open. */
export const descriptorsOf = async (file: string): Promise<number> => {
  const folder = '/proc/self/fd'
  const targets = (await readdir(folder)).map(name => readlink(join(folder, name)).catch(() => ''))
  return (await Promise.all(targets)).filter(target => target === file).length
}

/** Serve `file` (or bytes) as the representation says, until the test ends. */
export const serve = async (
  t: Test,
  source: { file: string; guard: FileGuard } | { bytes: Uint8Array },
  representation: Representation,
  options: Omit<SendOptions, 'budget'> = {},
): Promise<TestServer> => {
  const budget = new ReadBudget()
  const results: SendResult[] = []
  const failures: unknown[] = []
  let running = 0
  const server = createServer(async (request, response) => {
    running++
    try {
      const method = request.method === 'HEAD' ? 'HEAD' : 'GET'
      const decision = respond(method, request.headers, representation)
      let body: Body
      if ('bytes' in source) body = source
      else {
        const handle = await openGuarded(source.file, source.guard)
        if (handle === null) {
          response.writeHead(503).end('changed before it was opened')
          return
        }
        body = { handle, guard: source.guard }
      }
      const result = await sendRepresentation(response, decision, body, { ...options, budget })
      results.push(result)
      if (!result.headersSent && response.socket?.destroyed === false) {
        response.writeHead(503).end('changed before it was sent')
      }
    } catch (error) {
      failures.push(error)
    } finally {
      running--
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
    await until('every answer has ended', () => running === 0)
    assert.deepEqual(failures, [], 'sending threw')
    assert.equal(budget.usedBytes, 0, 'a read buffer was not given back')
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}/`,
    server,
    budget,
    results,
    ended: count => until(`${count} answers ended`, () => results.length >= count),
  }
}

/** A connected socket that does not read until told. */
export const connectTo = async (t: Test, port: number): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  t.teardown(() => socket.destroy())
  await new Promise<void>(resolve => socket.once('connect', resolve))
  return socket
}

/** All bytes until the server closes. */
export const readAll = async (socket: Socket): Promise<Buffer> => {
  const parts: Buffer[] = []
  await new Promise<void>(resolve => {
    socket.on('data', part => parts.push(part))
    socket.once('close', () => resolve())
  })
  return Buffer.concat(parts)
}

export interface WireAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** Split what came over the wire into head and body; no HTTP library smooths anything over. */
export const parseAnswer = (wire: Buffer): WireAnswer => {
  const end = wire.indexOf('\r\n\r\n')
  const [first = '', ...lines] = wire.toString('latin1', 0, Math.max(0, end)).split('\r\n')
  const headers = Object.fromEntries(
    lines.map(line => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  return { status: Number(first.split(' ')[1]), headers, body: wire.subarray(end + 4) }
}

/** One request on a connection of its own. */
export const ask = async (
  t: Test,
  port: number,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<WireAnswer> => {
  const socket = await connectTo(t, port)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`${method} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines.join('')}\r\n`)
  return parseAnswer(await readAll(socket))
}
