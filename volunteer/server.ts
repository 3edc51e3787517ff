// The volunteer's HTTP server: own addresses under "/-/", everything else is a repository path. It
// listens before the volunteer is enrolled, since the origin looks at it during enrolment.

import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import fastify, { type FastifyInstance } from 'fastify'
import { describeError, MirrorswarmError, systemCode } from '../core/errors.ts'
import { operatorBodyBytes, stopGraceMs } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'
import type { Metrics } from './metrics.ts'

/** What answers repository paths: see serve.ts. */
export type PathHandler = (
  raw: import('node:http').IncomingMessage,
  response: import('node:http').ServerResponse,
  target: string,
) => Promise<void>

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
}

const ownPrefix = '/-/'

/** Paths are bytes: fastify must not decode them, so all of them take one route. */
const routeOf = (url: string, prefix: string): string => {
  const inside = url.startsWith(`${prefix}${ownPrefix}`) ? url.slice(prefix.length) : url
  return inside.startsWith(ownPrefix) ? inside : '/'
}

const readTls = async (
  tls: NonNullable<ServerOptions['tls']>,
): Promise<{ cert: Buffer; key: Buffer }> => {
  try {
    return { cert: await readFile(tls.certFile), key: await readFile(tls.keyFile) }
  } catch (error) {
    throw new MirrorswarmError(
      'MS_CONFIG_INVALID',
      `cannot read the certificate or its key (${describeError(error)})`,
      { cause: error },
    )
  }
}

export class VolunteerServer {
  readonly #parts: ServerParts
  readonly #options: ServerOptions
  readonly #cut = new AbortController()
  #app: FastifyInstance | null = null
  #handler: PathHandler | null = null

  constructor(parts: ServerParts, options: ServerOptions) {
    this.#parts = parts
    this.#options = options
  }

  /** Aborted when answers under way must end. */
  get signal(): AbortSignal {
    return this.#cut.signal
  }

  /** From now on repository paths are answered. */
  open(handler: PathHandler): void {
    this.#handler = handler
  }

  /** Listen; resolves with the port. Throws MS_CONFIG_INVALID when that is not possible. */
  async start(): Promise<{ readonly port: number }> {
    const { listen, tls, prefix } = this.#options
    const rewriteUrl = (request: { readonly url?: string | undefined }): string =>
      routeOf(request.url ?? '/', prefix)
    const options = { rewriteUrl, bodyLimit: operatorBodyBytes, logger: false }
    const app: FastifyInstance =
      tls === null
        ? fastify(options)
        : (fastify({ ...options, https: await readTls(tls) }) as unknown as FastifyInstance)
    this.#app = app
    this.#addRoutes(app)
    try {
      await app.listen({ host: listen.host, port: listen.port })
    } catch (error) {
      const reason = systemCode(error) ?? describeError(error)
      throw new MirrorswarmError(
        'MS_CONFIG_INVALID',
        `cannot listen on ${listen.host}:${listen.port} (${reason})`,
        { cause: error },
      )
    }
    return { port: (app.server.address() as AddressInfo).port }
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
    app.setNotFoundHandler((_request, reply) =>
      reply.code(404).type('text/plain').send('there is nothing here\n'),
    )
  }

  #answerPath(...[raw, response, target]: Parameters<PathHandler>): void {
    const handler = this.#handler
    if (handler === null) {
      response.writeHead(503, { 'content-type': 'text/plain', 'retry-after': '5' })
      response.end('this volunteer is starting\n')
      return
    }
    handler(raw, response, target).catch((error: unknown) => {
      this.#parts.logger.error({ error: describeError(error) }, 'a request could not be answered')
      if (response.headersSent) response.destroy()
      else response.writeHead(500, { 'content-type': 'text/plain' }).end('this volunteer failed\n')
    })
  }

  /** Take no more connections, let answers under way end for a while, then cut them. */
  async stop(): Promise<void> {
    const app = this.#app
    if (app === null) return
    const timer = setTimeout(() => {
      this.#cut.abort()
      app.server.closeAllConnections()
    }, stopGraceMs)
    try {
      await app.close()
    } finally {
      clearTimeout(timer)
    }
  }
}
