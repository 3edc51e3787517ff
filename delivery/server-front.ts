// Puts a front between a server of node:http or node:https and its connections. Knows nothing of what
// the front answers.

import type { Server, Socket } from 'node:net'
import type { Clock } from '../core/clock.ts'
import { describeError } from '../core/errors.ts'
import type { Logger } from '../core/log.ts'
import { type FrontParts, QuickFront } from './quick-front.ts'

export interface ServerFrontParts extends Pick<FrontParts, 'answer'> {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly logger: Pick<Logger, 'error'>
  /** What connections go through before; missing: they are clients' own. */
  readonly entrance?: { take(socket: Socket, adopt: (socket: Socket) => void): void }
}

/** Have a front see the server's connections first, those that TLS is taken off if `tls`. */
export const addFront = (
  server: Pick<Server, 'listeners' | 'removeAllListeners' | 'on' | 'emit'>,
  { answer, clock, logger, entrance }: ServerFrontParts,
  tls: boolean,
): QuickFront => {
  const event = tls ? 'secureConnection' : 'connection'
  const takers = server.listeners(event) as ((socket: Socket) => void)[]
  const front = new QuickFront({
    answer: (head, socket) => {
      try {
        return answer(head, socket)
      } catch (error) {
        // Behind node:http it fails again, and is answered for there.
        logger.error({ error: describeError(error) }, 'a quick answer failed')
        return null
      }
    },
    handOver: (socket, bytes) => {
      if (bytes.length > 0) socket.unshift(bytes)
      for (const take of takers) take.call(server, socket)
      socket.resume()
    },
    refuse: socket => {
      const late = Object.assign(new Error('no request'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
      server.emit('clientError', late, socket)
    },
    clock,
  })
  server.removeAllListeners(event)
  server.on(event, (socket: Socket) => {
    if (entrance === undefined) {
      front.adopt(socket)
      return
    }
    entrance.take(socket, taken => {
      front.adopt(taken)
      taken.resume()
    })
  })
  return front
}
