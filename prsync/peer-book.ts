// The peers of one torrent that the tracker named: which of them to connect to now, and when to try
// again those that could not be reached or were of no use. A peer is a volunteer, wherever it is.

import type { Random } from '../core/clock.ts'
import type { VolunteerName } from '../core/ids.ts'
import { peerRetryCeilingMs, peerRetryMs } from '../core/limits.ts'
import { addressText, type PeerAddress } from './connections.ts'
import { backoffMs } from './logic/backoff.ts'

interface Entry {
  address: PeerAddress
  failures: number
  retryMs: number
  /** Being connected to, or connected. */
  busy: boolean
}

export class PeerBook {
  readonly #random: Random
  #entries = new Map<VolunteerName, Entry>()

  constructor(random: Random) {
    this.#random = random
  }

  get size(): number {
    return this.#entries.size
  }

  /** The tracker's newest list replaces the one before; what is known of each is kept. */
  set(addresses: readonly PeerAddress[]): void {
    const entries = new Map<VolunteerName, Entry>()
    for (const address of addresses) {
      if (entries.has(address.name)) continue
      const known = this.#entries.get(address.name)
      const entry = known ?? { address, failures: 0, retryMs: 0, busy: false }
      // It moved: what is known of the old place says nothing of the new one.
      if (addressText(entry.address) !== addressText(address)) {
        entry.failures = 0
        entry.retryMs = 0
      }
      entry.address = address
      entries.set(address.name, entry)
    }
    this.#entries = entries
  }

  /** Up to `room` peers to connect to now, in the tracker's order, but for those to `skip`. */
  due(nowMs: number, skip: (name: VolunteerName) => boolean, room: number): PeerAddress[] {
    const due: PeerAddress[] = []
    for (const [name, entry] of this.#entries) {
      if (due.length >= room) break
      if (!entry.busy && nowMs >= entry.retryMs && !skip(name)) due.push(entry.address)
    }
    return due
  }

  connecting(name: VolunteerName): void {
    const entry = this.#entries.get(name)
    if (entry !== undefined) entry.busy = true
  }

  /** The connection ended. A useful peer is tried again soon, others later and later. */
  ended(name: VolunteerName, useful: boolean, nowMs: number): void {
    const entry = this.#entries.get(name)
    if (entry === undefined) return
    entry.busy = false
    entry.failures = useful ? 1 : entry.failures + 1
    const range = { firstMs: peerRetryMs, ceilingMs: peerRetryCeilingMs }
    entry.retryMs = nowMs + backoffMs(entry.failures, this.#random(), range)
  }
}
