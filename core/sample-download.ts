// Fetches a part of a URL as an ordinary client would, on a connection of its own, and tells what
// came: for probes and audits, which the other side must not tell from clients. Bounded in bytes and
// time; redirects are not followed; addresses where nobody's server is are never connected to.

import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { describeError, systemCode } from './errors.ts'
import { guardedLookup, isVolunteerAddress } from './guarded-lookup.ts'
import { sampleDeadlineMs, sampleStallMs } from './healing-limits.ts'

export interface SampleRequest {
  readonly url: string
  readonly method: 'GET' | 'HEAD'
  /** In this order and spelling, after Host. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Then the connection is closed, as by a client that has enough. */
  readonly takeBytes: number
}

export interface Sample {
  /**
   * complete: the body ended as it should · taken: enough was read · cut: it ended too early ·
   * stalled: nothing more came · late: the deadline passed while bytes came · unreachable: no
   * connection · silent: a connection, but no answer.
   */
  readonly end: 'complete' | 'taken' | 'cut' | 'stalled' | 'late' | 'unreachable' | 'silent'
  /** 0: none came. */
  readonly status: number
  readonly location: string
  readonly contentLength: number | null
  readonly contentRange: string
  /** Of the answer's head, bounded; '': missing. */
  readonly etag: string
  readonly lastModified: string
  readonly retryAfter: string
  readonly body: Buffer
  /** From the answer's headers on. */
  readonly elapsedMs: number
  /** For people: why nothing came. */
  readonly error: string
}

export interface SampleOptions {
  readonly allowLoopback: boolean
  readonly signal: AbortSignal
  /** The address to connect from; by default whichever the system takes. */
  readonly localAddress?: string
  readonly deadlineMs?: number
  readonly stallMs?: number
}

const empty = {
  ...{ status: 0, location: '', contentLength: null, contentRange: '', elapsedMs: 0, error: '' },
  ...{ etag: '', lastModified: '', retryAfter: '' },
  body: Buffer.alloc(0),
}

const lengthOf = (answer: IncomingMessage): number | null => {
  const text = answer.headers['content-length'] ?? ''
  return /^\d{1,15}$/.test(text) ? Number(text) : null
}

/** Reads until there is enough; resolves with how it ended. */
const readBody = async (
  answer: IncomingMessage,
  { takeBytes, method }: SampleRequest,
  why: () => 'stalled' | 'late' | null,
): Promise<{ readonly end: Sample['end']; readonly body: Buffer }> => {
  const parts: Buffer[] = []
  let length = 0
  const body = (): Buffer => Buffer.concat(parts, length).subarray(0, takeBytes)
  try {
    for await (const part of answer) {
      parts.push(part)
      length += part.length
      if (length >= takeBytes && !answer.readableEnded) {
        const last = lengthOf(answer) === length
        return { end: last ? 'complete' : 'taken', body: body() }
      }
    }
  } catch {
    return { end: why() ?? 'cut', body: body() }
  }
  const promised = method === 'HEAD' ? 0 : lengthOf(answer)
  const whole = answer.complete && (promised === null || promised === length)
  return { end: whole ? 'complete' : (why() ?? 'cut'), body: body() }
}

const open = ({ url, method, headers }: SampleRequest, options: SampleOptions): ClientRequest => {
  const target = new URL(url)
  const bare = target.hostname.replace(/^\[|\]$/g, '')
  const literal = /^[0-9.]+$/.test(bare) || bare.includes(':')
  if (literal && !isVolunteerAddress(bare, options.allowLoopback)) {
    throw new Error(`${bare} is not an address others can reach`)
  }
  const send = target.protocol === 'https:' ? httpsRequest : httpRequest
  const sent = send({
    ...{ host: bare, port: target.port, path: `${target.pathname}${target.search}`, method },
    ...{ agent: false, signal: options.signal, lookup: guardedLookup(options.allowLoopback) },
    ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
    setHost: false,
  })
  sent.setHeader('Host', target.host)
  for (const [name, value] of headers) sent.setHeader(name, value)
  // Clients that close the connection in the end do not say so.
  if (!sent.hasHeader('connection')) sent.removeHeader('connection')
  return sent
}

/** Fetch a sample. Never throws for what the other side does; throws when `signal` is aborted. */
export const sampleDownload = async (
  request: SampleRequest,
  options: SampleOptions,
): Promise<Sample> => {
  const { deadlineMs = sampleDeadlineMs, stallMs = sampleStallMs } = options
  let sent: ClientRequest
  try {
    sent = open(request, options)
  } catch (error) {
    return { ...empty, end: 'unreachable', error: describeError(error) }
  }
  let given: 'stalled' | 'late' | null = null
  let connected = false
  const giveUp = (why: 'stalled' | 'late'): void => {
    given ??= why
    sent.destroy(new Error(why === 'late' ? 'the time is over' : 'nothing came'))
  }
  const deadline = setTimeout(giveUp, deadlineMs, 'late')
  sent.setTimeout(stallMs, () => giveUp('stalled'))
  const ready = request.url.startsWith('https:') ? 'secureConnect' : 'connect'
  sent.once('socket', socket => {
    socket.once(ready, () => {
      connected = true
    })
  })
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve)
      sent.on('error', reject)
      sent.end()
    })
    const startMs = performance.now()
    const { end, body } = await readBody(answer, request, () => given)
    options.signal.throwIfAborted()
    return {
      ...{ end, body, error: '' },
      status: answer.statusCode ?? 0,
      location: (answer.headers.location ?? '').slice(0, 4096),
      contentLength: lengthOf(answer),
      contentRange: (answer.headers['content-range'] ?? '').slice(0, 200),
      etag: (answer.headers.etag ?? '').slice(0, 1024),
      lastModified: (answer.headers['last-modified'] ?? '').slice(0, 200),
      retryAfter: (answer.headers['retry-after'] ?? '').slice(0, 200),
      elapsedMs: performance.now() - startMs,
    }
  } catch (error) {
    options.signal.throwIfAborted()
    const end = connected && systemCode(error) !== 'ECONNREFUSED' ? 'silent' : 'unreachable'
    return { ...empty, end, error: describeError(error) }
  } finally {
    clearTimeout(deadline)
    sent.destroy()
  }
}
