// Whose turn it is on a connection whose client sends requests without waiting for answers, as apt
// does. Who waits holds nothing: no file, no buffer, no place among those that are served.

import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** One listener for all that wait on a connection, of which there may be thousands. */
const waiting = new WeakMap<Socket, Set<() => void>>()

const waitersOf = (socket: Socket): Set<() => void> => {
  const known = waiting.get(socket)
  if (known !== undefined) return known
  const waiters = new Set<() => void>()
  waiting.set(socket, waiters)
  socket.once('close', () => {
    for (const resume of [...waiters]) resume()
  })
  return waiters
}

/**
 * Resolves when earlier answers on this connection are out, or when it is closed; null if it is this
 * answer's turn already.
 */
export const turnOf = (response: ServerResponse): Promise<void> | null => {
  const { socket } = response.req
  if (response.socket !== null || socket.destroyed) return null
  return new Promise(resolve => {
    const waiters = waitersOf(socket)
    const resume = (): void => {
      waiters.delete(resume)
      response.off('socket', resume)
      resolve()
    }
    waiters.add(resume)
    response.once('socket', resume)
  })
}
