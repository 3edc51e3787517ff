// What volunteers and replicas read: the signed head, which parts bring them from one snapshot to
// another, and contents by hash: immutable, so from anyone.

import { gzipSync } from 'node:zlib'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { MirrorswarmError } from '../../core/errors.ts'
import { isSha256, type Sha256 } from '../../core/ids.ts'
import { snapshotsListed } from '../../core/update-limits.ts'
import { defaultContentType } from '../../delivery/content-type.ts'
import { respond } from '../../delivery/logic/respond.ts'
import { acceptsEncoding } from '../../delivery/send-stream.ts'
import type { VolunteerRecord } from '../../tracker/events.ts'
import { mayReadContent } from '../access/contents.ts'
import { callerOf, type RouteAccess, requireEverything } from '../access/gate.ts'
import { openObject } from '../bodies.ts'
import { type Exchange, makeExchange, type OriginContext } from '../context.ts'
import type { HeadKeeper } from '../head-keeper.ts'
import { originalTarget, takeOver } from '../http.ts'
import { isBodiless, sendBodiless, serveBody, serveContent } from '../serve-content.ts'

export interface ProtocolRoutesParts {
  readonly context: OriginContext
  readonly heads: HeadKeeper
}

const notReady = (): MirrorswarmError =>
  new MirrorswarmError('MS_NOT_READY', 'there is no snapshot yet')

const snapshotParameter = (text: string | null, otherwise: number): number => {
  if (text === null) return otherwise
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new MirrorswarmError('MS_REQUEST_INVALID', 'from, to and after are numbers of snapshots')
}

/** An object of the data folder; false when there is none of that name. */
const sendObject = async (
  context: OriginContext,
  exchange: Exchange,
  sha256: Sha256,
  kind: 'client' | 'sync',
): Promise<boolean> => {
  const sizeBytes = await context.objects.sizeOf(sha256)
  if (sizeBytes === null) return false
  const decision = respond(exchange.method, exchange.request.headers, {
    sha256,
    sizeBytes,
    modifiedSeconds: 0,
    contentType: defaultContentType,
  })
  const body = await openObject(context.objects.file(sha256), sizeBytes)
  if (body === null) return false
  exchange.response.setHeader('cache-control', 'public, max-age=31536000, immutable')
  await serveBody(context, exchange, decision, body, kind)
  return true
}

const sendByHash = async (
  context: OriginContext,
  exchange: Exchange,
  sha256: Sha256,
  volunteer: VolunteerRecord | null,
): Promise<void> => {
  const kind = volunteer === null ? 'client' : 'sync'
  const { latest, reader } = context.resolver
  const content = reader.contentByHash(sha256)
  // Objects describe the whole repository, and so must nothing tell whether there is one.
  if (content === null || !mayReadContent(context, exchange.rights, content.number)) {
    requireEverything(exchange.rights, sha256)
  }
  if (await sendObject(context, exchange, sha256, kind)) return
  if (latest === null || content === null) {
    throw new MirrorswarmError('MS_CONTENT_NOT_HELD', `the origin does not know ${sha256}`)
  }
  const decision = respond(exchange.method, exchange.request.headers, {
    sha256,
    sizeBytes: content.sizeBytes,
    modifiedSeconds: content.modifiedSeconds,
    contentType: defaultContentType,
  })
  if (isBodiless(decision)) return sendBodiless(exchange, decision)
  await serveContent(context, exchange, decision, {
    content,
    path: null,
    snapshot: latest.number,
    admission: volunteer === null ? 'ordinary' : 'sync',
    headers: {},
  })
}

/** What the whole repository is described by. */
const config: { access: RouteAccess } = { access: 'everything' }

export const protocolRoutes = (app: FastifyInstance, parts: ProtocolRoutesParts): void => {
  const { context, heads } = parts
  const { resolver } = context

  app.get('/-/v1/head', { config }, async (request, reply) => {
    const text = heads.current()
    if (text === null) throw new MirrorswarmError('MS_PATH_NOT_FOUND', 'nothing is published yet')
    reply.header('cache-control', 'no-cache').header('vary', 'accept-encoding')
    reply.type('application/json')
    // Half of it is hexadecimal, and every volunteer reads it at every snapshot.
    if (!acceptsEncoding(request.headers['accept-encoding'], 'gzip')) return reply.send(text)
    return reply.header('content-encoding', 'gzip').send(gzipSync(text))
  })

  app.get('/-/v1/snapshots', { config }, async (request, reply) => {
    const query = new URLSearchParams(/\?(.*)$/.exec(request.raw.url ?? '')?.[1])
    const after = snapshotParameter(query.get('after'), 0)
    const snapshots = resolver.reader.snapshots(after, snapshotsListed)
    const next = snapshots.length < snapshotsListed ? null : (snapshots.at(-1)?.number ?? null)
    return reply
      .header('cache-control', 'no-cache')
      .send({ ...resolver.reader.identity(), snapshots, next })
  })

  app.get('/-/v1/manifest', { config }, async (request: FastifyRequest, reply) => {
    const { query } = makeExchange(
      context,
      request.raw,
      reply.raw,
      originalTarget(request.raw),
      callerOf(request),
    )
    const { latest } = resolver
    if (latest === null) throw notReady()
    const from = snapshotParameter(query.get('from'), 0)
    const to = snapshotParameter(query.get('to'), latest.number)
    return reply.header('cache-control', 'no-cache').send(heads.partsBetween(from, to))
  })

  app.get<{ Params: { sha256: string } }>(
    '/-/v1/contents/:sha256',
    { config: { access: 'paths' } },
    (request, reply) => {
      const { sha256 } = request.params
      if (!isSha256(sha256)) throw new MirrorswarmError('MS_REQUEST_INVALID', 'not a SHA-256')
      const caller = callerOf(request)
      const volunteer = caller.volunteer ?? context.authority.volunteerOf(request.raw)
      const exchange = makeExchange(
        context,
        request.raw,
        reply.raw,
        originalTarget(request.raw),
        caller,
      )
      takeOver(request, reply, context.logger, () =>
        sendByHash(context, exchange, sha256, volunteer),
      )
    },
  )
}
