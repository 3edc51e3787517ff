// The address and scheme of whoever asks, as far as the operator's own proxies are to be believed.
// It knows nothing of rights or limits, which use what it says.

import type { IncomingHttpHeaders } from 'node:http'
import { inNetworks, type Network } from '../core/networks.ts'
import {
  clientBehind,
  type ForwardedHeader,
  type Hop,
  parseForwarded,
  parseXForwarded,
} from './logic/forwarded.ts'

/** A request, as far as it tells who asks: node:http's, or one that was read otherwise. */
export interface Asking {
  readonly headers: IncomingHttpHeaders
  readonly socket: { readonly remoteAddress?: string | undefined }
}

export interface SeenClient {
  /** IPv4 or IPv6 text; IPv4 addresses mapped into IPv6 as IPv4. Empty when the socket is gone. */
  readonly address: string
  /** By which scheme the client came to a trusted proxy; null when none tells. */
  readonly https: boolean | null
}

/** As sockets name it, without the form that a dual-stack listener gives to IPv4. */
export const socketAddress = (request: Pick<Asking, 'socket'>): string => {
  const address = request.socket.remoteAddress ?? ''
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

export class ClientAddresses {
  #trusted: readonly Network[]
  #header: ForwardedHeader

  constructor(trusted: readonly Network[], header: ForwardedHeader) {
    this.#trusted = trusted
    this.#header = header
  }

  /** Believe others from now on. */
  change(trusted: readonly Network[], header: ForwardedHeader): void {
    this.#trusted = trusted
    this.#header = header
  }

  of(request: Asking): SeenClient {
    const remote = socketAddress(request)
    if (this.#trusted.length === 0 || !inNetworks(this.#trusted, remote)) {
      return { address: remote, https: null }
    }
    const hops = this.#hops(request)
    return {
      address: clientBehind(remote, hops, this.#trusted),
      https: hops.at(-1)?.https ?? null,
    }
  }

  /** Does the request come from one of the operator's own proxies? */
  isProxy(request: Pick<Asking, 'socket'>): boolean {
    return inNetworks(this.#trusted, socketAddress(request))
  }

  #hops({ headers }: Asking): readonly Hop[] {
    const text = headers[this.#header]
    const value = Array.isArray(text) ? text.join(',') : text
    if (value === undefined) return []
    if (this.#header === 'forwarded') return parseForwarded(value)
    const proto = headers['x-forwarded-proto']
    return parseXForwarded(value, Array.isArray(proto) ? proto.at(-1) : proto)
  }
}
