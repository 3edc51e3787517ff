// Answers what is no HTTP, or came too late to be a request, on its bare connection. It knows no
// routes.

import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ErrorCounts } from '../core/collected-counter.ts'
import { MirrorswarmError } from '../core/errors.ts'

/** `nodeCode`: of Node's error. */
const unparsedError = (nodeCode: string | undefined): MirrorswarmError =>
  nodeCode === 'HPE_HEADER_OVERFLOW'
    ? new MirrorswarmError('MS_REQUEST_TOO_LARGE', 'the headers are too large')
    : new MirrorswarmError('MS_REQUEST_INVALID', 'this is no well-formed HTTP request')

/** The whole answer, behind which the connection is closed. */
export const unparsedAnswer = (nodeCode: string | undefined): string => {
  const { code, message, hint, status } = unparsedError(nodeCode)
  const body = `${JSON.stringify({ error: { code, message, hint } })}\n`
  const reason = status === 413 ? 'Content Too Large' : 'Bad Request'
  return (
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`
  )
}

/** For targets with raw bytes, too, that Node's parser does not take. */
export const refuseUnparsed = (
  errors: ErrorCounts,
  error: Error & { code?: string },
  socket: Socket & { readonly _httpMessage?: ServerResponse | null },
): void => {
  // As Node's own handler: text in the middle of another answer would pass for its bytes.
  const answering = socket._httpMessage?.headersSent === true
  if (answering || error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  errors.add(unparsedError(error.code).code)
  socket.end(unparsedAnswer(error.code))
}
