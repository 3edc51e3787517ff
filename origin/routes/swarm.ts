// The tracker of ordinary BitTorrent clients, which hands out volunteers as peers.

import type { FastifyInstance } from 'fastify'
import type { StockDesk } from '../stock-desk.ts'

export interface SwarmRoutesParts {
  readonly stock: StockDesk
}

export const swarmRoutes = (app: FastifyInstance, parts: SwarmRoutesParts): void => {
  for (const action of ['announce', 'scrape'] as const) {
    app.get(`/-/${action}`, { exposeHeadRoute: false }, async (request, reply) => {
      reply.hijack()
      await parts.stock.handle(request.raw, reply.raw, action)
    })
  }
}
