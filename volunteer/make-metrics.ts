// Tells the metrics where to read what they show; before the volunteer is enrolled there is little.
// Holds no decision.

import { systemClock } from '../core/clock.ts'
import type { VolunteerName } from '../core/ids.ts'
import type { Assembly } from './assemble.ts'
import { Metrics } from './metrics.ts'
import type { CheckedOptions } from './options.ts'

export const makeMetrics = (
  name: VolunteerName,
  options: CheckedOptions,
  assembly: () => Assembly | null,
  certificateEndsMs: () => number | null,
): Metrics => {
  const progress = () => assembly()?.stores.work.progress()
  return new Metrics(
    {
      swarmSentBytes: () => assembly()?.transport.swarm.counters().uploadedBytes ?? 0,
      fetchedBytes: () => assembly()?.transport.fetchedBytes() ?? { peers: 0, origin: 0 },
      reusedBytes: () => assembly()?.transport.prefill.reusedBytes() ?? 0,
      heldFiles: () => progress()?.heldFiles ?? 0,
      heldBytes: () => progress()?.heldBytes ?? 0,
      wantedBytes: () => progress()?.wantedBytes ?? 0,
      snapshot: () => assembly()?.stores.store.placedSnapshot() ?? 0,
      activeClients: () => assembly()?.serving.activeClients ?? 0,
    },
    {
      name,
      limits: () => assembly()?.status.options ?? options,
      syncState: () => assembly()?.status.wire().sync.state ?? null,
      syncMs: () => assembly()?.follow.sync.busyMs ?? 0,
      isOpen: () => assembly()?.schedule.isOpen ?? true,
      isOriginHeard: () => assembly()?.announcer.isHeard ?? false,
      skewMs: () => {
        const origin = assembly()?.announcer.originClock ?? null
        if (origin === null) return null
        const sinceMs = systemClock.monotonicMs() - origin.learnedAtMs
        return systemClock.nowMs() - (origin.originMs + sinceMs)
      },
      torrents: () => assembly()?.transport.swarm.downloads().length ?? 0,
      leftOut: () => assembly()?.follow.reconciler.leftOut ?? 0,
      blockedPaths: () => assembly()?.stores.work.blocked(0).count ?? 0,
      // The file system does not say: the rest of the scrape is worth more.
      usableBytes: async () =>
        (await assembly()
          ?.transport.space.usableBytes()
          .catch(() => Number.NaN)) ?? Number.NaN,
      memory: () => assembly()?.memory ?? null,
      certificateEndsMs,
    },
  )
}
