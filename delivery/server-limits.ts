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
  /** Of TLS. */
  readonly handshakeTimeout: number
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
  handshakeTimeout: limits.headersMs ?? headersTimeoutMs,
})

export interface ConnectionLimitOptions {
  /** Null: no limit. */
  readonly perAddress: number | null
  /** Networks without a limit: one's own, and proxies. */
  readonly exempt: readonly Network[]
}

/** Counts the connections of each address (of each /64 of IPv6). */
export class AddressConnections {
  readonly #options: () => ConnectionLimitOptions
  readonly #open = new Map<string, number>()
  #refused = 0

  /** `options` are asked for each connection. */
  constructor(options: () => ConnectionLimitOptions) {
    this.#options = options
  }

  /** How many were refused. */
  get refused(): number {
    return this.#refused
  }

  /** How to take the count back when the connection is closed; null: it is one too many. */
  admit(address: string): (() => void) | null {
    const { perAddress, exempt } = this.#options()
    if (perAddress === null || inNetworks(exempt, address)) return () => undefined
    const block = addressBlock(address)
    const open = this.#open
    const count = open.get(block) ?? 0
    if (count >= perAddress) {
      this.#refused++
      return null
    }
    open.set(block, count + 1)
    return () => {
      const left = (open.get(block) ?? 1) - 1
      if (left > 0) open.set(block, left)
      else open.delete(block)
    }
  }
}

/**
 * Close connections beyond the limit of their address as they come; `options` are asked for each.
 * Returns how many were closed.
 */
export const limitConnections = (
  server: Pick<Server, 'on'>,
  options: () => ConnectionLimitOptions,
): { refused(): number } => {
  const connections = new AddressConnections(options)
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress
    if (address === undefined) return
    const release = connections.admit(address)
    if (release === null) socket.destroy()
    else socket.once('close', release)
  })
  return { refused: () => connections.refused }
}
