// For bench/balance.ts: clients on many loopback addresses that ask the origin for files at random
// times (a Poisson stream), follow its redirects and measure how long each answer takes.

import { Agent, get, type IncomingMessage } from 'node:http'
import { seededRandom } from '../core/clock.ts'

export interface LoadOptions {
  readonly originUrl: string
  readonly paths: readonly string[]
  readonly requestsPerSecond: number
  readonly seconds: number
  /** 127.0.1.1 to 127.0.1.128, 127.0.2.1, … */
  readonly addresses: number
  readonly seed: number
}

export interface LoadResult {
  /** Of each complete answer, origin's part included; sorted. */
  readonly responseMs: readonly number[]
  readonly failed: number
  /** Answers that the origin gave by itself, without a volunteer's or behind it. */
  readonly byOrigin: number
  readonly bounced: number
}

const answerOf = (url: string, localAddress: string, agent: Agent): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    get(url, { localAddress, agent, headers: { 'user-agent': 'balance' } }, resolve).once(
      'error',
      reject,
    )
  })

const drain = async (answer: IncomingMessage): Promise<void> => {
  for await (const _part of answer) {
    // Only its end matters.
  }
}

/** One download; tells who sent it. */
const download = async (
  url: string,
  localAddress: string,
  agent: Agent,
): Promise<'origin' | 'volunteer' | 'bounced'> => {
  const first = await answerOf(url, localAddress, agent)
  await drain(first)
  if (first.statusCode === 200) return 'origin'
  const location = first.headers.location
  if (location === undefined) throw new Error(`status ${first.statusCode}`)
  const second = await answerOf(location, localAddress, agent)
  await drain(second)
  if (second.statusCode === 200) return 'volunteer'
  const bounced = second.headers.location
  if (bounced === undefined) throw new Error(`status ${second.statusCode}`)
  await drain(await answerOf(bounced, localAddress, agent))
  return 'bounced'
}

/** Load the network for a while; resolves when the last answer is complete. */
export const runClients = async (options: LoadOptions): Promise<LoadResult> => {
  const { originUrl, paths, requestsPerSecond, seconds, addresses, seed } = options
  const random = seededRandom(seed)
  const agent = new Agent({ keepAlive: false })
  const responseMs: number[] = []
  const running = new Set<Promise<void>>()
  let failed = 0
  let byOrigin = 0
  let bounced = 0
  const one = async (path: string, address: string): Promise<void> => {
    const startMs = performance.now()
    try {
      const by = await download(`${originUrl}/${path}`, address, agent)
      if (by === 'origin') byOrigin += 1
      if (by === 'bounced') bounced += 1
      responseMs.push(performance.now() - startMs)
    } catch {
      failed += 1
    }
  }
  const startMs = performance.now()
  let nextMs = 0
  while (nextMs < seconds * 1000) {
    const waitMs = startMs + nextMs - performance.now()
    if (waitMs > 1) await new Promise(resolve => setTimeout(resolve, waitMs))
    const path = paths[Math.floor(random() * paths.length)] ?? ''
    const number = Math.floor(random() * addresses)
    const request = one(path, `127.0.${1 + (number >> 7)}.${1 + (number & 127)}`)
    running.add(request)
    request.finally(() => running.delete(request))
    nextMs += (-Math.log(1 - random()) * 1000) / requestsPerSecond
  }
  await Promise.all(running)
  return { responseMs: responseMs.toSorted((a, b) => a - b), failed, byOrigin, bounced }
}
