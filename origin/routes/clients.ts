// What the operator asks about clients over HTTP: who may read, what, and how that is known.

import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { clientRules, clientSecretCharacters } from '../../core/access-limits.ts'
import type { Clock } from '../../core/clock.ts'
import { MirrorswarmError } from '../../core/errors.ts'
import { operatorBodyBytes } from '../../core/limits.ts'
import { messageParser } from '../../tracker/messages.ts'
import type { ClientStore } from '../access/client-store.ts'
import type { RouteAccess } from '../access/gate.ts'
import type { Authority } from '../authority.ts'
import { jsonOf } from '../http.ts'

export interface ClientRoutesParts {
  readonly authority: Authority
  readonly clients: ClientStore
  readonly clock: Clock
  readonly audience: {
    /** Clients need credentials at all. */
    readonly requireClients: boolean
  }
}

const rules = Type.Array(Type.String({ maxLength: 4096 }), { maxItems: clientRules })

const parseNewClient = messageParser(
  Type.Object({
    name: Type.String({ maxLength: 63 }),
    paths: Type.Optional(rules),
    networks: Type.Optional(rules),
    password: Type.Optional(Type.String({ maxLength: clientSecretCharacters })),
  }),
  'client',
  'MS_REQUEST_INVALID',
)

const parseRevoke = messageParser(
  Type.Object({ action: Type.Literal('revoke') }),
  'client',
  'MS_REQUEST_INVALID',
)

/** Nothing but the operator's token opens these. */
const config: { access: RouteAccess } = { access: 'self' }

export const clientRoutes = (app: FastifyInstance, parts: ClientRoutesParts): void => {
  const { authority, clients, clock, audience } = parts
  const options = { config, bodyLimit: operatorBodyBytes }

  app.get('/-/v1/clients', { config }, async (request, reply) => {
    authority.requireOperator(request.raw)
    const required = audience.requireClients
    return reply.header('cache-control', 'no-store').send({ required, clients: clients.list() })
  })

  app.post('/-/v1/clients', options, async (request, reply) => {
    authority.requireOperator(request.raw)
    const asked = parseNewClient(jsonOf(request))
    const { name, paths = [], networks = [], password = null } = asked
    const made = await clients.add({ name, paths, networks, password }, clock.nowMs())
    return reply.code(201).header('cache-control', 'no-store').send(made)
  })

  app.post<{ Params: { name: string } }>('/-/v1/clients/:name', options, async (request, reply) => {
    authority.requireOperator(request.raw)
    parseRevoke(jsonOf(request))
    const { name } = request.params
    if (clients.revoke(name)) return reply.send({ revoked: name })
    throw new MirrorswarmError('MS_PATH_NOT_FOUND', `there is no client called ${name}`)
  })
}
