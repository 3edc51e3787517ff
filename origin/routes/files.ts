// GET and HEAD of repository paths: look up, then redirect or serve. Everything that does not begin
// with "/-/" comes here, as the bytes that stood on the request line.

import { MirrorswarmError } from '../../core/errors.ts'
import type { RepoPath, SnapshotNumber } from '../../core/ids.ts'
import { displayPath, parseRequestPath } from '../../core/repo-path.ts'
import { type Decision, validatorHeaders } from '../../delivery/logic/respond.ts'
import type { Content } from '../../manifest/model.ts'
import type { Resolution } from '../../manifest/store/reader.ts'
import { requirePath } from '../access/gate.ts'
import type { Admission } from '../bounces.ts'
import { type Exchange, type OriginContext, pinnedAskerOf } from '../context.ts'
import { type FoundFile, mayRedirect, redirectRequestOf } from '../found-file.ts'
import { sendError, sendShort } from '../http.ts'
import { mayEnter } from '../logic/rights.ts'
import type { Outcome } from '../metrics.ts'
import { describedBy, followsLinks, linkHeader } from '../redirect-headers.ts'
import type { PinnedAsker } from '../resolver.ts'
import { decideContent, isBodiless, sendBodiless, serveContent } from '../serve-content.ts'
import { answerDirectory } from './directories.ts'
import { answerDerived, answerFileList } from './file-lists.ts'
import { type Rescue, rescue } from './rescued.ts'
import { answerUnpublished } from './unpublished.ts'
import { answerZsync } from './zsync.ts'

const refuse = (exchange: Exchange, error: MirrorswarmError): Outcome => {
  sendError(exchange.request, exchange.response, error)
  return 'refused'
}

const notFound = (exchange: Exchange, path: RepoPath): Outcome => {
  const error = new MirrorswarmError('MS_PATH_NOT_FOUND', `there is no ${displayPath(path)}`)
  sendError(exchange.request, exchange.response, error)
  return 'not-found'
}

/** 302 to a signed link, with everything that lets the client check what it gets there. */
export const sendRedirect = (
  exchange: Exchange,
  content: Content,
  location: string,
  link: string,
): void => {
  sendShort(exchange.request, exchange.response, 302, {
    location,
    'cache-control': 'no-store',
    ...validatorHeaders(content),
    ...(followsLinks(exchange.request.headers['user-agent']) ? { link } : {}),
  })
}

/** Send the client to a volunteer; null when none will do and the origin has to serve. */
const tryRedirect = (
  context: OriginContext,
  exchange: Exchange,
  file: FoundFile,
): { readonly redirected: boolean; readonly repeated: boolean } => {
  const startMs = context.clock.monotonicMs()
  const request = redirectRequestOf(exchange, file)
  const { redirector } = context
  const decision = redirector.decide(request)
  if (exchange.method === 'GET') {
    redirector.record(request, decision)
    context.onRequest(file.content.number)
  }
  context.metrics.decided((context.clock.monotonicMs() - startMs) / 1000)
  const left = decision.tried.at(-1)
  if (left !== undefined && exchange.method === 'GET') context.onRepeat(left, file)
  if (decision.serveHere) {
    // Of what the repository dropped the origin may have nothing: rather the same volunteer again.
    const again = file.retired && left !== undefined ? redirector.linkIfAble(request, left) : null
    if (again === null) return { redirected: false, repeated: decision.tried.length > 0 }
    sendRedirect(exchange, file.content, again, describedBy(exchange.base, file.path))
    return { redirected: true, repeated: true }
  }
  const { duplicates, location } = decision
  if (exchange.method === 'HEAD') context.onNamed(decision.chosen.candidate.name, request)
  const link = linkHeader(exchange.base, file.path, duplicates)
  sendRedirect(exchange, file.content, location, link)
  return { redirected: true, repeated: false }
}

type WhyHere = 'direct' | 'kept' | 'small' | 'repeat' | 'nobody'

const rooms = {
  kept: 'essential',
  small: 'essential',
  repeat: 'repeat',
  nobody: 'ordinary',
} as const

/** Which room of the gate an answer takes. */
const admissionOf = (
  context: OriginContext,
  exchange: Exchange,
  file: FoundFile,
  why: WhyHere,
): Admission => {
  if (why === 'direct') {
    return context.bounces.judge(exchange.query.get('direct') ?? '', file.path, file.content)
  }
  return { admission: rooms[why], shares: [] }
}

const serveHere = async (
  context: OriginContext,
  exchange: Exchange,
  file: FoundFile,
  decision: Decision,
  why: WhyHere,
): Promise<Outcome> => {
  const served = await serveContent(context, exchange, decision, {
    content: file.content,
    path: file.realPath,
    snapshot: file.snapshot,
    retired: file.retired === true,
    ...admissionOf(context, exchange, file, why),
    headers: { link: describedBy(exchange.base, file.path) },
  })
  if (served !== 'kept' && served !== 'tree') return served
  return why === 'direct' || why === 'repeat' ? why : served
}

