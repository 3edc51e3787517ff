// Outgoing HTTP: one bounded dispatcher per daemon, a timeout on every request, and answers that
// are checked before anyone believes them.

import type { Readable } from 'node:stream'
import { Agent, type Dispatcher, request } from 'undici'
import { describeError, MirrorswarmError } from './errors.ts'
import { outgoingConnectionsPerHost, remoteAnswerBytes, requestTimeoutMs } from './limits.ts'

export interface HttpRequest {
  readonly method?: 'GET' | 'HEAD' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  readonly signal?: AbortSignal
  /** How long the answer's headers may take; the body must not pause longer either. */
  readonly timeoutMs?: number
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Readable
}

/** Let go of an answer that nobody wants (any more). */
export const discard = ({ body }: HttpAnswer): void => {
  // Undici reports the end of a body that was not read as an error, to nobody.
  body.on('error', () => undefined)
  body.destroy()
}

/** The daemon's only way out. Redirects are not followed. */
export class HttpClient {
  readonly #agent: Dispatcher

  /** `anyCertificate`: only for a server on this machine that was found without the network. */
  constructor(options: { ca?: string | Buffer; anyCertificate?: boolean } = {}) {
    this.#agent = new Agent({
      connections: outgoingConnectionsPerHost,
      pipelining: 1,
      keepAliveTimeout: 20_000,
      connect: {
        timeout: 10_000,
        rejectUnauthorized: options.anyCertificate !== true,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
      },
    })
  }

  /** Send a request; throws MS_REMOTE_UNREACHABLE. The caller must consume or destroy the body. */
  async send(url: string | URL, options: HttpRequest = {}): Promise<HttpAnswer> {
    const timeoutMs = options.timeoutMs ?? requestTimeoutMs
    try {
      const answer = await request(url, {
        dispatcher: this.#agent,
        method: options.method ?? 'GET',
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
        ...(options.headers === undefined ? {} : { headers: { ...options.headers } }),
        ...(options.body === undefined ? {} : { body: options.body }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      })
      return { status: answer.statusCode, headers: answer.headers, body: answer.body }
    } catch (error) {
      if (options.signal?.aborted) throw error
      throw new MirrorswarmError(
        'MS_REMOTE_UNREACHABLE',
        `${new URL(url).host} does not answer (${describeError(error)})`,
        { cause: error },
      )
    }
  }

  /**
   * The whole body of an answer, refused beyond `limitBytes` (MS_ANSWER_INVALID). An answer that
   * breaks off or pauses too long throws MS_REMOTE_UNREACHABLE.
   */
  async read(answer: HttpAnswer, limitBytes = remoteAnswerBytes): Promise<Buffer> {
    const parts: Buffer[] = []
    let length = 0
    try {
      for await (const part of answer.body) {
        length += part.length
        if (length > limitBytes) {
          throw new MirrorswarmError('MS_ANSWER_INVALID', `an answer exceeds ${limitBytes} bytes`)
        }
        parts.push(part)
      }
    } catch (error) {
      if (error instanceof MirrorswarmError) throw error
      if (error instanceof Error && error.name === 'AbortError') throw error
      throw new MirrorswarmError(
        'MS_REMOTE_UNREACHABLE',
        `an answer broke off (${describeError(error)})`,
        { cause: error },
      )
    }
    return Buffer.concat(parts)
  }

  async stop(): Promise<void> {
    await this.#agent.destroy()
  }
}
