// The volunteer's HTTP server: own addresses under "/-/", everything else is a repository path. It
// listens before the volunteer is enrolled, since the origin looks at it during enrolment.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { systemClock } from '../core/clock.ts'
import { codeOf } from '../core/collected-counter.ts'
import { rangesRequestBytes } from '../core/delta-limits.ts'
import { describeError, MirrorswarmError, systemCode } from '../core/errors.ts'
import { isSha256, type Sha256 } from '../core/ids.ts'
import { operatorBodyBytes, stopGraceMs } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import { listenBacklog } from '../core/serving-limits.ts'
import { readTlsPair, type TlsFiles, type TlsPair, TlsReloader } from '../core/tls-files.ts'
import { assetRoutes } from '../dashboard/asset-routes.ts'
import { volunteerPages } from '../dashboard/pages/volunteer-pages.ts'
import type { Asking } from '../delivery/client-address.ts'
import type { Front } from '../delivery/front.ts'
import type { FrontParts } from '../delivery/quick-front.ts'
import { addFront } from '../delivery/server-front.ts'
import { slowRequestLimits } from '../delivery/server-limits.ts'
import { auditPath } from '../tracker/audit-order.ts'
import type { Metrics } from './metrics.ts'
import type { NeighbourRequest } from './neighbours.ts'

/** What answers repository paths: see serve.ts. */
export type PathHandler = (
  raw: IncomingMessage,
  response: ServerResponse,
  target: string,
) => Promise<void>

/** What answers some of them at once: see quick-serve.ts. */
export type QuickHandler = FrontParts['answer']

/** What answers other volunteers: see neighbours.ts. */
export interface NeighbourHandler {
  answerRanges(request: NeighbourRequest, body: Uint8Array): Promise<void>
  answerContent(request: NeighbourRequest, sha256: Sha256): Promise<void>
}

/** What carries out the origin's orders: see audit-orders.ts. */
export interface AuditHandler {
  answer(request: IncomingMessage, response: ServerResponse, body: Uint8Array): Promise<void>
}

export interface ServerParts {
  readonly metrics: Metrics
  readonly logger: Logger
  /** The signature for the origin's nonce; null when the nonce is none. */
  readonly answerNonce: (nonce: string) => string | null
  readonly status: () => object
}

export interface ServerOptions {
  readonly listen: { readonly host: string; readonly port: number }
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null
  /** The path of the public URL, '' or '/prefix'; requests may come with it or without. */
  readonly prefix: string
  /** Missing: no limits, as in tests of other things. */
  readonly front?: Front
}

const ownPrefix = '/-/'

/** Paths are bytes: fastify must not decode them, so all of them take one route. */
const routeOf = (url: string, prefix: string): string => {
  const inside = url.startsWith(`${prefix}${ownPrefix}`) ? url.slice(prefix.length) : url
  return inside.startsWith(ownPrefix) ? inside : '/'
}

export class VolunteerServer {
  readonly #parts: ServerParts
  readonly #options: ServerOptions
  readonly #cut = new AbortController()
  #app: FastifyInstance | null = null
  #tlsReloader: TlsReloader | null = null
  #handler: PathHandler | null = null
  #neighbours: NeighbourHandler | null = null
  #audits: AuditHandler | null = null
  #quick: QuickHandler | null = null

  /** Milliseconds since 1970; null without TLS. */
  get certificateEndsMs(): number | null {
    return this.#tlsReloader?.endsMs ?? null
  }

  constructor(parts: ServerParts, options: ServerOptions) {
    this.#parts = parts
    this.#options = options
  }

  /** Aborted when answers under way must end. */
  get signal(): AbortSignal {
    return this.#cut.signal
  }

  /** From now on repository paths, and other volunteers if `neighbours` is given, are answered. */
  open(
    handler: PathHandler,
    neighbours: NeighbourHandler | null = null,
    audits: AuditHandler | null = null,
    quick: QuickHandler | null = null,
  ): void {
    this.#quick = quick
    this.#handler = handler
    this.#neighbours = neighbours
    this.#audits = audits
  }

  /** Listen; resolves with the port. Throws MS_CONFIG_INVALID when that is not possible. */
  async start(): Promise<{ readonly port: number }> {
    const { listen, tls, prefix, front } = this.#options
    const rewriteUrl = (request: { readonly url?: string | undefined }): string =>
      routeOf(request.url ?? '/', prefix)
    const pair = tls === null ? null : readTlsPair(tls)
    const limits = slowRequestLimits()
    const { requestTimeout, keepAliveTimeout } = limits
    const app: FastifyInstance = fastify({
      ...(pair === null ? { http: { ...limits } } : { https: { ...limits, ...pair } }),
      ...{ rewriteUrl, requestTimeout, keepAliveTimeout },
      ...{ bodyLimit: operatorBodyBytes, logger: false },
    }) as unknown as FastifyInstance
    this.#app = app
    this.#addRoutes(app)
    this.#addShortWays(app, tls !== null)
    if (front !== undefined) this.#limit(app, front)
    try {
      await app.listen({ host: listen.host, port: listen.port, backlog: listenBacklog })
    } catch (error) {
      const reason = systemCode(error) ?? describeError(error)
      throw new MirrorswarmError(
        'MS_CONFIG_INVALID',
        `cannot listen on ${listen.host}:${listen.port} (${reason})`,
        { cause: error },
      )
    }
    if (tls !== null && pair !== null) this.#watchTls(app, tls, pair)
    return { port: (app.server.address() as AddressInfo).port }
  }

