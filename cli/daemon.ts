// What the commands that run a daemon share: where its data lies, its "ready" line, its end.

import type { Logger } from '../core/log.ts'
import { type FrontOptions, frontDefaults } from '../delivery/front.ts'
import type { ForwardedHeader } from '../delivery/logic/forwarded.ts'
import { type DaemonProgress, showProgress } from './daemon-progress.ts'
import type { Io } from './io.ts'
import type { OptionTable, Values } from './option-spec.ts'
import { Reloader } from './reload.ts'
import type { ServiceManager } from './service-manager.ts'
import { UsageError } from './usage-error.ts'

export interface Daemon<O> {
  readonly url: string
  readonly logger: Logger
  reload(options: O): Promise<void> | void
  /** Long work that is under way while it serves; null: none. */
  progress(): DaemonProgress | null
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

/** How a daemon comes by its options, at the start and again at SIGHUP. */
export interface DaemonOptions<T extends OptionTable, O> {
  readonly table: T
  readonly values: Values<T>
  readonly reread: () => Promise<Values<T>>
  /** Throws UsageError for values that do not fit together. */
  readonly translate: (values: Values<T>) => O
  readonly service: ServiceManager
}

/**
 * Start it, print "ready URL" when it serves, have it follow its configuration at SIGHUP, and stop
 * it cleanly when the process is told to.
 */
export const runDaemon = async <T extends OptionTable, O, D extends Daemon<O>>(
  { table, values, reread, translate, service }: DaemonOptions<T, O>,
  start: (options: O) => Promise<D>,
  io: Io,
  onReady: (daemon: D) => void = () => undefined,
): Promise<void> => {
  let reload = (): void => {
    early = true
  }
  let early = false
  io.onHangup(() => reload())
  const daemon = await start(translate(values))
  const { logger } = daemon
  const apply = (changed: Values<T>) => daemon.reload(translate(changed))
  const reloader = new Reloader({ table, reread, check: translate, apply, logger }, values)
  reload = () => void reloader.reload()
  if (early) reload()
  onReady(daemon)
  io.print(`ready ${daemon.url.replace(/\/*$/, '/')}`)
  await service.ready(logger)
  const hide = showProgress(io, logger, () => daemon.progress())
  await aborted(io.stopped)
  hide()
  void service.stopping()
  await daemon.stop()
}
