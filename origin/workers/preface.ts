// What a worker thread says of a connection before it passes it on to the main thread: one line of
// JSON. Pure: knows no sockets.

import { timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'

/** The ends of a client's connection, as its own socket names them. */
export interface ConnectionEnds {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  /** What follows was decrypted by the worker. */
  readonly tls: boolean
}

/** `secret`: known to this process only. */
export const encodePreface = (secret: string, ends: ConnectionEnds): string => {
  const { remoteAddress, remotePort, localAddress, localPort, tls } = ends
  return `${JSON.stringify([secret, remoteAddress, remotePort, localAddress, localPort, tls])}\n`
}

const isPort = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535

const isSecret = (given: unknown, secret: string): boolean => {
  if (typeof given !== 'string') return false
  const one = Buffer.from(given)
  const other = Buffer.from(secret)
  return one.length === other.length && timingSafeEqual(one, other)
}

/** The line without its end; null for whatever a worker of this process would not send. */
export const parsePreface = (secret: string, line: string): ConnectionEnds | null => {
  let parts: unknown
  try {
    parts = JSON.parse(line)
  } catch {
    return null
  }
  if (!Array.isArray(parts) || parts.length !== 6 || !isSecret(parts[0], secret)) return null
  const [, remoteAddress, remotePort, localAddress, localPort, tls] = parts as unknown[]
  if (typeof remoteAddress !== 'string' || isIP(remoteAddress.replace(/%.*$/, '')) === 0)
    return null
  if (typeof localAddress !== 'string' || isIP(localAddress.replace(/%.*$/, '')) === 0) return null
  if (!isPort(remotePort) || !isPort(localPort) || typeof tls !== 'boolean') return null
  return { remoteAddress, remotePort, localAddress, localPort, tls }
}
