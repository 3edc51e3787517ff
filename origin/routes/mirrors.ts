// Lists of servers for package managers: "/-/mirrors/apt", "/-/mirrors/dnf" and the metalink of a
// repomd.xml. Which volunteers they name, and in which order, depends on the client.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { MirrorswarmError } from '../../core/errors.ts'
import type { RepoPath } from '../../core/ids.ts'
import { formerContentsMs, listedMirrors } from '../../core/mirror-limits.ts'
import { baseName, displayPath, parentPath, parseRequestPath } from '../../core/repo-path.ts'
import { callerOf, type RouteAccess, requirePath } from '../access/gate.ts'
import { type Exchange, makeExchange, type OriginContext, pinnedAskerOf } from '../context.ts'
import { originalTarget } from '../http.ts'
import { renderAptMirrors, renderDnfMirrors, type ServerList } from '../lists/mirror-lines.ts'
import { renderRpmMetalink, rpmMetalinkType } from '../lists/rpm-metalink.ts'
import { mayEnter } from '../logic/rights.ts'
import { formerContentsOf } from '../mirrors/former-contents.ts'

const config: { access: RouteAccess } = { access: 'paths' }

const notFound = (path: RepoPath): MirrorswarmError =>
  new MirrorswarmError('MS_PATH_NOT_FOUND', `there is no /${displayPath(path)}`)

/** A path as a query or the rest of a target has it, with or without slashes around it. */
const pathOf = (text: string): RepoPath => {
  const parsed = parseRequestPath(`/${text.replace(/^\/+/, '')}`)
  if (!parsed.ok) throw new MirrorswarmError('MS_PATH_INVALID', parsed.reason)
  return parsed.path
}

/**
 * The value of "path=" as it stands in the query: form decoding would undo the percent-encoding that
 * makes a path of bytes.
 */
const queriedPath = (exchange: Exchange): string =>
  /(?:^|&)path=([^&]*)/.exec(exchange.queryText)?.[1]?.replaceAll(/%2f/gi, '/') ?? ''

/** The folder behind the route's own part of the target, or that of "path=". */
const folderOf = (context: OriginContext, exchange: Exchange, route: string): RepoPath => {
  const rest = exchange.raw.slice(route.length)
  const folder = pathOf(rest.length > 1 ? rest : queriedPath(exchange))
  if (!mayEnter(exchange.rights, folder)) requirePath(exchange.rights, folder)
  const { latest } = context.resolver
  if (latest === null || folder === '') return folder
  if (context.resolver.resolve(folder, latest.number).kind !== 'directory') throw notFound(folder)
  return folder
}

const serversOf = (context: OriginContext, exchange: Exchange, folder: RepoPath): ServerList => ({
  baseUrl: exchange.base,
  folder,
  mirrors: context.redirector.nearest(exchange, listedMirrors),
})

const renderMetalinkOf = (context: OriginContext, exchange: Exchange): string => {
  const path = pathOf(queriedPath(exchange))
  requirePath(exchange.rights, path)
  const { resolver, clock } = context
  const { latest } = resolver
  const data = parentPath(path)
  // Other files have PATH.meta4; the servers of this one are those of the folder above repodata/.
  if (baseName(path) !== 'repomd.xml' || baseName(data) !== 'repodata') throw notFound(path)
  const found = latest === null ? null : resolver.resolve(path, latest.number)
  if (latest === null || found?.kind !== 'file') throw notFound(path)
  resolver.promise(pinnedAskerOf(exchange), path, latest.number, clock.nowMs())
  return renderRpmMetalink({
    ...serversOf(context, exchange, parentPath(data)),
    current: found.content,
    former: formerContentsOf(resolver, path, latest, clock.nowMs() - formerContentsMs),
  })
}

export interface MirrorRoutesParts {
  readonly context: OriginContext
}

export const mirrorRoutes = (app: FastifyInstance, { context }: MirrorRoutesParts): void => {
  const exchangeOf = (request: FastifyRequest, reply: FastifyReply): Exchange =>
    makeExchange(context, request.raw, reply.raw, originalTarget(request.raw), callerOf(request))
  const send = (reply: FastifyReply, type: string, text: string): FastifyReply => {
    context.metrics.count('list')
    return reply.header('cache-control', 'no-store').type(type).send(text)
  }
  for (const [route, render] of [
    ['/-/mirrors/apt', renderAptMirrors],
    ['/-/mirrors/dnf', renderDnfMirrors],
  ] as const) {
    // apt has no place for a query in its sources, so the folder may also stand in the path.
    for (const url of [route, `${route}/*`]) {
      app.get(url, { config }, async (request, reply) => {
        const exchange = exchangeOf(request, reply)
        const folder = folderOf(context, exchange, route)
        return send(reply, 'text/plain', render(serversOf(context, exchange, folder)))
      })
    }
  }
  app.get('/-/metalink/dnf', { config }, async (request, reply) =>
    send(reply, rpmMetalinkType, renderMetalinkOf(context, exchangeOf(request, reply))),
  )
}