const answerRescued = async (
  context: OriginContext,
  exchange: Exchange,
  file: FoundFile,
  rescued: Rescue,
): Promise<Outcome> => {
  const { content } = rescued
  const link = describedBy(exchange.base, file.path)
  if (rescued.kind === 'send-on') {
    context.onNamed(rescued.name, redirectRequestOf(exchange, { ...file, content }))
    sendRedirect(exchange, content, rescued.location, link)
    return 'redirect'
  }
  const decision = decideContent(exchange, content, file.path)
  const { realPath: path, snapshot } = file
  const headers = { link }
  const body = { content, path, snapshot, headers, ...rescued.admission }
  const served = await serveContent(context, exchange, decision, body)
  return served === 'kept' || served === 'tree' ? 'rescued' : served
}

/** Answer a request for a file of the manifest. */
export const answerFile = async (
  context: OriginContext,
  exchange: Exchange,
  file: FoundFile,
): Promise<Outcome> => {
  const decision = decideContent(exchange, file.content, file.path)
  if (isBodiless(decision)) {
    exchange.response.setHeader('link', describedBy(exchange.base, file.path))
    sendBodiless(exchange, decision)
    return 'not-modified'
  }
  const rescued = context.rescueNames === null ? null : await rescue(context, exchange, file)
  if (rescued !== null) return answerRescued(context, exchange, file, rescued)
  const may = mayRedirect(context, file, exchange.query.has('direct'))
  const { metrics, redirector } = context
  if (!may.redirect) {
    metrics.servedHere(may.reason)
    return serveHere(context, exchange, file, decision, may.reason)
  }
  const attempt = tryRedirect(context, exchange, file)
  if (attempt.redirected) return 'redirect'
  const why = attempt.repeated ? 'repeat' : redirector.whyNobody(redirectRequestOf(exchange, file))
  metrics.servedHere(why)
  return serveHere(context, exchange, file, decision, attempt.repeated ? 'repeat' : 'nobody')
}

/** What was dropped lately, from those who have it still; null when there is no such file. */
const answerRetired = (
  context: OriginContext,
  exchange: Exchange,
  path: RepoPath,
  latest: SnapshotNumber,
): Promise<Outcome> | Outcome | null => {
  const { resolver, clock, grace } = context
  const file = resolver.findRetired(path, latest, clock.nowMs() - grace.ms)
  if (file === null) return null
  return answerFileList(context, exchange, file) ?? answerFile(context, exchange, file)
}

/** The snapshot and what the path leads to in it: that of the client's update, else the latest. */
const look = (
  context: OriginContext,
  asker: PinnedAsker,
  path: RepoPath,
  latest: SnapshotNumber,
): { readonly snapshot: SnapshotNumber; readonly found: Resolution } => {
  const { resolver } = context
  if (context.isIndex(path)) {
    const snapshot = resolver.snapshotFor(asker, path, latest, context.clock.nowMs())
    const found = resolver.resolve(path, snapshot)
    if (found.kind !== 'missing') return { snapshot, found }
  }
  return { snapshot: latest, found: resolver.resolve(path, latest) }
}

const answerResolved = async (
  context: OriginContext,
  exchange: Exchange,
  parsed: { readonly path: RepoPath; readonly directory: boolean },
  latest: SnapshotNumber,
): Promise<Outcome> => {
  const { path, directory } = parsed
  const { resolver } = context
  const asker = pinnedAskerOf(exchange)
  const { snapshot, found } = look(context, asker, path, latest)
  switch (found.kind) {
    case 'file': {
      requirePath(exchange.rights, path)
      if (directory) return notFound(exchange, path)
      resolver.notePin(asker, path, snapshot, context.clock.nowMs())
      const file = { path, realPath: found.path, content: found.content, snapshot }
      return answerFileList(context, exchange, file) ?? answerFile(context, exchange, file)
    }
    case 'directory': {
      if (directory)
        return answerDirectory(context, exchange, { path, realPath: found.path, snapshot })
      const query = exchange.queryText === '' ? '' : `?${exchange.queryText}`
      const location = `${context.prefix}/${path}/${query}`
      sendShort(exchange.request, exchange.response, 301, { location })
      return 'page'
    }
    case 'loop':
      return notFound(exchange, path)
    case 'missing':
      requirePath(exchange.rights, path)
      return (
        answerDerived(context, exchange, path, snapshot) ??
        (await answerZsync(context, exchange, path, snapshot)) ??
        (directory ? null : await answerRetired(context, exchange, path, latest)) ??
        notFound(exchange, path)
      )
  }
}

/** Answer GET or HEAD of any target outside "/-/". */
export const answerPath = async (context: OriginContext, exchange: Exchange): Promise<Outcome> => {
  const { method } = exchange.request
  if (method !== 'GET' && method !== 'HEAD') {
    const error = new MirrorswarmError('MS_METHOD_NOT_ALLOWED', `${method} is not for files`)
    sendError(exchange.request, exchange.response, error, { allow: 'GET, HEAD' })
    return 'refused'
  }
  const parsed = parseRequestPath(exchange.raw)
  if (!parsed.ok) return refuse(exchange, new MirrorswarmError('MS_PATH_INVALID', parsed.reason))
  // Folders on the way to what may be read have pages; whatever else is there does not show.
  if (!mayEnter(exchange.rights, parsed.path)) requirePath(exchange.rights, parsed.path)
  const latest = context.resolver.latest
  if (latest === null) {
    if (!parsed.directory) requirePath(exchange.rights, parsed.path)
    return answerUnpublished(context, exchange, parsed)
  }
  return answerResolved(context, exchange, parsed, latest.number)
}
