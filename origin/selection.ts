// Puts together what chooses volunteers: the redirector, where everybody is, and which contents
// signed indexes name.

import { systemClock } from '../core/clock.ts'
import type { Logger } from '../core/log.ts'
import { unknownPreferredMs, volunteerAddressMs } from '../core/selection-limits.ts'
import type { DataFolder } from './data-folder.ts'
import type { GeoDatabase } from './geo.ts'
import type { Grace } from './grace.ts'
import { parsePreferRules, unknownPreferred } from './logic/prefer-rules.ts'
import type { OriginOptions } from './options.ts'
import { Redirector, type RedirectorParts } from './redirector.ts'
import { SignedReader } from './signed-reader.ts'
import { VolunteerPlaces } from './volunteer-places.ts'

export interface SelectionParts {
  readonly folder: DataFolder
  readonly source: RedirectorParts['source']
  /** Null: there are no geo databases. */
  readonly geo: GeoDatabase | null
  readonly options: Pick<OriginOptions, 'prefer' | 'maxShare' | 'policy'>
  readonly grace: Grace
  readonly logger: Logger
}

export interface SelectionSystem {
  readonly redirector: Redirector
  readonly signed: SignedReader
  /** Decide by these from now on. Throws MS_CONFIG_INVALID, and then nothing has changed. */
  change(options: Pick<OriginOptions, 'prefer' | 'maxShare'>, geo: GeoDatabase | null): void
  /** Read what is on the disk, and keep addresses fresh until `stopping`. */
  start(stopping: AbortSignal): Promise<void>
}

/** Throws MS_CONFIG_INVALID for rules that cannot be kept. */
export const makeSelection = (
  { folder, source, geo, options, grace, logger }: SelectionParts,
  more: Pick<
    RedirectorParts,
    'hasRoomForRepeats' | 'onSent' | 'baseOf' | 'provedPathOf' | 'requireClients'
  >,
): SelectionSystem => {
  const places = new VolunteerPlaces({ geo, clock: systemClock })
  const { policy } = options
  const signed = new SignedReader(folder.files.folder, logger, { clock: systemClock, grace })
  let { maxShare } = options
  let rules = parsePreferRules(options.prefer)
  const redirector = new Redirector({
    ...{ source, places, clock: systemClock, random: Math.random },
    rules,
    signed: () => signed.contents,
    ...(policy === undefined ? {} : { policy }),
    ...more,
    get maxShare() {
      return maxShare ?? 1
    },
  })
  const warnOfUnknown = (): void => {
    const names = new Set(source.candidates().map(({ name }) => name))
    for (const name of unknownPreferred(rules, names)) {
      logger.warn({ volunteer: name }, '--prefer names a volunteer that is not enrolled')
    }
  }
  const start = async (stopping: AbortSignal): Promise<void> => {
    await signed.refresh()
    const timer = setInterval(() => places.refresh(), volunteerAddressMs / 10)
    warnOfUnknown()
    const reminder = setInterval(warnOfUnknown, unknownPreferredMs)
    for (const each of [timer, reminder]) {
      each.unref()
      stopping.addEventListener('abort', () => clearInterval(each), { once: true })
    }
  }
  const change: SelectionSystem['change'] = (changed, newGeo) => {
    rules = parsePreferRules(changed.prefer)
    maxShare = changed.maxShare
    signed.changed()
    redirector.setRules(rules)
    places.change(newGeo)
    warnOfUnknown()
  }
  return { redirector, signed, change, start }
}
