// Who really asks when proxies stand in front: X-Forwarded-For and Forwarded (RFC 7239), believed
// hop by hop from the right, only as far as the hop is a proxy of ours. Pure; knows no sockets.

import { inNetworks, type Network, plainAddress } from '../../core/networks.ts'

/** The one header that the operator's proxies set; the other one may be a client's own words. */
export const forwardedHeaders = ['x-forwarded-for', 'forwarded'] as const
export type ForwardedHeader = (typeof forwardedHeaders)[number]

/** One hop as the proxy to the right of it reports it. */
export interface Hop {
  /** Null when the proxy does not tell: "unknown", an obfuscated name, or nonsense. */
  readonly address: string | null
  /** Null when it does not tell. */
  readonly https: boolean | null
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`; null for any other text. */
const nodeAddress = (text: string): string | null => {
  const bracketed = /^\[([^\]]+)\](?::[\w.-]+)?$/.exec(text)?.[1]
  if (bracketed !== undefined) return plainAddress(bracketed)
  const withPort = /^(\d+\.\d+\.\d+\.\d+):[\w.-]+$/.exec(text)?.[1]
  return plainAddress(withPort ?? text)
}

const httpsOf = (text: string | undefined): boolean | null => {
  if (text === undefined) return null
  const proto = text.trim().toLowerCase()
  return proto === 'https' ? true : proto === 'http' ? false : null
}

/** Hops of an X-Forwarded-For with the last value of X-Forwarded-Proto, leftmost first. */
export const parseXForwarded = (addresses: string, proto: string | undefined): Hop[] => {
  const https = httpsOf(proto?.split(',').at(-1))
  const parts = addresses.split(',')
  return parts.map((part, index) => ({
    address: nodeAddress(part.trim()),
    https: index === parts.length - 1 ? https : null,
  }))
}

const pairPattern =
  /^\s*([!#$%&'*+.^_`|~\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~\w:[\]-]*))\s*$/

/** The hop of one element; one that is not of RFC 7239's form tells nothing. */
const parseElement = (element: string): Hop => {
  const pairs = new Map<string, string>()
  for (const pair of element.split(';')) {
    const match = pairPattern.exec(pair)
    if (match === null) return { address: null, https: null }
    const [, name = '', quoted, token = ''] = match
    pairs.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? token)
  }
  const node = pairs.get('for')
  return {
    address: node === undefined ? null : nodeAddress(node),
    https: httpsOf(pairs.get('proto')),
  }
}

/**
 * Hops of a Forwarded header, leftmost first. Elements are cut at every comma, quoted or not: an
 * open quote in what the client sent must not swallow what the proxy added behind it.
 */
export const parseForwarded = (header: string): Hop[] => header.split(',').map(parseElement)

/**
 * The rightmost hop that is no proxy of ours, beginning with the connection's own other end. A proxy
 * that does not tell who asked it counts as the one who asks.
 */
export const clientBehind = (
  remote: string,
  hops: readonly Hop[],
  trusted: readonly Network[],
): string => {
  let current = remote
  for (let index = hops.length - 1; index >= 0; index--) {
    if (!inNetworks(trusted, current)) return current
    const next = hops[index]?.address ?? null
    if (next === null) return current
    current = next
  }
  return current
}
