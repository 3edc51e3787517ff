// The usual request on the shortest way: GET or HEAD of a file that a volunteer can serve, without
// conditions, ranges or questions. It decides nothing by itself that the routes would not decide, and
// leaves to them whatever is not usual, before anything was answered or remembered.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from './access/access.ts'
import { baseOf, type OriginContext } from './context.ts'
import type { HotFile } from './hot-files.ts'
import { mayRead } from './logic/rights.ts'
import { sendRedirectHead } from './raw-head.ts'
import { linkHeader } from './redirect-headers.ts'
import type { RedirectRequest } from './redirector.ts'

/** What the routes have to look at. */
const isUsual = ({ headers }: IncomingMessage): boolean =>
  headers.range === undefined &&
  headers['if-none-match'] === undefined &&
  headers['if-modified-since'] === undefined &&
  headers['if-match'] === undefined &&
  headers['if-unmodified-since'] === undefined &&
  headers['transfer-encoding'] === undefined &&
  headers['content-length'] === undefined

const redirect = (
  context: OriginContext,
  request: IncomingMessage,
  response: ServerResponse,
  file: HotFile,
  caller: Caller,
): boolean => {
  const { clock, redirector, metrics } = context
  const startMs = clock.monotonicMs()
  const https = context.https || caller.https === true
  const wanted: RedirectRequest = {
    client: caller.client,
    address: caller.address === '' ? null : caller.address,
    https,
    path: file.path,
    content: file.content,
    range: undefined,
  }
  const decision = redirector.decide(wanted)
  // One that comes back is looked after by the routes.
  if (decision.serveHere || decision.tried.length > 0) return false
  if (request.method === 'GET') {
    redirector.record(wanted, decision)
    context.onRequest(file.content.number)
  }
  metrics.decided((clock.monotonicMs() - startMs) / 1000)
  const link = linkHeader(baseOf(context, request, https), file.path, decision.duplicates)
  sendRedirectHead(response, clock.nowMs(), file.head, { location: decision.location, link })
  metrics.count('redirect')
  return true
}

/** Answer the request if it is a usual one; false when nothing was done and the routes have to. */
export const answerQuickly = (
  context: OriginContext,
  request: IncomingMessage,
  response: ServerResponse,
): boolean => {
  const { method, url } = request
  if (url === undefined || (method !== 'GET' && method !== 'HEAD')) return false
  const file = context.hotFiles.find(url)
  if (file === null || !isUsual(request)) return false
  const access = context.access.check(request)
  if (access instanceof Promise || !access.ok) {
    context.access.remember(request, access)
    return false
  }
  const { caller } = access
  if (mayRead(caller.rights, file.path) && redirect(context, request, response, file, caller)) {
    return true
  }
  context.access.remember(request, access)
  return false
}
