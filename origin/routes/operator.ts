// What the operator asks over HTTP: publish, tokens, volunteers, explanations. Commands use the
// same when the origin runs.

import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import type { Clock } from '../../core/clock.ts'
import { MirrorswarmError } from '../../core/errors.ts'
import { operatorBodyBytes } from '../../core/limits.ts'
import { parseRequestPath } from '../../core/repo-path.ts'
import { volunteerNetworks } from '../../core/selection-limits.ts'
import { defaultKeepMs, leastKeepMs } from '../../core/update-limits.ts'
import type { VolunteerView } from '../../tracker/logic/views.ts'
import { messageParser, networkSchema, volunteerNameSchema } from '../../tracker/messages.ts'
import type { Tracker } from '../../tracker/tracker.ts'
import { callerOf, type RouteAccess, requirePath } from '../access/gate.ts'
import type { Authority } from '../authority.ts'
import { makeExchange, type OriginContext } from '../context.ts'
import { addMirror } from '../foreign/foreign-mirrors.ts'
import type { HeadKeeper } from '../head-keeper.ts'
import { jsonOf, originalTarget, takeOver } from '../http.ts'
import type { Publisher } from '../publisher.ts'
import type { TokenStore } from '../token-store.ts'
import type { Upstream } from '../upstream.ts'
import { explain, sendExplanation } from './file-lists.ts'

export interface OperatorRoutesParts {
  readonly context: OriginContext
  readonly authority: Authority
  readonly publisher: Publisher
  /** Publishes instead, after a pull, where there is an upstream. */
  readonly upstream: Upstream | null
  readonly heads: HeadKeeper
  readonly tokens: TokenStore
  readonly tracker: Tracker
  readonly clock: Clock
  /** Mirrors on loopback addresses are good only where the origin itself is on one. */
  readonly allowLoopback: boolean
}

const operatorOnly: { access: RouteAccess } = { access: 'self' }
const anyClient: { access: RouteAccess } = { access: 'client' }

const count = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })

const parsePublish = messageParser(
  Type.Object({ allowShrink: Type.Optional(Type.Boolean()) }),
  'publish',
  'MS_REQUEST_INVALID',
)

const parseToken = messageParser(
  Type.Object({
    uses: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    /** Milliseconds since 1970. */
    expiresMs: count,
    trust: Type.Optional(Type.Union([Type.Literal('full'), Type.Literal('signed-only')])),
  }),
  'token',
  'MS_REQUEST_INVALID',
)

const parseAction = messageParser(
  Type.Object({
    action: Type.Optional(
      Type.Union([
        Type.Literal('enable'),
        Type.Literal('disable'),
        Type.Literal('drain'),
        Type.Literal('undrain'),
        Type.Literal('remove'),
      ]),
    ),
    weight: Type.Optional(Type.Number({ minimum: 0, maximum: 1000 })),
    trust: Type.Optional(Type.Union([Type.Literal('full'), Type.Literal('signed-only')])),
    site: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    networks: Type.Optional(Type.Array(networkSchema, { maxItems: volunteerNetworks })),
  }),
  'volunteer',
  'MS_REQUEST_INVALID',
)

const parseMirror = messageParser(
  Type.Object({
    name: volunteerNameSchema,
    mirror: Type.String({ minLength: 1, maxLength: 1024 }),
    capacityBytesPerSecond: Type.Optional(Type.Union([count, Type.Null()])),
    allowOpen: Type.Optional(Type.Boolean()),
  }),
  'mirror',
  'MS_REQUEST_INVALID',
)

const changes = {
  enable: { disabled: false },
  disable: { disabled: true },
  drain: { drain: true },
  undrain: { drain: false },
} as const

export type VolunteerAction = keyof typeof changes

/** What an operator's action changes at a volunteer; commands use it too. */
export const changeOf = (action: VolunteerAction) => changes[action]

const publishRoutes = (app: FastifyInstance, parts: OperatorRoutesParts): void => {
  const { authority, tokens, clock } = parts
  const publisher = parts.upstream ?? parts.publisher

  app.post(
    '/-/v1/publish',
    { bodyLimit: operatorBodyBytes, config: operatorOnly },
    async (request, reply) => {
      authority.requireOperator(request.raw)
      const { allowShrink = false } = parsePublish(jsonOf(request))
      return reply.send(await publisher.publish({ allowShrink }))
    },
  )

  app.get('/-/v1/publish', { config: operatorOnly }, async (request, reply) => {
    authority.requireOperator(request.raw)
    return reply.header('cache-control', 'no-store').send(publisher.status)
  })

  app.post(
    '/-/v1/tokens',
    { bodyLimit: operatorBodyBytes, config: operatorOnly },
    async (request, reply) => {
      authority.requireOperator(request.raw)
      const { uses = 1, expiresMs, trust = 'full' } = parseToken(jsonOf(request))
      return reply.code(201).send(tokens.create({ uses, expiresMs, trust }, clock.nowMs()))
    },
  )
}

