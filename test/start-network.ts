// How a test gets a network: started, torn down with the test, whatever happens.

import type { Test } from 'tap'
import { temporaryFolder } from '../loadtest/leftovers.ts'
import { Network, type NetworkOptions } from '../loadtest/network.ts'

/** A network whose origin is not started yet, so that its repository can be filled. */
export const prepareNetwork = async (
  t: Test,
  options: Partial<NetworkOptions> = {},
): Promise<Network> => {
  const network = await Network.prepare({ name: 'test', ...options })
  t.teardown(() => network.stop())
  return network
}

/** A folder outside the repository for clients and keys. */
export const clientFolder = (t: Test): string => {
  const folder = temporaryFolder('client')
  t.teardown(() => folder.remove())
  return folder.path
}

/** The answer to one request, without following redirects; the body is read. */
export interface PlainAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
}

export const get = async (
  url: string,
  options: {
    readonly headers?: Record<string, string>
    readonly method?: string
    readonly body?: string
  } = {},
): Promise<PlainAnswer> => {
  const answer = await fetch(url, {
    redirect: 'manual',
    method: options.method ?? 'GET',
    headers: { connection: 'close', ...options.headers },
    ...(options.body === undefined ? {} : { body: options.body }),
    signal: AbortSignal.timeout(60_000),
  })
  const body = Buffer.from(await answer.arrayBuffer())
  return { status: answer.status, headers: answer.headers, body }
}

/** Where a request is redirected, or null when it is not; a client is its address and User-Agent. */
export const redirectTarget = async (url: string, userAgent: string): Promise<string | null> => {
  const answer = await get(url, { headers: { 'user-agent': userAgent } })
  return answer.status === 302 ? answer.headers.get('location') : null
}
