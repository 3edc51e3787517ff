// What stands between the world and a server's own work, the same at origin and volunteer: whose word
// for an address is believed, how much one address may ask, and who has no limits.

import type { Server, Socket } from 'node:net'
import { connectionsPerAddress, requestsPerSecond } from '../core/access-limits.ts'
import type { Clock } from '../core/clock.ts'
import { type Network, parseNetwork } from '../core/networks.ts'
import { ClientAddresses } from './client-address.ts'
import type { ForwardedHeader } from './logic/forwarded.ts'
import { RequestLimit } from './request-limit.ts'
import {
  AddressConnections,
  type ConnectionLimitOptions,
  limitConnections,
} from './server-limits.ts'

export interface FrontOptions {
  /** Networks (CIDR) of proxies that say who asks. */
  readonly trustedProxies: readonly string[]
  /** The header in which they say it. */
  readonly forwardedHeader: ForwardedHeader
  /** Own machines (CIDR), which have no limits; proxies have none either. */
  readonly unlimitedNetworks: readonly string[]
  /** Of one address, on average; null: no limit. */
  readonly requestsPerSecond: number | null
  /** Open at once from one address; null: no limit. */
  readonly connectionsPerAddress: number | null
}

/** Programs on the same machine have no limits. */
export const frontDefaults: FrontOptions = {
  trustedProxies: [],
  forwardedHeader: 'x-forwarded-for',
  unlimitedNetworks: ['127.0.0.0/8', '::1'],
  requestsPerSecond,
  connectionsPerAddress,
}

interface Checked {
  readonly trusted: readonly Network[]
  /** Own machines and proxies. */
  readonly exempt: readonly Network[]
}

const check = ({ trustedProxies, unlimitedNetworks }: FrontOptions): Checked => {
  const trusted = trustedProxies.map(parseNetwork)
  return { trusted, exempt: [...trusted, ...unlimitedNetworks.map(parseNetwork)] }
}

export class Front {
  readonly addresses: ClientAddresses
  readonly limit: RequestLimit
  readonly #sockets = new Set<Socket>()
  #connections: ConnectionLimitOptions

  /** Throws MS_CONFIG_INVALID for what is no network. */
  constructor(options: FrontOptions, clock: Pick<Clock, 'monotonicMs'>) {
    const { trusted, exempt } = check(options)
    this.#connections = { perAddress: options.connectionsPerAddress, exempt }
    this.addresses = new ClientAddresses(trusted, options.forwardedHeader)
    this.limit = new RequestLimit({ perSecond: options.requestsPerSecond, exempt }, clock)
  }

  /** Other options from now on; connections that are open stay. Throws MS_CONFIG_INVALID. */
  change(options: FrontOptions): void {
    const { trusted, exempt } = check(options)
    this.#connections = { perAddress: options.connectionsPerAddress, exempt }
    this.addresses.change(trusted, options.forwardedHeader)
    this.limit.change({ perSecond: options.requestsPerSecond, exempt })
  }

  /** Break all connections, also those that have not said a word, which node:http knows nothing of. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** For connections that threads of this process hold together. */
  connections(): AddressConnections {
    return new AddressConnections(() => this.#connections)
  }

  /** Hold a server's connections to the limit, from now on. */
  guard(server: Pick<Server, 'on'>): { refused(): number } {
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    return limitConnections(server, () => this.#connections)
  }
}
