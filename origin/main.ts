// Starts and stops an origin: opens the data folder, listens, publishes and watches. Holds no decision;
// signals are the command's.

import { systemClock } from '../core/clock.ts'
import { describeError, isMirrorswarmError } from '../core/errors.ts'
import { collectSooner, collectStartGarbage } from '../core/garbage.ts'
import { warnOfSlowKernel } from '../core/kernel/slow-kernel.ts'
import { createLogger, type Logger } from '../core/log.ts'
import { TreeWatcher } from '../manifest/watch.ts'
import { type Assembly, assemble } from './assembly.ts'
import { type DataFolder, openDataFolder } from './data-folder.ts'
import { GeoDatabase } from './geo.ts'
import { checkWorkers, closeServer, listen } from './listening.ts'
import type { OriginOptions } from './options.ts'
import { reload } from './reload.ts'
import { seedListenOf } from './seeding.ts'
import { openStore } from './store.ts'

export type { OriginOptions } from './options.ts'
export { originDefaults } from './options.ts'

export interface WorkProgress {
  readonly what: string
  readonly doneBytes: number
  readonly totalBytes: number
}

export interface RunningOrigin {
  /** Where it listens, with a slash at the end. */
  readonly url: string
  /** The operator token if the data folder was made by this start, to be shown once. */
  readonly newOperatorToken: string | null
  readonly logger: Logger
  /** How far the reading of the tree is; null while nothing is read. */
  progress(): WorkProgress | null
  /**
   * Work by these options from now on, as far as that is possible while it runs: see reload.ts.
   * Rejects with MS_CONFIG_INVALID, and then nothing has changed.
   */
  reload(options: OriginOptions): Promise<void>
  /** End cleanly within a few seconds; what is being sent may be cut. */
  stop(): Promise<void>
}

/** Where commands on this machine reach the origin: a certificate is good for the public name. */
const localUrl = (options: OriginOptions, url: string): string => {
  const reached = options.tls !== null && options.publicUrl !== null ? options.publicUrl : url
  return reached
    .replace('//0.0.0.0:', '//127.0.0.1:')
    .replace('//[::]:', '//[::1]:')
    .replace(/\/+$/, '')
}

const readingOf = ({ publisher }: Assembly): WorkProgress | null => {
  const { progress } = publisher.status
  if (progress === null || progress.toHashBytes === 0) return null
  const { scannedFiles, hashedBytes: doneBytes, toHashBytes: totalBytes } = progress
  return { what: `${scannedFiles} files found, hashing`, doneBytes, totalBytes }
}

const startParts = async (
  options: OriginOptions,
  folder: DataFolder,
  logger: Logger,
  stack: AsyncDisposableStack,
): Promise<{ readonly url: string; readonly assembly: Assembly }> => {
  const store = openStore(folder, options, logger, stack)
  const stopping = new AbortController()
  const { geoDatabases } = options
  const geo = geoDatabases.length === 0 ? null : await GeoDatabase.open(geoDatabases)
  const assembly = assemble(folder, store, options, logger, stopping.signal, geo)
  const { tracker, reachability, auditor, stock, resolver, prober, seeding } = assembly
  assembly.accessLog.change(options.accessLog, options.logAddresses)
  stack.defer(() => assembly.accessLog.stop())
  await tracker.start()
  await assembly.selection.start(stopping.signal)
  await assembly.context.forms.start()
  stack.defer(() => assembly.context.forms.stop())
  stack.defer(() => assembly.context.zsync.stop())
  stack.defer(() => closeServer(assembly, () => stopping.abort(new Error('the origin stops'))))
  stack.defer(() => assembly.tlsReloader?.stop())
  stack.defer(() => prober.stop())
  stack.defer(() => stock.stop())
  const identity = store.reader.identity()
  const { latest } = resolver
  if (identity !== null && latest !== null) {
    await tracker.publishSnapshot({ ...identity, number: latest.number })
  }
  await assembly.dashboard.start()
  collectSooner()
  collectStartGarbage()
  const url = await listen(assembly, options)
  assembly.tlsReloader?.start()
  stack.defer(() => seeding.stop())
  const bittorrent = seedListenOf(options)
  if (bittorrent !== null) await seeding.start(bittorrent)
  reachability.start()
  stack.defer(() => reachability.stop())
  assembly.foreign.start()
  stack.defer(() => assembly.foreign.stop())
  auditor.start()
  stack.defer(() => auditor.stop())
  const { rescueNames } = assembly.context
  rescueNames?.start()
  stack.defer(() => rescueNames?.stop())
  assembly.pathIndex.start()
  stack.defer(() => assembly.pathIndex.stop())
  await folder.announceRunning(localUrl(options, url))
  const stopPublishing = startPublishing(options, folder, assembly, logger)
  stack.defer(stopPublishing)
  return { url, assembly }
}

/** By what an rsync server has, or whenever the tree changes. Returns how to end it. */
const startPublishing = (
  options: OriginOptions,
  folder: DataFolder,
  { publisher, upstream }: Assembly,
  logger: Logger,
): (() => Promise<void>) => {
  if (upstream !== null) {
    upstream.start()
    return async () => {
      const pulling = upstream.stop()
      await publisher.stop()
      await pulling
    }
  }
  const watcher = new TreeWatcher(folder.options.repositoryDir, {
    settleMs: options.settleMs,
    scanIntervalMs: options.scanIntervalMs,
    clock: systemClock,
    onSettled: async () => {
      await publisher.publish({ allowShrink: false })
    },
    onProblem: error => {
      const code = isMirrorswarmError(error) ? error.code : 'MS_INTERNAL'
      logger.warn({ code, error: describeError(error) }, 'the tree was not published')
    },
  })
  watcher.start()
  return async () => {
    // Its publish ends when the publisher does.
    const watching = watcher.stop()
    await publisher.stop()
    await watching
  }
}

/**
 * Start an origin. Resolves when it serves; the first snapshot may still be in the making. Throws
 * MS_CONFIG_INVALID, MS_DATA_LOCKED, MS_DATA_CORRUPT.
 */
export const startOrigin = async (options: OriginOptions): Promise<RunningOrigin> => {
  checkWorkers(options.workers)
  const logger = createLogger('origin', options.logLevel, options.logAddresses)
  warnOfSlowKernel(logger)
  const { repositoryDir, keepAtOrigin } = options
  const folder = await openDataFolder(options.dataDir, { repositoryDir, keepAtOrigin })
  const stack = new AsyncDisposableStack()
  stack.defer(() => folder.close())
  try {
    const { url, assembly } = await startParts(options, folder, logger, stack)
    logger.info({ url, repository: folder.options.repositoryDir }, 'serving')
    return {
      url,
      newOperatorToken: folder.created ? folder.operatorToken : null,
      logger,
      progress: () => readingOf(assembly),
      reload: changed => reload({ logger, assembly }, changed),
      stop: () => stack.disposeAsync(),
    }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}
