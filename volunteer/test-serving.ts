// A volunteer's HTTP side on a port of its own, with a mirror of a small repository, for tests.

import { request } from 'node:http'
import type { Test } from 'tap'
import { systemClock } from '../core/clock.ts'
import type { RepoPath, VolunteerName } from '../core/ids.ts'
import { silentLogger } from '../core/log.ts'
import type { Network } from '../core/networks.ts'
import { RateLimiter } from '../core/rate-limiter.ts'
import { ContentMemory } from '../delivery/content-memory.ts'
import type { HandOver } from '../delivery/hand-over.ts'
import { type LinkKey, signLink } from '../delivery/links.ts'
import { ReadBudget } from '../delivery/read-budget.ts'
import { Metrics } from './metrics.ts'
import { Serving, type ServingOptions } from './serve.ts'
import { VolunteerServer } from './server.ts'
import { testMirror, testRepository } from './test-mirror.ts'

interface Answer {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly body: Buffer
}

export const linkKey: LinkKey = { volunteer: 'ada' as VolunteerName, secret: Buffer.alloc(32, 7) }
export const bytes = Buffer.from('0123456789'.repeat(20_000))
export const nowSeconds = (): number => Math.floor(Date.now() / 1000)

export interface Options extends Partial<Omit<ServingOptions, 'networks'>> {
  readonly networks?: readonly Network[]
  readonly uploadBytesPerSecond?: number
  readonly handOver?: HandOver
  /** The origin's clock is ahead by this. */
  readonly originAheadMs?: number
}

export const prepareServing = async (t: Test, options: Options = {}) => {
  const repository = await testRepository(t)
  await repository.write('pool/a b.deb', bytes)
  await repository.write('pool/other.deb', 'other '.repeat(2000))
  await repository.write('dists/Release', 'release')
  await repository.link('latest', 'pool/a b.deb')
  await repository.publish()
  const volunteer = await testMirror(t, repository)
  await volunteer.sync()
  const metrics = new Metrics({
    swarmSentBytes: () => 0,
    fetchedBytes: () => ({ peers: 0, origin: 0 }),
    reusedBytes: () => 0,
    heldFiles: () => 1,
    heldBytes: () => 2,
    wantedBytes: () => 3,
    snapshot: () => 1,
    activeClients: () => serving.activeClients,
  })
  const server = new VolunteerServer(
    {
      metrics,
      logger: silentLogger,
      answerNonce: nonce => (nonce === 'good' ? 'signed' : null),
      status: () => ({ name: 'ada' }),
    },
    { listen: { host: '127.0.0.1', port: 0 }, tls: null, prefix: '' },
  )
  const switches = { open: true, draining: false, lost: [] as RepoPath[], quick: 0 }
  const serving: Serving = new Serving(
    {
      reader: repository.reader,
      store: volunteer.store,
      folder: volunteer.folder,
      linkKey,
      uploadLimiter: new RateLimiter(options.uploadBytesPerSecond ?? null),
      budget: new ReadBudget(),
      memory: new ContentMemory(),
      handOver: options.handOver ?? null,
      metrics,
      clock: systemClock,
      logger: silentLogger,
      originClock: () => ({
        originMs: Date.now() + (options.originAheadMs ?? 0),
        learnedAtMs: systemClock.monotonicMs(),
      }),
      isWithinHours: () => switches.open,
      isDraining: () => switches.draining,
      onLost: path => switches.lost.push(path),
    },
    {
      originUrl: 'http://origin.example/mirror',
      networks: [],
      maxClients: null,
      prefix: '',
      signal: server.signal,
      ...options,
    },
  )
  server.open(
    (raw, response, target) => serving.handle(raw, response, target),
    null,
    null,
    (head, socket) => {
      const answer = serving.answerQuickly(head, socket)
      if (answer !== null) switches.quick++
      return answer
    },
  )
  const { port } = await server.start()
  t.teardown(() => server.stop())
  const get = (
    path: string,
    headers: Record<string, string> = {},
    method = 'GET',
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const sent = request(
        { host: '127.0.0.1', port, path, headers, method, agent: false },
        answer => {
          const parts: Buffer[] = []
          answer.on('data', part => parts.push(part))
          answer.on('error', reject)
          answer.on('end', () => {
            const body = Buffer.concat(parts)
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body })
          })
        },
      )
      sent.on('error', reject)
      sent.end()
    })
  const link = (
    path: string,
    change: { expires?: number; key?: LinkKey; of?: string } = {},
  ): string => {
    const { sha256 } = repository.contentAt(change.of ?? path)
    const target = {
      path: path as RepoPath,
      sha256,
      expiresSeconds: change.expires ?? nowSeconds() + 100,
    }
    return `/${path}?${signLink(change.key ?? linkKey, target)}`
  }
  return { repository, volunteer, get, link, switches, serving, port }
}
