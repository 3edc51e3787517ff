// What the commands that run a daemon share: where its data lies, its "ready" line, its end.

import { type FrontOptions, frontDefaults } from '../delivery/front.ts'
import type { ForwardedHeader } from '../delivery/logic/forwarded.ts'
import type { Io } from './io.ts'
import { UsageError } from './usage-error.ts'

export interface Daemon {
  readonly url: string
  stop(): Promise<void>
}

/** /srv/repo, handed → /srv/repo.handed */
export const folderBeside = (folder: string, name: string): string => {
  if (folder === '/') throw new UsageError(`--accel-folder DIR is missing: nothing lies beside /`)
  return `${folder.replace(/\/+$/, '')}.${name}`
}

/** /srv/repo → /srv/repo.mirrorswarm */
export const dataFolderBeside = (folder: string): string => {
  if (folder === '/') throw new UsageError('--data DIR is missing: nothing lies beside /')
  return `${folder}.mirrorswarm`
}

export const tlsFiles = (options: {
  readonly tlsCert: string | null
  readonly tlsKey: string | null
}): { readonly certFile: string; readonly keyFile: string } | null => {
  const { tlsCert, tlsKey } = options
  if (tlsCert !== null && tlsKey !== null) return { certFile: tlsCert, keyFile: tlsKey }
  if (tlsCert !== null) throw new UsageError('--tls-key FILE is missing: it goes with --tls-cert')
  if (tlsKey !== null) throw new UsageError('--tls-cert FILE is missing: it goes with --tls-key')
  return null
}

/** Programs on the same machine have no limits, and neither have the networks that are named. */
export const frontOptions = (options: {
  readonly trustedProxy: readonly string[]
  readonly forwardedHeader: ForwardedHeader
  readonly network: readonly string[]
  readonly requestRate: number
  readonly clientConnections: number
}): FrontOptions => ({
  trustedProxies: options.trustedProxy,
  forwardedHeader: options.forwardedHeader,
  unlimitedNetworks: [...frontDefaults.unlimitedNetworks, ...options.network],
  requestsPerSecond: options.requestRate === 0 ? null : options.requestRate,
  connectionsPerAddress: options.clientConnections === 0 ? null : options.clientConnections,
})

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** Start it, print "ready URL" when it serves, and stop it cleanly when the process is told to. */
export const runDaemon = async <T extends Daemon>(
  start: () => Promise<T>,
  io: Io,
  onReady: (daemon: T) => void = () => undefined,
): Promise<void> => {
  const daemon = await start()
  onReady(daemon)
  io.print(`ready ${daemon.url.replace(/\/*$/, '/')}`)
  await aborted(io.stopped)
  await daemon.stop()
}
