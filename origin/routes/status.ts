// How the origin is: for load balancers, monitoring and people.

import type { FastifyInstance } from 'fastify'
import type { RouteAccess } from '../access/gate.ts'
import type { Metrics } from '../metrics.ts'
import type { Resolver } from '../resolver.ts'

export interface StatusRoutesParts {
  readonly metrics: Metrics
  readonly resolver: Resolver
}

/** Monitoring has no credentials, and paths do not show in numbers. */
const config: { access: RouteAccess } = { access: 'everybody' }

export const statusRoutes = (app: FastifyInstance, parts: StatusRoutesParts): void => {
  /** Alive: answers at all. */
  app.get('/-/health', { config }, async (_request, reply) => reply.type('text/plain').send('ok\n'))

  /** Ready: has a snapshot, so that it can redirect. */
  app.get('/-/ready', { config }, async (_request, reply) => {
    const { latest } = parts.resolver
    return reply
      .code(latest === null ? 503 : 200)
      .header('cache-control', 'no-store')
      .send({ ready: latest !== null, snapshot: latest?.number ?? null })
  })

  app.get('/-/metrics', { config }, async (_request, reply) =>
    reply.type(parts.metrics.contentType).send(await parts.metrics.render()),
  )
}
