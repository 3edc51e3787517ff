// "/-/v1/proof": the origin's signed word for one file, for clients that check what they downloaded
// (`mirrorswarm fetch`).

import type { FastifyInstance } from 'fastify'
import { MirrorswarmError } from '../../core/errors.ts'
import { headLifetimeMs } from '../../core/limits.ts'
import { displayPath, parseRequestPath } from '../../core/repo-path.ts'
import { signFileProof } from '../../manifest/file-proof.ts'
import { callerOf, type RouteAccess, requirePath } from '../access/gate.ts'
import { makeExchange, type OriginContext } from '../context.ts'
import type { HeadKeeper } from '../head-keeper.ts'
import { originalTarget } from '../http.ts'

export interface ProofRoutesParts {
  readonly context: OriginContext
  readonly heads: HeadKeeper
}

const config: { access: RouteAccess } = { access: 'paths' }

export const proofRoutes = (app: FastifyInstance, { context, heads }: ProofRoutesParts): void => {
  const { resolver, clock, listKeys } = context
  app.get('/-/v1/proof', { config }, async (request, reply) => {
    const target = originalTarget(request.raw)
    const exchange = makeExchange(context, request.raw, reply.raw, target, callerOf(request))
    // As it stands: form decoding would undo the percent-encoding of a path of bytes.
    const text = /(?:^|&)path=([^&]*)/.exec(exchange.queryText)?.[1] ?? ''
    const parsed = parseRequestPath(text)
    if (!parsed.ok) throw new MirrorswarmError('MS_PATH_INVALID', parsed.reason)
    const { path } = parsed
    requirePath(exchange.rights, path)
    const { latest, reader } = resolver
    const identity = reader.identity()
    if (latest === null || identity === null) {
      throw new MirrorswarmError('MS_NOT_READY', 'there is no snapshot yet')
    }
    const found = resolver.resolve(path, latest.number)
    if (found.kind !== 'file') {
      throw new MirrorswarmError('MS_PATH_NOT_FOUND', `there is no file ${displayPath(path)}`)
    }
    const { sha256, sizeBytes } = found.content
    const expiresMs = clock.nowMs() + headLifetimeMs
    const claim = { ...identity, snapshot: latest.number, path, sha256, sizeBytes, expiresMs }
    return reply
      .header('cache-control', 'no-store')
      .type('application/json')
      .send(signFileProof(claim, listKeys, heads.vouch()))
  })
}
