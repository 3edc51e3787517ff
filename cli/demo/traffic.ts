// Who sent how much in the demo. A killed process forgets its counters, so they are read before.

import {
  bytesSentToSwarm,
  bytesServedToClients,
  fetchedBytes,
  redirects,
} from '../../loadtest/counters.ts'
import type { Daemon } from '../../loadtest/daemon.ts'
import type { Network } from '../../loadtest/network.ts'

export interface Traffic {
  readonly toClientsBytes: number
  readonly toSwarmBytes: number
  readonly fetchedBytes: number
}

const none: Traffic = { toClientsBytes: 0, toSwarmBytes: 0, fetchedBytes: 0 }

const add = (one: Traffic, other: Traffic): Traffic => ({
  toClientsBytes: one.toClientsBytes + other.toClientsBytes,
  toSwarmBytes: one.toSwarmBytes + other.toSwarmBytes,
  fetchedBytes: one.fetchedBytes + other.fetchedBytes,
})

export class TrafficLedger {
  readonly #network: Network
  readonly #ended = new Map<string, Traffic>()

  constructor(network: Network) {
    this.#network = network
  }

  /** Keep what a daemon has counted, since it will be killed. */
  async remember(daemon: Daemon): Promise<void> {
    this.#ended.set(daemon.name, add(await this.#read(daemon), this.#before(daemon)))
  }

  /** All of a daemon's traffic, over its restarts. */
  async of(daemon: Daemon): Promise<Traffic> {
    const now = daemon.running ? await this.#read(daemon) : none
    return add(this.#before(daemon), now)
  }

  redirects(): Promise<number> {
    return redirects(this.#network)
  }

  #before(daemon: Daemon): Traffic {
    return this.#ended.get(daemon.name) ?? none
  }

  async #read(daemon: Daemon): Promise<Traffic> {
    return {
      toClientsBytes: await bytesServedToClients(this.#network, daemon),
      toSwarmBytes: await bytesSentToSwarm(this.#network, daemon),
      fetchedBytes: await fetchedBytes(this.#network, daemon),
    }
  }
}
