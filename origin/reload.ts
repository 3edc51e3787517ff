// Gives a running origin what its operator changed, as far as that can be done without a restart. It
// knows no configuration files: the command line reads them and says what changed.

import type { AdjustableLogger } from '../core/log.ts'
import type { Assembly } from './assembly.ts'
import { GeoDatabase } from './geo.ts'
import { parsePreferRules } from './logic/prefer-rules.ts'
import { type OriginOptions, swarmRateOf } from './options.ts'
import { readPackage } from './package-offer.ts'
import { syncAnswersAt } from './serving-gate.ts'

export interface ReloadParts {
  readonly logger: AdjustableLogger
  readonly assembly: Pick<Assembly, 'accessLog' | 'context' | 'front' | 'offer' | 'selection'>
}

/**
 * Rates, the time of grace, answers at a time, who serves whom, databases of places and what volunteers install (read anew), proxies, limits of one
 * address, and the logs (opened anew); everything else in `options` is as it was at the start.
 * Rejects with MS_CONFIG_INVALID, and then nothing has changed.
 */
export const reload = async (
  { logger, assembly }: ReloadParts,
  options: OriginOptions,
): Promise<void> => {
  const { geoDatabases } = options
  const geo = geoDatabases.length === 0 ? null : await GeoDatabase.open(geoDatabases)
  const { context, front, selection } = assembly
  // What may be refused comes first.
  parsePreferRules(options.prefer)
  const offered = readPackage(options.packageFile)
  assembly.accessLog.change(options.accessLog, options.logAddresses)
  context.grace.change(options.graceMs)
  selection.change(options, geo)
  assembly.offer.change(offered)
  front.change(options.front)
  context.gate.change(options.servingLimit, syncAnswersAt(swarmRateOf(options)))
  context.limiter.change(options.uploadLimitBytesPerSecond)
  context.limiter.holdSwarm(options.swarmUploadLimitBytesPerSecond)
  logger.change(options.logLevel, options.logAddresses)
}
