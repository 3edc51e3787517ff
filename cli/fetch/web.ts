// Requests of a fetch: follows redirects within bounds, never from https to http, and shows
// credentials to the origin alone.

import { MirrorswarmError } from '../../core/errors.ts'
import { fetchRedirects, fetchTimeoutMs } from '../../core/fetch-limits.ts'
import { discard, type HttpAnswer, HttpClient } from '../../core/http-client.ts'

export interface WebOptions {
  /** Where the credentials belong: scheme, host and port. */
  readonly origin: string
  readonly authorization: string | null
}

export class Web {
  readonly client = new HttpClient()
  readonly #options: WebOptions

  constructor(options: WebOptions) {
    this.#options = options
  }

  /** The answer at the end of all redirects. The caller must consume or discard it. */
  async get(
    start: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const { origin, authorization } = this.#options
    let url = start
    for (let step = 0; step <= fetchRedirects; step++) {
      const own = url.origin === origin && authorization !== null ? { authorization } : {}
      const answer = await this.client.send(url, {
        headers: { 'user-agent': 'mirrorswarm', ...headers, ...own },
        signal,
        timeoutMs: fetchTimeoutMs,
      })
      const { location } = answer.headers
      if (![301, 302, 303, 307, 308].includes(answer.status) || typeof location !== 'string') {
        return answer
      }
      discard(answer)
      const next = URL.canParse(location, url.href) ? new URL(location, url) : null
      if (next === null || !/^https?:$/.test(next.protocol)) {
        throw new MirrorswarmError('MS_ANSWER_INVALID', `${url.host} redirects to nowhere`)
      }
      if (url.protocol === 'https:' && next.protocol !== 'https:') {
        throw new MirrorswarmError('MS_ANSWER_INVALID', `${url.host} redirects from https to http`)
      }
      url = next
    }
    throw new MirrorswarmError('MS_ANSWER_INVALID', `${start.host} redirects in a circle`)
  }

  /** A whole short answer; throws what its status means. */
  async read(url: URL, accept: string, limitBytes: number, signal: AbortSignal): Promise<Buffer> {
    const answer = await this.get(url, { accept }, signal)
    if (answer.status === 200) return this.client.read(answer, limitBytes)
    discard(answer)
    throw statusError(answer.status, url)
  }

  stop(): Promise<void> {
    return this.client.stop()
  }
}

/** What a status other than success means for the person who asked. */
export const statusError = (status: number, url: URL): MirrorswarmError => {
  const what = `${url.host} answers ${status} for ${url.pathname}`
  if (status === 401) return new MirrorswarmError('MS_AUTH_REQUIRED', what)
  if (status === 403) return new MirrorswarmError('MS_PATH_FORBIDDEN', what)
  if (status === 404) return new MirrorswarmError('MS_PATH_NOT_FOUND', what)
  if (status === 412) return new MirrorswarmError('MS_FILE_CHANGED', what)
  if (status === 429) return new MirrorswarmError('MS_TOO_MANY_REQUESTS', what)
  if (status === 503) return new MirrorswarmError('MS_ORIGIN_BUSY', what)
  return new MirrorswarmError('MS_ANSWER_INVALID', what)
}
