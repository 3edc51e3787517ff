// The tracker of ordinary BitTorrent clients, which hands out volunteers as peers.

import type { FastifyInstance } from 'fastify'
import type { StockTracker } from '../../tracker/stock.ts'

export interface SwarmRoutesParts {
  readonly stock: StockTracker
}

export const swarmRoutes = (app: FastifyInstance, parts: SwarmRoutesParts): void => {
  for (const action of ['announce', 'scrape'] as const) {
    app.get(`/-/${action}`, { exposeHeadRoute: false }, (request, reply) => {
      reply.hijack()
      parts.stock.handle(request.raw, reply.raw, action)
    })
  }
}
