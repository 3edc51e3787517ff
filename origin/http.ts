// Small things that all routes share: who asks, plain answers, errors as answers. Repository paths
// never go through fastify's own parsing, since they are bytes.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  describeError,
  type ErrorCode,
  errorTable,
  isMirrorswarmError,
  MirrorswarmError,
} from '../core/errors.ts'
import { retryAfterSeconds, slowReadBufferBytes, stalledClientMs } from '../core/limits.ts'
import type { Logger } from '../core/log.ts'

/** The request line's target as it came; fastify routes by a rewritten one. */
export const originalTarget = (request: IncomingMessage & { originalUrl?: string }): string =>
  request.originalUrl ?? request.url ?? '/'

/** Cut the connection when the client takes nothing of an answer for so long. */
export const cutWhenStalled = (response: ServerResponse, stallMs = stalledClientMs): void => {
  response.setTimeout(stallMs, () => response.destroy())
}

export type Headers = Readonly<Record<string, string | string[]>>

/** Send a complete short body. HEAD gets the headers alone. */
export const sendShort = (
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Headers,
  body: string | Uint8Array = '',
): void => {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  response.writeHead(status, { 'content-length': String(bytes.length), ...headers })
  // What is shorter goes to the kernel at once.
  if (bytes.length > slowReadBufferBytes) cutWhenStalled(response)
  response.end(request.method === 'HEAD' ? undefined : bytes)
}

const retryHeaders = (code: ErrorCode): Headers =>
  errorTable[code].status === 503 ? { 'retry-after': String(retryAfterSeconds) } : {}

/** Answers that are errors, so that whoever sees the end of an answer can count them. */
const codes = new WeakMap<ServerResponse, ErrorCode>()

/** The code of the error that this answer is; undefined: it is none. */
export const codeOfAnswer = (response: ServerResponse): ErrorCode | undefined => codes.get(response)

/** An error as an answer: one line for a person, the code for a program. */
export const sendError = (
  request: IncomingMessage,
  response: ServerResponse,
  error: MirrorswarmError,
  headers: Headers = {},
): void => {
  const json = { code: error.code, message: error.message, hint: error.hint }
  codes.set(response, error.code)
  sendShort(
    request,
    response,
    error.status,
    {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      ...retryHeaders(error.code),
      ...headers,
    },
    `${JSON.stringify({ error: json })}\n`,
  )
}

/** The same for routes that answer through fastify. */
export const replyError = (reply: FastifyReply, error: MirrorswarmError): FastifyReply => {
  codes.set(reply.raw, error.code)
  return reply
    .code(error.status)
    .headers({ 'cache-control': 'no-store', ...retryHeaders(error.code) })
    .send({ error: { code: error.code, message: error.message, hint: error.hint } })
}

/** An unexpected error as one of ours; what it says stays in the log. */
export const asMirrorswarmError = (error: unknown): MirrorswarmError =>
  isMirrorswarmError(error)
    ? error
    : new MirrorswarmError('MS_INTERNAL', 'the origin failed to answer', { cause: error })

/** The body as it was sent; every route gets bytes (see app.ts). */
export const bytesOf = (request: FastifyRequest): Buffer =>
  Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)

/** The body as JSON; throws MS_REQUEST_INVALID. */
export const jsonOf = (request: FastifyRequest): unknown => {
  try {
    return JSON.parse(bytesOf(request).toString('utf8'))
  } catch (error) {
    throw new MirrorswarmError('MS_REQUEST_INVALID', 'the body is not JSON', { cause: error })
  }
}

/**
 * Answer for what failed. A failure behind the headers cuts the connection, so that nobody takes the
 * answer for complete.
 */
export const answerFailure = (
  logger: Logger,
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
): void => {
  if (!isMirrorswarmError(error)) {
    logger.error({ error: describeError(error), url: request.url }, 'an answer failed')
  }
  if (response.headersSent) response.destroy()
  else sendError(request, response, asMirrorswarmError(error))
}

/** Let `work` answer on the raw response, and answer for it when it fails. */
export const takeOver = (
  request: FastifyRequest,
  reply: FastifyReply,
  logger: Logger,
  work: () => Promise<unknown>,
): void => {
  reply.hijack()
  work().catch((error: unknown) => answerFailure(logger, request.raw, reply.raw, error))
}
