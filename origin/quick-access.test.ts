// Quick answers where an origin asks clients who they are, and over TLS.

import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer, connect as secureConnect } from 'node:tls'
import t from 'tap'
import { selfSignedCertificate } from '../core/certificate.ts'
import { systemClock } from '../core/clock.ts'
import type { RepoPath, Sha256, VolunteerName } from '../core/ids.ts'
import { generateKeys } from '../core/keys.ts'
import { frontDefaults } from '../delivery/front.ts'
import { QuickFront } from '../delivery/quick-front.ts'
import type { Candidate } from '../tracker/logic/views.ts'
import type { OriginContext } from './context.ts'
import { TestNetwork } from './fixtures/test-network.ts'
import { HotFiles } from './hot-files.ts'
import { allRights } from './logic/rights.ts'
import { answerQuickly, quickAnswer } from './quick-redirect.ts'
import { Redirector } from './redirector.ts'

const everything = async (socket: Socket): Promise<string> => {
  const parts: Buffer[] = []
  for await (const part of socket) parts.push(part)
  return Buffer.concat(parts).toString('latin1')
}

/** The answers to requests that are sent at once; the last one closes the connection. */
const talk = async (socket: Socket, requests: readonly string[]): Promise<string[]> => {
  const lines = requests.map(each => `GET ${each}\r\nHost: o\r\n\r\n`)
  socket.write(`${lines.join('')}GET /-/ HTTP/1.1\r\nHost: o\r\nConnection: close\r\n\r\n`)
  const text = await everything(socket)
  return text.split(/(?=HTTP\/1\.1 \d{3} )/).slice(0, requests.length)
}

const withoutDate = (answer = ''): string => answer.replace(/^Date: .*\r\n/im, '')
const statusesOf = (answers: readonly string[]): string[] => answers.map(each => each.slice(9, 12))
/** As the short way sends it; the routes name other headers first. */
const isQuick = (answer = ''): boolean => /^HTTP\/1\.1 302 Found\r\ncontent-length: 0/.test(answer)

const fill = (repository: string): void => {
  for (const folder of ['open', 'secret']) {
    mkdirSync(join(repository, folder))
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      writeFileSync(join(repository, folder, `${name}.deb`), (folder + name).repeat(3_000))
    }
  }
}

t.test(
  'an origin that requires clients redirects quickly whom it knows, and nobody else',
  async t => {
    const front = { ...frontDefaults, trustedProxies: ['127.0.0.0/8'] }
    const network = await TestNetwork.start(t, fill, { requireClients: true, front })
    await network.waitForSnapshot(1)
    const add = async (client: object): Promise<{ readonly secret: string }> =>
      JSON.parse((await network.operate('/-/v1/clients', client)).body.toString())
    const { secret } = await add({ name: 'some', paths: ['open'] })
    await add({ name: 'campus', networks: ['192.0.2.0/24'], paths: ['open'] })
    await network.volunteer('helper')
    const { hostname, port } = new URL(network.origin.url)
    const basic = (text: string) => `Authorization: Basic ${Buffer.from(text).toString('base64')}`
    const known = [basic(`some:${secret}`), 'X-Forwarded-For: 192.0.2.9']
    const unknown = [basic(`some:${secret}x`), 'X-Forwarded-For: 198.51.100.1', 'Accept: */*']
    let clients = 0
    const ask = async (paths: readonly string[], header: string): Promise<string[]> => {
      const socket = connect(Number(port), hostname)
      await once(socket, 'connect')
      const agent = `User-Agent: ${++clients}`
      return talk(
        socket,
        paths.map(path => `${path} HTTP/1.1\r\n${agent}\r\n${header}`),
      )
    }
    for (const header of known) {
      const open = await ask(['/open/a.deb', '/open/b.deb'], header)
      t.ok(open.every(isQuick), header)
      // A condition is for the routes, which say the same.
      const slowly = await ask(['/open/a.deb'], `${header}\r\nIf-None-Match: "x"`)
      t.strictSame(
        withoutDate(slowly[0]).toLowerCase().split('\r\n').sort(),
        withoutDate(open[0]).toLowerCase().split('\r\n').sort(),
      )
      const outside = await ask(['/secret/a.deb', '/open/c.deb', '/secret/none'], header)
      t.strictSame(statusesOf(outside), ['403', '302', '403'], header)
    }
    for (const header of unknown) {
      t.strictSame(statusesOf(await ask(['/open/d.deb', '/secret/a.deb'], header)), ['401', '401'])
    }
  },
)

