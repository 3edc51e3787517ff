// Under which addresses stock BitTorrent clients reach the origin, for the tracker's answers, which carry
// addresses, not names: those of the public host, or where the request itself arrived. Names are
// looked up beside the requests, never while one waits.

import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { type Clock, systemClock } from '../core/clock.ts'
import { seedAddresses, seedAddressMs } from '../core/stock-limits.ts'

export interface SeedAddressesParts {
  /** Null: clients reach the origin where each request arrives. */
  readonly publicUrl: string | null
  /** Where the listener listens: an IPv4 address there is not reached by IPv6. */
  readonly listenHost: string
  readonly clock?: Pick<Clock, 'monotonicMs'>
  /** Tests only replace it. */
  readonly resolve?: (name: string) => Promise<readonly string[]>
}

const resolveName = async (name: string): Promise<readonly string[]> =>
  (await lookup(name, { all: true })).map(({ address }) => address)

const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '')

export class SeedAddresses {
  readonly #host: string | null
  readonly #listenFamily: number
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #resolve: (name: string) => Promise<readonly string[]>
  #resolved: readonly string[] = []
  #resolvedMs = Number.NEGATIVE_INFINITY

  constructor(parts: SeedAddressesParts) {
    const { publicUrl, listenHost } = parts
    this.#host = publicUrl === null ? null : new URL(publicUrl).hostname.replace(/^\[|\]$/g, '')
    this.#listenFamily = listenHost === '::' ? 0 : isIP(listenHost)
    this.#clock = parts.clock ?? systemClock
    this.#resolve = parts.resolve ?? resolveName
    this.#refresh()
  }

  /** Addresses for a request that arrived at `localAddress`; few, and none that cannot work. */
  of(localAddress: string | undefined): readonly string[] {
    this.#refresh()
    const known = this.#resolved.length > 0 ? this.#resolved : [plain(localAddress ?? '')]
    const family = this.#listenFamily
    return known
      .filter(address => isIP(address) !== 0 && (family === 0 || isIP(address) === family))
      .slice(0, seedAddresses)
  }

  #refresh(): void {
    const nowMs = this.#clock.monotonicMs()
    if (this.#host === null || nowMs - this.#resolvedMs < seedAddressMs) return
    this.#resolvedMs = nowMs
    if (isIP(this.#host) !== 0) {
      this.#resolved = [this.#host]
      return
    }
    this.#resolve(this.#host).then(
      addresses => {
        this.#resolved = addresses.map(plain)
      },
      // What was known before may still be right; else the request says where it arrived.
      () => undefined,
    )
  }
}
