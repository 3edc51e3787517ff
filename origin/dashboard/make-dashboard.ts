// Tells the dashboard where to read what it shows. Holds no decision.

import type { OriginContext } from '../context.ts'
import type { PackageOffer } from '../package-offer.ts'
import type { Publisher } from '../publisher.ts'
import type { OpenStore } from '../store.ts'
import { Dashboard } from './dashboard.ts'

export const makeDashboard = (
  context: OriginContext,
  { log, tracker, reader }: Pick<OpenStore, 'log' | 'tracker' | 'reader'>,
  publisher: Publisher,
  { offer, historyFile }: { readonly offer: PackageOffer; readonly historyFile: string },
): Dashboard => {
  const { clock, logger, metrics, resolver, redirector, publicUrl } = context
  return new Dashboard({
    ...{ clock, logger, metrics, resolver, redirector, publicUrl, log, tracker, publisher },
    offersPackage: () => offer.current !== null,
    historyFile,
    lag: {
      snapshotNumber: () => resolver.latest?.number ?? 0,
      snapshotMs: number => reader.snapshot(number)?.createdMs ?? null,
      nowMs: () => clock.nowMs(),
    },
  })
}
