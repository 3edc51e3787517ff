// What volunteers ask: enrolment and the announce. Bodies come as bytes, since signatures cover the
// bytes as sent.

import type { FastifyInstance } from 'fastify'
import { MirrorswarmError } from '../../core/errors.ts'
import { announceBodyBytes, operatorBodyBytes } from '../../core/limits.ts'
import { decodeAnnounce } from '../../tracker/announce-body.ts'
import type { Tracker } from '../../tracker/tracker.ts'
import type { RouteAccess } from '../access/gate.ts'
import type { Authority } from '../authority.ts'
import type { OriginContext } from '../context.ts'
import type { Enrolment } from '../enrolment.ts'
import { GoneBack } from '../gone-back.ts'
import { bytesOf, jsonOf } from '../http.ts'
import type { Reachability } from '../reachability.ts'

export interface VolunteerRoutesParts {
  readonly context: OriginContext
  readonly tracker: Tracker
  readonly authority: Authority
  readonly enrolment: Enrolment
  readonly reachability: Reachability
}

/** By a token, and by signatures over the bodies. */
const config: { access: RouteAccess } = { access: 'self' }

export const volunteerRoutes = (app: FastifyInstance, parts: VolunteerRoutesParts): void => {
  const { context, tracker, authority, enrolment, reachability } = parts
  const { resolver, clock, logger } = context
  const own = () => {
    const identity = resolver.reader.identity()
    return identity === null ? null : { ...identity, snapshot: resolver.latest?.number ?? 0 }
  }
  const goneBack = new GoneBack({ own, clock, logger })

  app.post('/-/v1/enroll', { bodyLimit: operatorBodyBytes, config }, async (request, reply) => {
    const body = bytesOf(request)
    const answer = await enrolment.enrol(jsonOf(request), key =>
      authority.isNewestSignedBy(request.raw, key, body),
    )
    return reply.code(201).send(answer)
  })

  app.post('/-/v1/announce', { bodyLimit: announceBodyBytes, config }, async (request, reply) => {
    const body = bytesOf(request)
    const volunteer = authority.requireVolunteer(request.raw, body)
    const announce = await decodeAnnounce(body, request.headers['content-encoding'])
    reachability.heard(volunteer.name)
    goneBack.heard(volunteer.name, announce.manifest)
    const gone = new AbortController()
    const onClose = (): void => gone.abort(new MirrorswarmError('MS_REMOTE_UNREACHABLE', 'gone'))
    // It may have closed while the body was read.
    if (request.raw.socket.destroyed) onClose()
    request.raw.socket.once('close', onClose)
    try {
      return reply.send(await tracker.announce(volunteer, announce, { signal: gone.signal }))
    } finally {
      request.raw.socket.off('close', onClose)
    }
  })
}
