// The tracker of ordinary BitTorrent clients, which hands out volunteers as peers.

import type { FastifyInstance } from 'fastify'
import { MirrorswarmError } from '../../core/errors.ts'
import { mayAnnounce } from '../access/contents.ts'
import { callerOf } from '../access/gate.ts'
import type { OriginContext } from '../context.ts'
import { originalTarget } from '../http.ts'
import type { StockDesk } from '../stock-desk.ts'

export interface SwarmRoutesParts {
  readonly context: OriginContext
  readonly stock: StockDesk
}

export const swarmRoutes = (app: FastifyInstance, parts: SwarmRoutesParts): void => {
  for (const action of ['announce', 'scrape'] as const) {
    const options = { exposeHeadRoute: false, config: { access: 'paths' as const } }
    app.get(`/-/${action}`, options, async (request, reply) => {
      const { rights, address } = callerOf(request)
      const [, query = ''] = originalTarget(request.raw).split('?', 2)
      if (!mayAnnounce(parts.context, rights, query)) {
        throw new MirrorswarmError('MS_PATH_FORBIDDEN', 'that torrent has what you may not read')
      }
      reply.hijack()
      await parts.stock.handle(request.raw, reply.raw, action, address)
    })
  }
}
