// The usual request on the shortest way: GET or HEAD of a file that a volunteer can serve, without
// conditions, ranges or questions. It decides nothing by itself that the routes would not decide, and
// leaves to them whatever is not usual, before anything was answered or remembered.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { QuickHead } from '../delivery/logic/quick-head.ts'
import type { FrontEnds } from '../delivery/quick-front.ts'
import type { Caller } from './access/access.ts'
import { baseOf, type OriginContext, type Reached } from './context.ts'
import type { HotFile } from './hot-files.ts'
import { mayRead } from './logic/rights.ts'
import { redirectText, sendRedirectHead } from './raw-head.ts'
import { followsLinks, linkHeader } from './redirect-headers.ts'
import type { RedirectRequest } from './redirector.ts'

/** What the routes have to look at. */
const isUsual = ({ headers }: IncomingMessage): boolean =>
  followsLinks(headers['user-agent']) &&
  headers.range === undefined &&
  headers['if-none-match'] === undefined &&
  headers['if-modified-since'] === undefined &&
  headers['if-match'] === undefined &&
  headers['if-unmodified-since'] === undefined &&
  headers['transfer-encoding'] === undefined &&
  headers['content-length'] === undefined

/** What baseOf gave last: nearly all come by the same name and port. */
class LastBase {
  #context: object | null = null
  #host: string | undefined
  #address: string | undefined
  #port: number | undefined
  #https = false
  #base = ''

  of(context: OriginContext, request: Reached, https: boolean): string {
    const { host } = request.headers
    const { localAddress, localPort } = request.socket
    const same = host === this.#host && localPort === this.#port && localAddress === this.#address
    if (same && https === this.#https && context === this.#context) return this.#base
    this.#context = context
    this.#host = host
    this.#address = localAddress
    this.#port = localPort
    this.#https = https
    this.#base = baseOf(context, request, https)
    return this.#base
  }
}

const lastBase = new LastBase()

/** The Link and Location of a redirect that was decided and remembered; null: the routes have to. */
const decide = (
  context: OriginContext,
  request: Reached & { readonly method?: string | undefined },
  file: HotFile,
  caller: Caller,
): { readonly location: string; readonly link: string } | null => {
  const { clock, redirector, metrics } = context
  const startMs = clock.monotonicMs()
  const https = context.https || caller.https === true
  const wanted: RedirectRequest = {
    client: caller.client,
    address: caller.address === '' ? null : caller.address,
    https,
    path: file.path,
    content: file.content,
    linked: file.linked,
    range: undefined,
    method: request.method === 'HEAD' ? 'HEAD' : 'GET',
  }
  const decision = redirector.decide(wanted)
  // One that comes back is looked after by the routes.
  if (decision.serveHere || decision.tried.length > 0) return null
  if (request.method === 'GET') {
    redirector.record(wanted, decision)
    context.onRequest(file.content.number)
  } else context.onNamed(decision.chosen.candidate.name, wanted)
  metrics.decided((clock.monotonicMs() - startMs) / 1000)
  const link = linkHeader(lastBase.of(context, request, https), file.path, decision.duplicates)
  metrics.count('redirect')
  return { location: decision.location, link }
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
  if (!(access instanceof Promise) && access.ok && mayRead(access.caller.rights, file.path)) {
    const links = decide(context, request, file, access.caller)
    if (links !== null) {
      sendRedirectHead(response, context.clock.nowMs(), file.head, links)
      return true
    }
  }
  context.access.remember(request, access)
  return false
}

/**
 * The whole answer to a usual request that was read before node:http, as latin1 text; null when
 * nothing was done and node:http has to.
 */
export const quickAnswer = (
  context: OriginContext,
  { method, target, headers }: QuickHead,
  socket: FrontEnds,
): string | null => {
  const file = context.hotFiles.find(target)
  if (file === null || !followsLinks(headers['user-agent'])) return null
  const request = { method, headers, socket }
  const caller = context.access.checkQuickly(request)
  if (caller === null || !mayRead(caller.rights, file.path)) return null
  const links = decide(context, request, file, caller)
  if (links === null) return null
  context.access.countQuick(caller)
  return redirectText(context.clock.nowMs(), file.head, links)
}
