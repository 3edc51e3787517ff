// What a server bears from one connection and from one address: time for headers and bodies, idle
// time, connections at once. Shared by origin and volunteer.

import type { Server, Socket } from 'node:net'
import { connectionSweepMs, headersTimeoutMs, idleConnectionMs } from '../core/access-limits.ts'
import { receiveTimeoutMs } from '../core/limits.ts'
import { addressBlock, inNetworks, type Network } from '../core/networks.ts'

/** Options of node:http's server, in milliseconds. */
export interface SlowRequestLimits {
  readonly headersTimeout: number
  readonly requestTimeout: number
  readonly keepAliveTimeout: number
  readonly connectionsCheckingInterval: number
}

/** For requests that trickle in; seams for tests. */
export const slowRequestLimits = (
  limits: {
    readonly headersMs?: number
    readonly requestMs?: number
    readonly sweepMs?: number
  } = {},
): SlowRequestLimits => ({
  headersTimeout: limits.headersMs ?? headersTimeoutMs,
  requestTimeout: limits.requestMs ?? receiveTimeoutMs,
  keepAliveTimeout: idleConnectionMs,
  connectionsCheckingInterval: limits.sweepMs ?? connectionSweepMs,
})

export interface ConnectionLimitOptions {
  /** Null: no limit. */
  readonly perAddress: number | null
  /** Networks without a limit: one's own, and proxies. */
  readonly exempt: readonly Network[]
}

/**
 * Close connections beyond the limit of their address as they come; `options` are asked for each.
 * Returns how many were closed.
 */
export const limitConnections = (
  server: Pick<Server, 'on'>,
  options: () => ConnectionLimitOptions,
): { refused(): number } => {
  const open = new Map<string, number>()
  let refused = 0
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress
    const { perAddress, exempt } = options()
    if (perAddress === null || address === undefined || inNetworks(exempt, address)) return
    const block = addressBlock(address)
    const count = open.get(block) ?? 0
    if (count >= perAddress) {
      refused++
      socket.destroy()
      return
    }
    open.set(block, count + 1)
    socket.once('close', () => {
      const left = (open.get(block) ?? 1) - 1
      if (left > 0) open.set(block, left)
      else open.delete(block)
    })
  })
  return { refused: () => refused }
}
