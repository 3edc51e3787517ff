// mirrorswarm origin: runs the daemon until it is told to stop.

import { resolve } from 'node:path'
import { bittorrentPort } from '../../core/stock-limits.ts'
import type { OriginOptions } from '../../origin/main.ts'
import type { CarryOut } from '../command.ts'
import { dataFolderBeside, frontOptions, runDaemon, tlsFiles } from '../daemon.ts'
import { parseHostPort, type Values } from '../option-spec.ts'
import { optionTables } from '../options.ts'
import { ServiceManager } from '../service-manager.ts'

type Options = Values<typeof optionTables.origin>

/** What nobody asked for must not keep an origin from starting: there another port will do. */
const bittorrentListen = ({ bittorrentListen: text, listen }: Options) => {
  if (text === 'off') return null
  if (text === null) return { host: listen.host, port: bittorrentPort, orAnyPort: true }
  return { ...parseHostPort(text), orAnyPort: false }
}

/** Absolute: a daemon may be started anywhere. */
const accessLogFile = ({ accessLog }: Options): string | null =>
  accessLog === null || accessLog === '-' ? accessLog : resolve(accessLog)

/** The daemon's options from the command's. Throws UsageError for a pair that does not fit. */
export const originOptions = (options: Options): OriginOptions => ({
  repositoryDir: options.repositoryDir,
  dataDir: options.data ?? dataFolderBeside(options.repositoryDir),
  listen: options.listen,
  publicUrl: options.publicUrl,
  tls: tlsFiles(options),
  announceIntervalMs: options.announceInterval,
  settleMs: options.settle,
  scanIntervalMs: options.scanInterval,
  graceMs: options.grace,
  keepAtOrigin: options.keepAtOrigin,
  prefer: options.prefer,
  geoDatabases: options.geoDatabase.map(file => resolve(file)),
  maxShare: options.maxShare === null ? null : options.maxShare / 100,
  servingLimit: options.servingLimit,
  uploadLimitBytesPerSecond: options.uploadLimit,
  swarmUploadLimitBytesPerSecond: options.swarmUploadLimit,
  bittorrentListen: bittorrentListen(options),
  upstream: options.upstream,
  upstreamIntervalMs: options.upstreamInterval,
  workers: options.workers,
  hashThreads: options.hashThreads,
  requireClients: options.requireClients,
  publicDashboard: options.publicDashboard,
  packageFile: options.package === null ? null : resolve(options.package),
  front: frontOptions(options),
  rescueZone: options.rescueZone,
  auditIntervalMs: options.auditInterval,
  accessLog: accessLogFile(options),
  logLevel: options.logLevel,
  logAddresses: options.logAddresses,
})

export const runOrigin: CarryOut<typeof optionTables.origin> = async (values, io, reread) => {
  const { startOrigin } = await import('../../origin/main.ts')
  await runDaemon(
    {
      table: optionTables.origin,
      values,
      reread,
      translate: originOptions,
      service: new ServiceManager(process.env),
    },
    startOrigin,
    io,
    ({ newOperatorToken }) => {
      if (newOperatorToken === null) return
      io.note(`operator token (kept in ${originOptions(values).dataDir}): ${newOperatorToken}`)
    },
  )
}
