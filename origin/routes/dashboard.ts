// The dashboard over HTTP: its pages, the picture of the network, and the stream of what happens. Who
// may watch is the operator's choice; redirects and addresses are the operator's alone.

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { MirrorswarmError } from '../../core/errors.ts'
import { assetRoutes } from '../../dashboard/asset-routes.ts'
import { packagePath } from '../../dashboard/logic/enrolment-lines.ts'
import { originPages } from '../../dashboard/pages/origin-pages.ts'
import { callerOf, type RouteAccess } from '../access/gate.ts'
import type { Authority } from '../authority.ts'
import { baseOf, type OriginContext } from '../context.ts'
import type { Dashboard } from '../dashboard/dashboard.ts'
import { takeOver } from '../http.ts'
import type { PackageOffer } from '../package-offer.ts'

/** Who may watch. */
export interface Audience {
  /** Whoever may read anything; else the operator alone. */
  readonly publicDashboard: boolean
  /** Clients need credentials, which may be bearer tokens too. */
  readonly requireClients: boolean
}

export interface DashboardRoutesParts {
  readonly context: OriginContext
  readonly authority: Authority
  readonly dashboard: Dashboard
  readonly audience: Audience
  readonly offer: PackageOffer
}

/** The pages say nothing by themselves. */
const everybody: { access: RouteAccess } = { access: 'everybody' }

/** The number behind which to go on: of the header, or of "?after=" for those who cannot set it. */
const afterOf = (request: FastifyRequest): number | null => {
  const { after } = request.query as { readonly after?: unknown }
  const text = request.headers['last-event-id'] ?? after
  if (text === undefined || text === '') return null
  const number = typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : -1
  if (number >= 0) return number
  throw new MirrorswarmError('MS_REQUEST_INVALID', 'Last-Event-ID is a number')
}

export const dashboardRoutes = (app: FastifyInstance, parts: DashboardRoutesParts): void => {
  const { context, authority, dashboard, offer } = parts
  const { publicDashboard, requireClients } = parts.audience
  const config: { access: RouteAccess } = { access: publicDashboard ? 'client' : 'self' }

  assetRoutes(app, originPages, everybody)

  // The program is no secret, and who enrols has no credentials yet.
  app.get(packagePath, { config: everybody }, (request, reply) => {
    const { current } = offer
    if (current === null) {
      throw new MirrorswarmError('MS_PATH_NOT_FOUND', 'this origin offers no package (--package)')
    }
    reply.headers({ etag: current.etag, 'cache-control': 'no-cache' })
    if (request.headers['if-none-match'] === current.etag) return reply.code(304).send()
    return reply.type('application/gzip').send(current.bytes)
  })

  /** Throws MS_AUTH_REQUIRED or MS_AUTH_REFUSED. */
  const viewerOf = (request: FastifyRequest) => {
    const { raw } = request
    const operator = authority.isOperator(raw)
    // Who shows a wrong token is to know, not to watch as somebody else.
    const wrong = !operator && !requireClients && raw.headers.authorization !== undefined
    if (!publicDashboard || wrong) authority.requireOperator(raw)
    const { address, https, rights } = callerOf(request)
    const full = operator || rights.prefixes === null
    return { address, operator, full, url: baseOf(context, raw, context.https || https === true) }
  }

  app.get('/-/v1/overview', { config }, async (request, reply) =>
    reply.header('cache-control', 'no-store').send(dashboard.overview(viewerOf(request))),
  )

  app.get('/-/events', { config, exposeHeadRoute: false }, (request, reply) => {
    const { address, operator, full, url } = viewerOf(request)
    const after = afterOf(request)
    takeOver(request, reply, context.logger, () =>
      dashboard.watch(reply.raw, { address, operator, full }, { url, after }),
    )
  })

  app.addHook('preClose', async () => dashboard.stop())
}
