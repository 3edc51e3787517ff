// Asks access.ts for every request, and holds each route under "/-/" to what it says of itself: who
// may use it. A route that says nothing is for those who may read everything.

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { MirrorswarmError } from '../../core/errors.ts'
import type { RepoPath } from '../../core/ids.ts'
import { displayPath } from '../../core/repo-path.ts'
import { mayRead, type Rights } from '../logic/rights.ts'
import type { Access, Caller } from './access.ts'

/**
 * everybody: nothing of the repository shows · self: the route itself asks for the operator, a
 * volunteer or a token · client: any known client · everything: a client with rights to all paths ·
 * paths: the route asks for each path it speaks of
 */
export type RouteAccess = 'everybody' | 'self' | 'client' | 'everything' | 'paths'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Missing: everything. */
    access?: RouteAccess
  }
  interface FastifyRequest {
    /** Set for routes of the kinds client, everything and paths. */
    caller: Caller | null
  }
}

const forbidden = (what: string): MirrorswarmError =>
  new MirrorswarmError('MS_PATH_FORBIDDEN', `${what} is not among what you may read`)

/** Throws MS_PATH_FORBIDDEN, whether there is such a path or not. */
export const requirePath = (rights: Rights, path: RepoPath): void => {
  if (!mayRead(rights, path)) throw forbidden(`/${displayPath(path)}`)
}

/** Throws MS_PATH_FORBIDDEN unless everything may be read. */
export const requireEverything = (rights: Rights, what: string): void => {
  if (rights.prefixes !== null) throw forbidden(what)
}

/** For handlers behind the gate. */
export const callerOf = (request: FastifyRequest): Caller => {
  if (request.caller !== null) return request.caller
  throw new MirrorswarmError('MS_INTERNAL', 'a route was reached past the gate')
}

export interface GatedRoute {
  readonly method: string
  readonly url: string
  /** Null: it says nothing. */
  readonly access: RouteAccess | null
}

/**
 * Put the gate in front of every route that is registered behind this call. Returns the list of
 * them, which grows as they are registered.
 */
export const addGate = (app: FastifyInstance, access: Access): readonly GatedRoute[] => {
  const routes: GatedRoute[] = []
  app.addHook('onRoute', ({ method, url, config }) => {
    for (const each of [method].flat()) {
      routes.push({ method: each, url, access: config?.access ?? null })
    }
  })
  app.decorateRequest('caller', null)
  app.addHook('onRequest', async (request, reply) => {
    const kind = request.is404 ? 'self' : (request.routeOptions.config.access ?? 'everything')
    if (kind === 'everybody') return
    const decision = kind === 'self' ? access.meter(request.raw) : await access.check(request.raw)
    if (!decision.ok) {
      reply.headers(decision.headers)
      throw decision.error
    }
    const { rights } = decision.caller
    if (kind === 'everything') requireEverything(rights, 'the whole repository')
    request.caller = decision.caller
  })
  return routes
}