  /** Answer what is hot or handed over before node:http, and other repository paths before fastify. */
  #addShortWays(app: FastifyInstance, tls: boolean): void {
    const { front: limits, prefix } = this.#options
    const { logger } = this.#parts
    const mayPass = (request: Asking): boolean =>
      limits === undefined || limits.limit.take(limits.addresses.of(request).address) === 0
    const answer: QuickHandler = (head, socket) => {
      const request = { headers: head.headers, socket }
      const hasRoom = limits?.limit.hasRoom(limits.addresses.of(request).address) ?? true
      if (!hasRoom) return null
      const given = this.#quick?.(head, socket) ?? null
      if (given !== null) mayPass(request)
      return given
    }
    const front = addFront(app.server, { answer, clock: systemClock, logger }, tls)
    let closing = false
    app.addHook('preClose', async () => {
      closing = true
      front.close()
    })
    const routes = app.server.listeners('request') as RequestListener[]
    app.server.removeAllListeners('request')
    app.server.on('request', (request, response) => {
      const { url = '/' } = request
      if (!closing && routeOf(url, prefix) === '/' && mayPass(request)) {
        this.#answerPath(request, response, url)
      } else for (const listener of routes) listener.call(app.server, request, response)
    })
  }

  /** Connections of one address, and its requests. */
  #limit(app: FastifyInstance, front: Front): void {
    front.guard(app.server)
    app.addHook('onRequest', async (request, reply) => {
      const { address } = front.addresses.of(request.raw)
      const seconds = front.limit.take(address)
      if (seconds === 0) return
      const headers = { 'retry-after': String(seconds), 'cache-control': 'no-store' }
      return reply.code(429).headers(headers).type('text/plain').send('ask less often\n')
    })
  }

  #watchTls(app: FastifyInstance, files: TlsFiles, pair: TlsPair): void {
    const { logger } = this.#parts
    const server = app.server as unknown as { setSecureContext(pair: TlsPair): void }
    const nowMs = (): number => systemClock.nowMs()
    this.#tlsReloader = new TlsReloader({ files, pair, server, logger, nowMs })
    this.#tlsReloader.start()
  }

  #addRoutes(app: FastifyInstance): void {
    const { metrics, answerNonce, status } = this.#parts
    app.all('/', (request, reply) => {
      reply.hijack()
      this.#answerPath(request.raw, reply.raw, request.originalUrl)
    })
    app.get('/-/health', (_request, reply) => reply.type('text/plain').send('ok\n'))
    app.get('/-/status', (_request, reply) =>
      reply.header('cache-control', 'no-store').send(status()),
    )
    app.get('/-/metrics', async (_request, reply) =>
      reply.type(metrics.contentType).send(await metrics.render()),
    )
    app.get<{ Params: { nonce: string } }>('/-/enrolment/:nonce', (request, reply) => {
      const signature = answerNonce(request.params.nonce)
      reply.type('text/plain').header('cache-control', 'no-store')
      return signature === null ? reply.code(400).send('not a nonce\n') : reply.send(signature)
    })
    assetRoutes(app, volunteerPages)
    this.#addNeighbourRoutes(app)
    app.setNotFoundHandler((_request, reply) =>
      reply.code(404).type('text/plain').send('there is nothing here\n'),
    )
  }

  #addNeighbourRoutes(app: FastifyInstance): void {
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    const answer = (
      request: FastifyRequest,
      reply: FastifyReply,
      work: (handler: NeighbourHandler, asked: NeighbourRequest) => Promise<void>,
    ): void => {
      const handler = this.#neighbours
      reply.hijack()
      if (handler === null) this.#sayStarting(reply.raw)
      else {
        const { raw } = request
        work(handler, { raw, response: reply.raw, target: request.url }).catch((error: unknown) => {
          this.#parts.metrics.errors.add(codeOf(error))
          this.#parts.logger.error({ error: describeError(error) }, 'an answer failed')
          reply.raw.destroy()
        })
      }
    }
    app.post('/-/v1/ranges', { bodyLimit: rangesRequestBytes }, (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      answer(request, reply, (handler, asked) => handler.answerRanges(asked, body))
    })
    app.post(auditPath, { bodyLimit: operatorBodyBytes }, (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      reply.hijack()
      if (this.#audits === null) this.#sayStarting(reply.raw)
      else void this.#audits.answer(request.raw, reply.raw, body)
    })
    app.get<{ Params: { sha256: string } }>(
      '/-/v1/contents/:sha256',
      { exposeHeadRoute: false },
      (request, reply) => {
        const { sha256 } = request.params
        if (!isSha256(sha256)) reply.code(400).type('text/plain').send('not a SHA-256\n')
        else answer(request, reply, (handler, asked) => handler.answerContent(asked, sha256))
      },
    )
  }

  #sayStarting(response: ServerResponse): void {
    response.writeHead(503, { 'content-type': 'text/plain', 'retry-after': '5' })
    response.end('this volunteer is starting\n')
  }

  #answerPath(...[raw, response, target]: Parameters<PathHandler>): void {
    const handler = this.#handler
    if (handler === null) {
      this.#sayStarting(response)
      return
    }
    handler(raw, response, target).catch((error: unknown) => {
      this.#parts.metrics.errors.add(codeOf(error))
      this.#parts.logger.error({ error: describeError(error) }, 'a request could not be answered')
      if (response.headersSent) response.destroy()
      else response.writeHead(500, { 'content-type': 'text/plain' }).end('this volunteer failed\n')
    })
  }

  /** Take no more connections, let answers under way end for a while, then cut them. */
  async stop(): Promise<void> {
    const app = this.#app
    this.#tlsReloader?.stop()
    if (app === null) return
    const timer = setTimeout(() => {
      this.#cut.abort()
      app.server.closeAllConnections()
      this.#options.front?.cut()
    }, stopGraceMs)
    try {
      await app.close()
    } finally {
      clearTimeout(timer)
    }
  }
}
