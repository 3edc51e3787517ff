// Sends one content to one client or volunteer: admission, bytes, and an honest answer when the
// file is not what was hashed any more. Whether to redirect instead was decided before.

import { describeError, MirrorswarmError } from '../core/errors.ts'
import type { RepoPath, SnapshotNumber } from '../core/ids.ts'
import { contentTypeOf } from '../delivery/content-type.ts'
import { type Decision, respond } from '../delivery/logic/respond.ts'
import { turnOf } from '../delivery/pipeline-turn.ts'
import { type SendResult, sendRepresentation } from '../delivery/send.ts'
import type { Body } from '../delivery/slice-reader.ts'
import type { Content } from '../manifest/model.ts'
import { openBody } from './bodies.ts'
import type { Exchange, OriginContext } from './context.ts'
import { sendError } from './http.ts'
import type { BytesKind, Outcome } from './metrics.ts'
import { sandboxHeaders } from './sandbox.ts'
import type { AnswerClass, Share } from './serving-gate.ts'

export interface ServedContent {
  readonly content: Content
  /** Where the file is; null: wherever the snapshot has it. */
  readonly path: RepoPath | null
  readonly snapshot: SnapshotNumber
  /** The repository dropped it: nobody owes it. */
  readonly retired?: boolean
  readonly admission: AnswerClass
  /** Who uses a reserve, if that is bounded. */
  readonly shares?: readonly Share[]
  /** Further headers of the answer. */
  readonly headers: Readonly<Record<string, string>>
}

/** The answer's status, headers and ranges, before anybody looks for the bytes. */
export const decideContent = (exchange: Exchange, content: Content, path: RepoPath): Decision => {
  const contentType = contentTypeOf(path)
  const { sha256, sizeBytes, modifiedSeconds } = content
  const file = { sha256, sizeBytes, modifiedSeconds, contentType }
  const decision = respond(exchange.method, exchange.request.headers, file)
  return { ...decision, headers: { ...decision.headers, ...sandboxHeaders(contentType) } }
}

/** True when the decision needs no bytes and may be sent by anyone who knows the hash. */
export const isBodiless = (decision: Decision): boolean =>
  decision.status === 304 || decision.status === 412 || decision.status === 416

const limiterOf = (context: OriginContext, kind: BytesKind) => {
  const { limiter } = context
  const priority = kind === 'sync' ? 'swarm' : 'client'
  // Limited bytes go out in small slices, so only where there is a limit.
  if (!limiter.limitsFor(priority)) return {}
  return {
    limiter: {
      take: (bytes: number, signal?: AbortSignal) => limiter.take(bytes, priority, signal),
    },
  }
}

/** Send a decision with its body; the answer is over when this resolves, and null means it is. */
const send = async (
  context: OriginContext,
  exchange: Exchange,
  decision: Decision,
  body: Body,
  kind: BytesKind,
): Promise<SendResult> => {
  const result = await sendRepresentation(exchange.response, decision, body, {
    budget: context.budget,
    signal: context.stopping,
    onBytes: bytes => context.metrics.sent(kind, bytes),
    ...limiterOf(context, kind),
  })
  if (result.outcome === 'unreadable') {
    context.logger.error({ error: describeError(result.error) }, 'a file cannot be read')
  }
  return result
}

const owedAnswer = (exchange: Exchange, result: SendResult): Outcome | null => {
  if (result.headersSent) return result.outcome === 'changed' ? 'changed' : null
  if (result.outcome === 'changed') return refuseChanged(exchange)
  if (result.outcome !== 'unreadable') return null
  const error = new MirrorswarmError('MS_INTERNAL', 'the file cannot be read')
  sendError(exchange.request, exchange.response, error)
  return 'refused'
}

const refuseChanged = (exchange: Exchange): Outcome => {
  const error = new MirrorswarmError('MS_FILE_CHANGED', 'the file is being changed')
  sendError(exchange.request, exchange.response, error)
  return 'changed'
}

const refuseRetired = (exchange: Exchange): Outcome => {
  const reason = 'the repository dropped this file, and no copy is left'
  sendError(exchange.request, exchange.response, new MirrorswarmError('MS_PATH_NOT_FOUND', reason))
  return 'not-found'
}

/**
 * Answer with a content. Resolves, when the answer is over, to how it ended if that was not as
 * hoped: 'busy', 'changed', 'refused'; else to where the bytes came from.
 */
export const serveContent = async (
  context: OriginContext,
  exchange: Exchange,
  decision: Decision,
  served: ServedContent,
): Promise<'kept' | 'tree' | Outcome> => {
  const { request, response } = exchange
  // One connection takes one place, however much it asks for in advance.
  const turn = turnOf(response)
  if (turn !== null) await turn
  const leave = context.gate.enter(served.admission, served.shares)
  if (leave === null) {
    const error = new MirrorswarmError('MS_ORIGIN_BUSY', 'the origin serves as much as it may')
    sendError(request, response, error)
    return 'busy'
  }
  try {
    const found = await openBody(context.bodies, served.content, served.path, served.snapshot)
    if (found === null) return served.retired ? refuseRetired(exchange) : refuseChanged(exchange)
    for (const [name, value] of Object.entries(served.headers)) response.setHeader(name, value)
    const kind = served.admission === 'sync' ? 'sync' : 'client'
    const result = await send(context, exchange, decision, found.body, kind)
    if (!result.headersSent)
      for (const name of Object.keys(served.headers)) response.removeHeader(name)
    return owedAnswer(exchange, result) ?? found.from
  } finally {
    leave()
  }
}

/** Answer with bytes that are no repository content: an object, a list, a torrent. */
export const serveBody = async (
  context: OriginContext,
  exchange: Exchange,
  decision: Decision,
  body: Body,
  kind: BytesKind,
): Promise<void> => {
  owedAnswer(exchange, await send(context, exchange, decision, body, kind))
}

/** Send 304, 412 or 416, which need no bytes. */
export const sendBodiless = (exchange: Exchange, decision: Decision): void => {
  exchange.response.writeHead(decision.status, decision.headers)
  exchange.response.end()
}
