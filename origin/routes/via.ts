// "/-/via/NAME/PATH": to this volunteer if it can serve the file, else as usual. It is what lists
// name, since signed links expire and lists are kept.

import { MirrorswarmError } from '../../core/errors.ts'
import { isVolunteerName, type VolunteerName } from '../../core/ids.ts'
import { parseRequestPath } from '../../core/repo-path.ts'
import { requirePath } from '../access/gate.ts'
import type { Exchange, OriginContext } from '../context.ts'
import { mayRedirect, redirectRequestOf } from '../found-file.ts'
import { sendError } from '../http.ts'
import type { Outcome } from '../metrics.ts'
import { describedBy } from '../redirect-headers.ts'
import { answerPath, sendRedirect } from './files.ts'

const viaPattern = /^\/-\/via\/([^/]*)(\/.*)$/s

/** Send the client to exactly this volunteer; null when it cannot serve the file now. */
const redirectTo = (
  context: OriginContext,
  exchange: Exchange,
  name: VolunteerName,
  target: string,
): Outcome | null => {
  const parsed = parseRequestPath(target)
  const { latest } = context.resolver
  if (!parsed.ok || parsed.directory || latest === null) return null
  requirePath(exchange.rights, parsed.path)
  // Indexes depend on the client's update.
  if (context.isIndex(parsed.path)) return null
  const found = context.resolver.resolve(parsed.path, latest.number)
  if (found.kind !== 'file') return null
  const file = {
    path: parsed.path,
    realPath: found.path,
    content: found.content,
    snapshot: latest.number,
  }
  if (!mayRedirect(context, file, exchange.query.has('direct')).redirect) return null
  const request = redirectRequestOf(exchange, file)
  // Lists outlive the run that failed: the next one begins with the same volunteer.
  if (context.redirector.wasSentTo(request, name)) return null
  const location = context.redirector.linkIfAble(request, name)
  if (location === null) return null
  sendRedirect(exchange, file.content, location, describedBy(exchange.base, file.path))
  return 'redirect'
}

/** Answer any target below "/-/via/". */
export const answerVia = async (context: OriginContext, exchange: Exchange): Promise<Outcome> => {
  const [, name = '', target = ''] = viaPattern.exec(exchange.raw) ?? []
  if (!isVolunteerName(name) || target === '') {
    const error = new MirrorswarmError('MS_PATH_NOT_FOUND', 'use /-/via/VOLUNTEER/PATH')
    sendError(exchange.request, exchange.response, error)
    return 'not-found'
  }
  const isRead = exchange.request.method === 'GET' || exchange.request.method === 'HEAD'
  const redirected = isRead ? redirectTo(context, exchange, name, target) : null
  return redirected ?? answerPath(context, { ...exchange, raw: target })
}
