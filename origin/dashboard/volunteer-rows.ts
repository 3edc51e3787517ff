// The rows of the dashboard's table of volunteers, and which of them are others than a moment ago.

import type { VolunteerName } from '../../core/ids.ts'
import type { AnnouncedBytes, VolunteerRow } from '../../dashboard/logic/overview.ts'
import type { Candidate } from '../../tracker/logic/views.ts'
import type { AnnouncedTotals } from '../../tracker/messages.ts'
import type { Tracker } from '../../tracker/tracker.ts'
import type { Redirector } from '../redirector.ts'
import { behindSeconds, type LagSources } from '../volunteer-metrics.ts'

export interface RowsParts {
  readonly tracker: Tracker
  readonly redirector: Redirector
  readonly lag: LagSources
}

const announcedOf = (totals: AnnouncedTotals | null): AnnouncedBytes | null =>
  totals && {
    toClients: totals.clientBytes,
    toPeers: totals.peersBytes,
    fromPeers: totals.fromPeersBytes,
    fromOrigin: totals.fromOriginBytes,
    reused: totals.reusedBytes,
  }

/** All rows, by name. */
export const volunteerRows = ({ tracker, redirector, lag }: RowsParts): readonly VolunteerRow[] => {
  const business = redirector.business()
  const candidates = new Map<VolunteerName, Candidate>(
    tracker.candidates().map(each => [each.name, each]),
  )
  return tracker
    .volunteers()
    .map(view => {
      const { name, snapshot, reasons } = view
      const busy = business.get(name)
      const candidate = candidates.get(name)
      return {
        name,
        url: view.url,
        state: view.state,
        snapshot,
        behindSeconds: Math.round(behindSeconds(snapshot, lag)),
        heldFiles: view.heldFiles,
        heldBytes: view.heldBytes,
        wantedFiles: view.wantedFiles,
        wantedBytes: view.wantedBytes,
        clientRate: Math.round(view.clientBytesPerSecond),
        syncRate: Math.round(view.syncBytesPerSecond),
        capacityRate: Math.round(busy?.capacityBytesPerSecond ?? 0),
        capacitySource: busy?.capacitySource ?? 'assumed',
        share: Math.round((busy?.share ?? 0) * 1000) / 1000,
        activeClients: view.activeClients,
        maxClients: candidate?.limits.maxClients ?? null,
        announced: announcedOf(tracker.totals(name)),
        lastAnnounceMs: view.lastAnnounceMs,
        weight: view.weight,
        trust: view.trust,
        site: view.site,
        mirror: view.mirror === true,
        disabled: candidate?.record.disabled === true,
        drained: candidate?.record.draining === true,
        reasons,
      }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Reasons may name files: only for those who may read all of them. */
export const withoutReasons = (row: VolunteerRow): VolunteerRow => ({ ...row, reasons: [] })

/** Remembers what was told last. */
export class RowChanges {
  #told = new Map<string, string>()

  /** Rows that are others than at the last call, and names that are gone. */
  step(rows: readonly VolunteerRow[]): {
    readonly changed: readonly VolunteerRow[]
    readonly gone: readonly string[]
  } {
    const told = new Map<string, string>()
    const changed: VolunteerRow[] = []
    for (const row of rows) {
      // That it still announces itself is no news; that it stopped shows in the state.
      const text = JSON.stringify({ ...row, lastAnnounceMs: null })
      if (this.#told.get(row.name) !== text) changed.push(row)
      told.set(row.name, text)
    }
    const gone = [...this.#told.keys()].filter(name => !told.has(name))
    this.#told = told
    return { changed, gone }
  }
}
