// The origin's HTTP server: fastify for what lies under "/-/", and one constant route for all
// repository paths, which are bytes that no router should decode.

import type { RequestListener } from 'node:http'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import { describeError, isMirrorswarmError, MirrorswarmError } from '../core/errors.ts'
import { operatorBodyBytes, requestPathBytes } from '../core/limits.ts'
import { readTlsPair, type TlsPair, TlsReloader, type TlsReloaderParts } from '../core/tls-files.ts'
import type { FrontParts, QuickFront } from '../delivery/quick-front.ts'
import { addFront } from '../delivery/server-front.ts'
import { type SlowRequestLimits, slowRequestLimits } from '../delivery/server-limits.ts'
import { addGate, callerOf, type GatedRoute } from './access/gate.ts'
import { makeExchange, type OriginContext } from './context.ts'
import {
  answerFailure,
  asMirrorswarmError,
  codeOfAnswer,
  originalTarget,
  replyError,
  takeOver,
} from './http.ts'
import { isOwnTarget, splitTarget } from './logic/public-url.ts'
import { answerQuickly, quickAnswer } from './quick-redirect.ts'
import { type ClientRoutesParts, clientRoutes } from './routes/clients.ts'
import { type DashboardRoutesParts, dashboardRoutes } from './routes/dashboard.ts'
import { answerPath } from './routes/files.ts'
import { mirrorRoutes } from './routes/mirrors.ts'
import { type OperatorRoutesParts, operatorRoutes } from './routes/operator.ts'
import { proofRoutes } from './routes/proofs.ts'
import { type ProtocolRoutesParts, protocolRoutes } from './routes/protocol.ts'
import { type RangesRoutesParts, rangesRoutes } from './routes/ranges.ts'
import { type StatusRoutesParts, statusRoutes } from './routes/status.ts'
import { type SwarmRoutesParts, swarmRoutes } from './routes/swarm.ts'
import { answerVia } from './routes/via.ts'
import { type VolunteerRoutesParts, volunteerRoutes } from './routes/volunteers.ts'
import { refuseUnparsed } from './unparsed.ts'
import type { TunnelEntrance } from './workers/tunnel.ts'

export type AppParts = ClientRoutesParts &
  DashboardRoutesParts &
  OperatorRoutesParts &
  ProtocolRoutesParts &
  RangesRoutesParts &
  StatusRoutesParts &
  SwarmRoutesParts &
  VolunteerRoutesParts

export interface AppOptions {
  /** Null: plain HTTP, also where workers take TLS off. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null
  /** Where connections come in that workers hold; missing: clients come by themselves. */
  readonly entrance?: TunnelEntrance
}

/** No target of a request leads to these routes by itself: every target is rewritten. */
const filesRoute = '/repository'
const viaRoute = '/repository-via'

const routeOf = (target: string, prefix: string): string => {
  const { raw, query } = splitTarget(target, prefix)
  if (!isOwnTarget(raw)) return filesRoute
  if (raw.startsWith('/-/via/')) return viaRoute
  return query === '' ? raw : `${raw}?${query}`
}

/** What fastify refuses by itself, in our words. */
const translate = (error: FastifyError): MirrorswarmError => {
  if (isMirrorswarmError(error)) return error
  if (error.statusCode === 413) {
    return new MirrorswarmError('MS_REQUEST_TOO_LARGE', 'the body is too large', { cause: error })
  }
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return new MirrorswarmError('MS_REQUEST_INVALID', error.message, { cause: error })
  }
  return asMirrorswarmError(error)
}

const fileRoutes = (app: FastifyInstance, context: OriginContext): void => {
  const routes = [
    { url: filesRoute, answer: answerPath },
    { url: viaRoute, answer: answerVia },
  ]
  for (const { url, answer } of routes) {
    app.route({
      method: app.supportedMethods,
      url,
      bodyLimit: operatorBodyBytes,
      config: { access: 'paths' },
      handler: (request, reply) => {
        const target = originalTarget(request.raw)
        const exchange = makeExchange(context, request.raw, reply.raw, target, callerOf(request))
        takeOver(request, reply, context.logger, async () => {
          context.metrics.count(await answer(context, exchange))
        })
      },
    })
  }
}

/** Keeps a running server's certificate as its files have it; null without TLS. */
const makeReloader = (
  app: FastifyInstance,
  { tls }: AppOptions,
  pair: TlsPair | null,
  { clock, logger }: OriginContext,
): TlsReloader | null => {
  if (tls === null || pair === null) return null
  const server = app.server as unknown as TlsReloaderParts['server']
  return new TlsReloader({ files: tls, pair, server, logger, nowMs: () => clock.nowMs() })
}