/** As much of an origin as a quick answer needs: one file, and volunteers that hold it. */
const contextOf = (volunteers: readonly string[]): OriginContext => {
  const content = { number: 1, sha256: 'ab'.repeat(32) as Sha256, sizeBytes: 9_000 }
  const file = { ...content, modifiedSeconds: 1 }
  const candidates = volunteers.map((url, index) => ({
    ...{ name: `v${index}` as VolunteerName, url, state: 'synced', snapshot: 1, lastAnnounceMs: 1 },
    record: { url, linkKey: Buffer.alloc(32).toString('base64'), trust: 'full', weight: 1 },
    limits: { uploadBytesPerSecond: null, maxClients: null },
    ...{ clientBytesPerSecond: 0, syncBytesPerSecond: 0, activeClients: 0, has: () => true },
  }))
  const caller = {
    client: 'c',
    address: '192.0.2.1',
    https: null,
    rights: allRights,
    volunteer: null,
  }
  return {
    hotFiles: new HotFiles({
      resolver: {
        latest: { number: 1 } as never,
        findFile: (path: RepoPath) => ({ kind: 'file', path, content: file }) as never,
      },
      ...{ keepAtOrigin: () => false, isIndex: () => false, prefix: '' },
    }),
    redirector: new Redirector({
      source: { candidates: () => candidates as unknown as Candidate[] },
      ...{ clock: systemClock, random: () => 0 },
    }),
    access: {
      check: () => ({ ok: true, caller }),
      ...{ checkQuickly: () => caller, countQuick: () => undefined, remember: () => undefined },
    },
    metrics: { decided: () => undefined, count: () => undefined },
    ...{ clock: systemClock, publicUrl: null, https: true, onRequest: () => undefined },
  } as unknown as OriginContext
}

t.test('over TLS clients are sent to volunteers with TLS, the same by both ways', async t => {
  const { privateKey } = generateKeys('ed25519')
  const cert = selfSignedCertificate(privateKey)
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const serve = async (context: OriginContext) => {
    let handedOver = 0
    const behind = createHttpServer((request, response) => {
      if (!answerQuickly(context, request, response)) response.writeHead(200).end('served here')
    })
    const front = new QuickFront({
      answer: (head, socket) => quickAnswer(context, head, socket),
      handOver: (socket, bytes) => {
        handedOver++
        if (bytes.length > 0) socket.unshift(bytes)
        behind.emit('connection', socket)
        socket.resume()
      },
      refuse: socket => socket.destroy(),
      clock: systemClock,
    })
    const server = createServer({ cert, key }, socket => front.adopt(socket)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => {
      front.close()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    return async (requests: readonly string[]) => {
      handedOver = 0
      const socket = secureConnect({ port, host: '127.0.0.1', rejectUnauthorized: false })
      await once(socket, 'secureConnect')
      return { answers: await talk(socket, requests), handedOver }
    }
  }
  const mixed = await serve(contextOf(['http://plain.example', 'https://safe.example']))
  const quick = await mixed(['/a.deb HTTP/1.1', '/b.deb HTTP/1.1'])
  t.ok(quick.answers.every(isQuick))
  for (const answer of quick.answers) {
    t.match(answer, /\r\nlocation: https:\/\/safe\.example\/[ab]\.deb\?c=/)
    t.match(answer, /<https:\/\/o\/[ab]\.deb\.meta4>/, 'links of its own are https, too')
  }
  const slow = await mixed(['/c.deb HTTP/1.1\r\nX-Odd: 1'])
  t.equal(slow.handedOver, 1)
  t.equal(withoutDate(slow.answers[0]).length, withoutDate(quick.answers[0]).length)
  t.match(slow.answers[0], /\r\nlocation: https:\/\/safe\.example\/c\.deb\?c=/)
  const plain = await serve(contextOf(['http://plain.example']))
  t.match((await plain(['/a.deb HTTP/1.1'])).answers[0], /^HTTP\/1\.1 200 /)
})
