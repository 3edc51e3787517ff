// Serves the dashboard's pages below "/-/ui/". They hold no data, so everybody may have them; what they
// show is asked for by them.

import type { FastifyInstance, FastifyReply } from 'fastify'
import { type Asset, type PageSet, readAssets } from './assets.ts'

/** Nothing but our own scripts runs, and nothing is fetched from or sent to elsewhere. */
export const securityHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const

const send = (reply: FastifyReply, asset: Asset, ifNoneMatch: string | undefined): FastifyReply => {
  reply.headers({ ...securityHeaders, etag: asset.etag, 'cache-control': 'no-cache' })
  if (ifNoneMatch === asset.etag) return reply.code(304).send()
  return reply.type(asset.type).send(asset.bytes)
}

/** Add the routes; `config` is that of each route. */
export const assetRoutes = (app: FastifyInstance, pages: PageSet, config: object = {}): void => {
  // Made when somebody first looks: most daemons run for weeks without.
  let assets: ReadonlyMap<string, Asset> | null = null
  app.get('/-/ui', { config }, (_request, reply) => reply.redirect('./ui/', 308))
  app.get<{ Params: { '*': string } }>('/-/ui/*', { config }, (request, reply) => {
    assets ??= readAssets(pages)
    const asset = assets.get(request.params['*'])
    if (asset === undefined) {
      return reply.code(404).headers(securityHeaders).type('text/plain').send('no such page\n')
    }
    return send(reply, asset, request.headers['if-none-match'])
  })
}
