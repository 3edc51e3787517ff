// Passes a client's connection from a worker thread to the main thread for good: the worker only
// carries bytes, both ways, at the pace of the slower side. It knows nothing of HTTP.

import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { stalledClientMs } from '../../core/limits.ts'
import { lingerMs, openPrefaces, prefaceBytes, prefaceTimeoutMs } from '../../core/worker-limits.ts'
import { type ConnectionEnds, encodePreface, parsePreface } from './preface.ts'

/** Where the main thread takes connections over, and what proves that a worker of it asks. */
export interface TunnelPlace {
  /** An abstract Unix socket (Linux): no file, gone with the process. */
  readonly path: string
  readonly secret: string
}

const newLine = 0x0a

/**
 * Have node:http end a connection behind its last answer instead of breaking it while the client
 * still sends: a Unix socket that is closed with something unread in it takes the answer along.
 */
const endGently = (socket: Socket): void => {
  socket.destroySoon = () => {
    socket.end()
    const late = setTimeout(() => socket.destroy(), lingerMs)
    socket.once('close', () => clearTimeout(late))
  }
}

/** The socket says of itself what the client's says: routes, limits and logs see the client. */
const dress = (socket: Socket, ends: ConnectionEnds): void => {
  const { remoteAddress, remotePort, localAddress, localPort, tls } = ends
  const family = (address: string): string => (address.includes(':') ? 'IPv6' : 'IPv4')
  const shown = {
    ...{ remoteAddress, remotePort, remoteFamily: family(remoteAddress) },
    ...{ localAddress, localPort, localFamily: family(localAddress) },
    ...(tls ? { encrypted: true } : {}),
  }
  for (const [name, value] of Object.entries(shown)) {
    Object.defineProperty(socket, name, { value, configurable: true })
  }
}

/** The main thread's end: a server that listens at `place` (half-open) gives each connection to it. */
export class TunnelEntrance {
  readonly place: TunnelPlace
  readonly #timeoutMs: number
  #waiting = 0
  /** Connections that no worker of this process made. */
  refused = 0

  constructor(timeoutMs = prefaceTimeoutMs) {
    this.#timeoutMs = timeoutMs
    this.place = {
      path: `\0mirrorswarm-${randomBytes(16).toString('hex')}`,
      secret: randomBytes(32).toString('hex'),
    }
  }

  /** `onConnection`: the client's, whose first bytes wait in it; not if it is none of ours. */
  take(socket: Socket, onConnection: (socket: Socket, ends: ConnectionEnds) => void): void {
    const onError = (): void => {
      socket.destroy()
    }
    socket.on('error', onError)
    if (this.#waiting >= openPrefaces) {
      this.#refuse(socket)
      return
    }
    this.#waiting++
    const done = (): void => {
      this.#waiting--
    }
    this.#readPreface(socket, done, onConnection)
  }

  #refuse(socket: Socket): void {
    this.refused++
    socket.destroy()
  }

  #readPreface(
    socket: Socket,
    done: () => void,
    onConnection: (socket: Socket, ends: ConnectionEnds) => void,
  ): void {
    let bytes: Buffer = Buffer.alloc(0)
    const late = setTimeout(() => this.#refuse(socket), this.#timeoutMs)
    const settle = (): void => {
      clearTimeout(late)
      socket.off('data', onData)
      socket.off('close', settle)
      socket.off('end', onEnd)
      done()
    }
    const onEnd = (): void => this.#refuse(socket)
    const onData = (part: Buffer): void => {
      bytes = bytes.length === 0 ? part : Buffer.concat([bytes, part])
      const end = bytes.indexOf(newLine)
      if (end < 0 && bytes.length <= prefaceBytes) return
      settle()
      const line = end < 0 || end > prefaceBytes ? '' : bytes.toString('latin1', 0, end)
      const ends = parsePreface(this.place.secret, line)
      if (ends === null) {
        this.#refuse(socket)
        return
      }
      socket.pause()
      if (end + 1 < bytes.length) socket.unshift(bytes.subarray(end + 1))
      dress(socket, ends)
      endGently(socket)
      onConnection(socket, ends)
    }
    socket.on('data', onData)
    socket.once('close', settle)
    socket.once('end', onEnd)
  }
}

/** The ends of a client's own socket; null when it is gone already. */
export const endsOf = (socket: Socket, tls: boolean): ConnectionEnds | null => {
  const { remoteAddress, remotePort, localAddress, localPort } = socket
  if (remoteAddress === undefined || remotePort === undefined) return null
  if (localAddress === undefined || localPort === undefined) return null
  return { remoteAddress, remotePort, localAddress, localPort, tls }
}

/**
 * Pass a client's connection on, from `first` (already read from it) to its end. Whatever becomes of
 * one side becomes of the other: an end, a break, a pause.
 */
export const passOn = (
  client: Socket,
  first: Uint8Array,
  place: TunnelPlace,
  tls: boolean,
): void => {
  client.removeAllListeners('timeout')
  client.setTimeout(0)
  client.pause()
  const ends = endsOf(client, tls)
  if (ends === null) {
    client.destroy()
    return
  }
  const inner = connect({ path: place.path, allowHalfOpen: true })
  inner.write(encodePreface(place.secret, ends))
  if (first.length > 0) inner.write(first)
  const cut = (): void => {
    inner.destroy()
    client.destroy()
  }
  inner.on('error', cut)
  client.on('error', cut)
  client.once('close', () => inner.destroy())
  inner.once('close', () => {
    if (!inner.readableEnded) {
      client.destroy()
      return
    }
    // What the main thread said last may still be on its way.
    client.setTimeout(stalledClientMs, () => client.destroy())
    client.destroySoon()
  })
  client.pipe(inner)
  inner.pipe(client)
}
