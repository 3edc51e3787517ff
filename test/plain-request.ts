// One HTTP request as it is, from an address of this machine's choice, for tests that compare what two
// servers answer.

import { request } from 'node:http'

export interface Asked {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly localAddress?: string
}

export interface Answer {
  readonly status: number
  readonly headers: Record<string, unknown>
  /** As latin1. */
  readonly body: string
}

/** Ask on a connection of its own; redirects are not followed. */
export const askFrom = (localAddress: string, url: string, asked: Asked = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request(url, { localAddress, agent: false, ...asked }, answer => {
      const parts: Buffer[] = []
      answer.on('data', part => parts.push(part))
      answer.on('error', reject)
      answer.on('end', () => {
        const body = Buffer.concat(parts).toString('latin1')
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body })
      })
    })
    sent.on('error', reject)
    sent.end()
  })

const compared = ['etag', 'last-modified', 'repr-digest', 'digest', 'content-type'].concat(
  ['content-length', 'content-range', 'x-content-type-options', 'location'],
  ['x-accel-redirect', 'content-encoding'],
)

/** What two servers of the same file must answer alike. */
export const essence = ({ status, headers, body }: Answer) => ({
  status,
  headers: Object.fromEntries(compared.map(name => [name, headers[name]])),
  body,
})
