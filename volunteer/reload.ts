// Gives a running volunteer what its owner changed, as far as that can be done without a restart. It
// knows no configuration files: the command line reads them and says what changed.

import type { AdjustableLogger } from '../core/log.ts'
import { type Front, frontDefaults } from '../delivery/front.ts'
import type { Assembly } from './assemble.ts'
import { checkOptions, type VolunteerOptions } from './options.ts'
import { sameWishes, type Wishes } from './wishes.ts'

export interface ReloadParts {
  readonly logger: AdjustableLogger
  readonly front: Front
  readonly assembly: Pick<
    Assembly,
    'announcer' | 'client' | 'follow' | 'schedule' | 'serving' | 'status' | 'stores' | 'transport'
  >
}

const changeWishes = (
  { client, follow, stores }: ReloadParts['assembly'],
  wishes: Wishes,
): void => {
  // Only with a quota it matters what clients ask for.
  client.setPopular(wishes.quotaBytes === null ? null : stores.popular.tag)
  follow.reconciler.change(wishes)
  follow.sync.rechoose()
}

/**
 * Rates, hours, free space, clients at a time, networks, proxies, limits of one address, the log, and
 * what is held, how much of it and for how long; everything else in `given` is as it was at the start. Throws MS_CONFIG_INVALID, and then
 * nothing has changed.
 */
export const reload = ({ logger, front, assembly }: ReloadParts, given: VolunteerOptions): void => {
  const options = checkOptions(given)
  // What may be refused comes first.
  const wishes = assembly.follow.wishesFor(options)
  front.change(options.front ?? frontDefaults)
  const { announcer, schedule, serving, status, transport } = assembly
  transport.uploadLimiter.change(options.uploadLimitBytesPerSecond)
  transport.downloadLimiter.change(options.downloadLimitBytesPerSecond)
  transport.space.change(options.minFreeBytes)
  serving.change({ networks: options.networks, maxClients: options.maxClients })
  if (!sameWishes(status.options, options)) changeWishes(assembly, wishes)
  assembly.follow.sync.setOwnGrace(options.graceMs)
  status.change(options)
  schedule.change(options.hours)
  logger.change(options.logLevel, options.logAddresses ?? 'full')
  // The origin learns of other limits at once.
  announcer.nudge()
}