const listenerOf = (pair: TlsPair | null, limits: SlowRequestLimits) =>
  pair === null ? { http: { ...limits } } : { https: { ...limits, ...pair } }

export interface BuiltApp {
  readonly app: FastifyInstance
  readonly tlsReloader: TlsReloader | null
  /** Answers what is usual before node:http. */
  readonly quick: QuickFront
  /** What each of its routes asks of those who use it. */
  readonly routes: readonly GatedRoute[]
}

/**
 * Put the short way for usual requests in front of fastify. Where "localhost" means two addresses,
 * the second has only the routes, which answer the same.
 */
const addShortWay = (app: FastifyInstance, context: OriginContext): void => {
  const { server } = app
  const routes = server.listeners('request') as RequestListener[]
  let closing = false
  app.addHook('preClose', async () => {
    closing = true
  })
  server.removeAllListeners('request')
  server.on('request', (request, response) => {
    // Behind an answer that said it was the last.
    if (!request.socket.writable) return
    try {
      if (!closing && answerQuickly(context, request, response)) return
    } catch (error) {
      answerFailure(context.logger, request, response, error)
      return
    }
    for (const listener of routes) listener(request, response)
  })
}

/** Checking those costs as much as true ones. */
const isFalseSignature = ({ code }: MirrorswarmError): boolean =>
  code === 'MS_AUTH_REFUSED' || code === 'MS_CLOCK_SKEWED'

/** Build the server; it does not listen yet. */
export const buildApp = (parts: AppParts, options: AppOptions): BuiltApp => {
  const { context } = parts
  const pair = options.tls === null ? null : readTlsPair(options.tls)
  const limits = slowRequestLimits()
  const refuse = (error: FastifyError, reply: FastifyReply): FastifyReply => {
    const translated = translate(error)
    if (isFalseSignature(translated)) context.access.noteFalseSignature(reply.request.raw)
    if (translated.code === 'MS_INTERNAL') {
      context.logger.error({ error: describeError(error) }, 'a request failed')
    }
    return replyError(reply, translated)
  }
  const app: FastifyInstance = Fastify({
    ...listenerOf(pair, limits),
    ...{ requestTimeout: limits.requestTimeout, keepAliveTimeout: limits.keepAliveTimeout },
    rewriteUrl: request => routeOf(originalTarget(request), context.prefix),
    bodyLimit: operatorBodyBytes,
    routerOptions: { maxParamLength: requestPathBytes },
    clientErrorHandler: (error, socket) => refuseUnparsed(context.metrics.errors, error, socket),
    frameworkErrors: (error, _request, reply) => {
      refuse(error, reply as FastifyReply)
    },
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.setErrorHandler<FastifyError>((error, _request, reply) => refuse(error, reply))
  app.setNotFoundHandler((request, reply) => {
    const target = splitTarget(originalTarget(request.raw), context.prefix).raw
    return isOwnTarget(target)
      ? replyError(reply, new MirrorswarmError('MS_PATH_NOT_FOUND', 'nothing is here'))
      : replyError(
          reply.header('allow', 'GET, HEAD'),
          new MirrorswarmError('MS_METHOD_NOT_ALLOWED', `${request.method} is not for files`),
        )
  })
  app.addHook('onResponse', async (_request, reply) => {
    const code = codeOfAnswer(reply.raw)
    if (code !== undefined) context.metrics.errors.add(code)
  })
  const routes = addGate(app, context.access)
  fileRoutes(app, context)
  statusRoutes(app, parts)
  protocolRoutes(app, parts)
  rangesRoutes(app, parts)
  operatorRoutes(app, parts)
  volunteerRoutes(app, parts)
  swarmRoutes(app, parts)
  clientRoutes(app, parts)
  mirrorRoutes(app, parts)
  proofRoutes(app, parts)
  dashboardRoutes(app, parts)
  addShortWay(app, context)
  const { clock, logger } = context
  const answer: FrontParts['answer'] = (head, socket) => quickAnswer(context, head, socket)
  const { entrance } = options
  const quick = addFront(
    app.server,
    { answer, clock, logger, ...(entrance === undefined ? {} : { entrance }) },
    pair !== null,
  )
  app.addHook('preClose', async () => quick.close())
  return { app, quick, routes, tlsReloader: makeReloader(app, options, pair, context) }
}