const parsePrune = messageParser(
  Type.Object({ keepMs: Type.Optional(Type.Integer({ minimum: 0 })) }),
  'prune',
  'MS_REQUEST_INVALID',
)

const pruneRoute = (app: FastifyInstance, parts: OperatorRoutesParts): void => {
  const { authority, publisher, clock, context, heads } = parts
  app.post(
    '/-/v1/prune',
    { bodyLimit: operatorBodyBytes, config: operatorOnly },
    async (request, reply) => {
      authority.requireOperator(request.raw)
      const { keepMs = defaultKeepMs } = parsePrune(jsonOf(request))
      const keptMs = Math.max(keepMs, context.grace.ms, leastKeepMs)
      const result = await publisher.prune(clock.nowMs() - keptMs)
      heads.refresh()
      return reply.send({ ...result, keptMs })
    },
  )
}

const volunteerRoutes = (app: FastifyInstance, parts: OperatorRoutesParts): void => {
  const { authority, tracker } = parts

  const viewOf = (name: string) => {
    const view = tracker.volunteers().find(volunteer => volunteer.name === name)
    if (view !== undefined) return view
    throw new MirrorswarmError('MS_PATH_NOT_FOUND', `there is no volunteer called ${name}`)
  }

  /** Which networks a department has is for the operator. */
  const shown = (request: IncomingMessage, views: readonly VolunteerView[]): VolunteerView[] =>
    authority.isOperator(request)
      ? [...views]
      : views.map(view => ({ ...view, networks: [], askedNetworks: [] }))

  app.get('/-/v1/volunteers', { config: anyClient }, async (request, reply) =>
    reply
      .header('cache-control', 'no-store')
      .send({ volunteers: shown(request.raw, tracker.volunteers()) }),
  )

  app.post(
    '/-/v1/volunteers',
    { bodyLimit: operatorBodyBytes, config: operatorOnly },
    async (request, reply) => {
      authority.requireOperator(request.raw)
      const { name, mirror: url, ...rest } = parseMirror(jsonOf(request))
      const { capacityBytesPerSecond = null, allowOpen = false } = rest
      const wanted = { name, url, capacityBytesPerSecond, allowOpen }
      const { allowLoopback, context } = parts
      const ownUrl = context.publicUrl
      await addMirror(tracker, wanted, parts.clock.nowMs(), { allowLoopback, ownUrl })
      return reply.code(201).send(viewOf(name))
    },
  )

  app.get<{ Params: { name: string } }>(
    '/-/v1/volunteers/:name',
    { config: anyClient },
    async (request, reply) =>
      reply
        .header('cache-control', 'no-store')
        .send(shown(request.raw, [viewOf(request.params.name)])[0]),
  )

  app.post<{ Params: { name: string } }>(
    '/-/v1/volunteers/:name',
    { bodyLimit: operatorBodyBytes, config: operatorOnly },
    async (request, reply) => {
      authority.requireOperator(request.raw)
      const { name } = request.params
      const { action, ...settings } = parseAction(jsonOf(request))
      const known = viewOf(name).name
      if (action === 'remove') {
        await tracker.remove(known)
        return reply.send({ removed: known })
      }
      await tracker.setOwner(known, { ...settings, ...(action ? changeOf(action) : {}) })
      return reply.send(viewOf(name))
    },
  )
}

/** "path=" as it stood on the request line: names are bytes, so it is decoded as paths are. */
const pathParameter = (queryText: string): string =>
  (/(?:^|&)path=([^&]*)/.exec(queryText)?.[1] ?? '').replace(/%2f/gi, '/')

const explainRoute = (app: FastifyInstance, parts: OperatorRoutesParts): void => {
  const { context, authority } = parts
  app.get('/-/v1/explain', { config: { access: 'paths' } }, (request, reply) => {
    const exchange = makeExchange(
      context,
      request.raw,
      reply.raw,
      originalTarget(request.raw),
      callerOf(request),
    )
    const from = exchange.query.get('from')
    if (from !== null) authority.requireOperator(request.raw)
    const parsed = parseRequestPath(pathParameter(exchange.queryText))
    if (!parsed.ok) throw new MirrorswarmError('MS_PATH_INVALID', parsed.reason)
    requirePath(exchange.rights, parsed.path)
    const file = context.resolver.findAny(parsed.path, context.clock.nowMs() - context.grace.ms)
    if (file === null) throw new MirrorswarmError('MS_PATH_NOT_FOUND', 'there is no such file')
    takeOver(request, reply, context.logger, async () =>
      sendExplanation(exchange, explain(context, exchange, file, from)),
    )
  })
}

export const operatorRoutes = (app: FastifyInstance, parts: OperatorRoutesParts): void => {
  publishRoutes(app, parts)
  pruneRoute(app, parts)
  volunteerRoutes(app, parts)
  explainRoute(app, parts)
}
