// Where an origin listens: by its own server, or by worker threads in front of it.

import type { AddressInfo } from 'node:net'
import { describeError, MirrorswarmError, systemCode } from '../core/errors.ts'
import { idleCloseMs, stopGraceMs } from '../core/limits.ts'
import { listenBacklog } from '../core/serving-limits.ts'
import { mostWorkers } from '../core/worker-limits.ts'
import type { Assembly } from './assembly.ts'
import type { OriginOptions } from './options.ts'

type Listening = Pick<Assembly, 'app' | 'front' | 'pool'>

/** Throws MS_CONFIG_INVALID for a number of workers that cannot be. */
export const checkWorkers = (workers: number, platform: string = process.platform): void => {
  const fail = (why: string): never => {
    throw new MirrorswarmError('MS_CONFIG_INVALID', `--workers ${workers}: ${why}`)
  }
  if (!Number.isInteger(workers) || workers < 1 || workers > mostWorkers) {
    fail(`from 1 to ${mostWorkers} are possible`)
  }
  // Elsewhere threads cannot listen at one port, and there are no sockets without a file.
  if (workers > 1 && platform !== 'linux') fail('more than one works on Linux only')
}

const bind = async ({ app, front, pool }: Listening, host: string, port: number) => {
  if (pool === null) {
    front.guard(app.server)
    await app.listen({ host, port, backlog: listenBacklog })
    return app.server.address() as AddressInfo
  }
  await app.listen({ path: pool.entrance.place.path, backlog: listenBacklog })
  return await pool.workers.start(host, port)
}

/** Listen; returns the URL. Throws MS_CONFIG_INVALID where that is not possible. */
export const listen = async (assembly: Listening, options: OriginOptions): Promise<string> => {
  const { host, port } = options.listen
  try {
    const bound = await bind(assembly, host, port)
    const name = bound.address.includes(':') ? `[${bound.address}]` : bound.address
    return `${options.tls === null ? 'http' : 'https'}://${name}:${bound.port}/`
  } catch (error) {
    const reasons: Record<string, string> = {
      EADDRINUSE: 'another program listens there',
      EACCES: 'this user may not listen there',
      EADDRNOTAVAIL: 'that is no address of this machine',
      ENOTFOUND: 'the name is unknown',
    }
    const reason = reasons[systemCode(error) ?? ''] ?? describeError(error)
    const message = `cannot listen on ${host}:${port}: ${reason}`
    throw new MirrorswarmError('MS_CONFIG_INVALID', message, { cause: error })
  }
}

/** Stop listening, let answers end for a while, then cut them. */
export const closeServer = async (
  { app, front, tracker, pool }: Listening & Pick<Assembly, 'tracker'>,
  cut: () => void,
): Promise<void> => {
  pool?.workers.close()
  const closed = app.close()
  const late = setTimeout(() => {
    cut()
    app.server.closeAllConnections()
    front.cut()
  }, stopGraceMs)
  // Connections that become idle meanwhile would hold the server open.
  const idle = setInterval(() => app.server.closeIdleConnections(), idleCloseMs)
  try {
    await Promise.all([tracker.stop(), closed])
  } finally {
    clearTimeout(late)
    clearInterval(idle)
  }
  await pool?.workers.stop()
}
