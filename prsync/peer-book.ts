// The peers of one torrent that the tracker named: which of them to connect to now, and when to try
// again those that could not be reached or were of no use.

import type { Random } from '../core/clock.ts'
import { peerRetryCeilingMs, peerRetryMs } from '../core/limits.ts'
import { addressText, type PeerAddress } from './connections.ts'
import { backoffMs } from './logic/backoff.ts'

interface Entry {
  readonly address: PeerAddress
  failures: number
  retryMs: number
  /** Being connected to, or connected. */
  busy: boolean
  /** Who answered there the last time. */
  peerId: string | null
}

export class PeerBook {
  readonly #random: Random
  #entries = new Map<string, Entry>()

  constructor(random: Random) {
    this.#random = random
  }

  get size(): number {
    return this.#entries.size
  }

  /** The tracker's newest list replaces the one before; what is known of each is kept. */
  set(addresses: readonly PeerAddress[]): void {
    const entries = new Map<string, Entry>()
    for (const address of addresses) {
      const text = addressText(address)
      const fresh = { address, failures: 0, retryMs: 0, busy: false, peerId: null }
      entries.set(text, this.#entries.get(text) ?? fresh)
    }
    this.#entries = entries
  }

  /** Up to `room` addresses to connect to now, in the tracker's order; `here` are connected. */
  due(nowMs: number, here: ReadonlySet<string>, room: number): PeerAddress[] {
    const due: PeerAddress[] = []
    for (const entry of this.#entries.values()) {
      if (due.length >= room) break
      const connected = entry.peerId !== null && here.has(entry.peerId)
      if (!entry.busy && !connected && nowMs >= entry.retryMs) due.push(entry.address)
    }
    return due
  }

  connecting(address: PeerAddress): void {
    const entry = this.#entries.get(addressText(address))
    if (entry !== undefined) entry.busy = true
  }

  /** The peer at this address said who it is. */
  met(address: string, peerId: string): void {
    const entry = this.#entries.get(address)
    if (entry !== undefined) entry.peerId = peerId
  }

  /** The connection ended. A useful peer is tried again soon, others later and later. */
  ended(address: PeerAddress, useful: boolean, nowMs: number): void {
    const entry = this.#entries.get(addressText(address))
    if (entry === undefined) return
    entry.busy = false
    entry.failures = useful ? 1 : entry.failures + 1
    const range = { firstMs: peerRetryMs, ceilingMs: peerRetryCeilingMs }
    entry.retryMs = nowMs + backoffMs(entry.failures, this.#random(), range)
  }

  /** Never connect there again: it is this very volunteer, or one that is not to be trusted. */
  shun(address: string): void {
    const entry = this.#entries.get(address)
    if (entry !== undefined) entry.retryMs = Number.POSITIVE_INFINITY
  }
}
