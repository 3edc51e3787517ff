// What the origin knows of each volunteer, for Prometheus. The busiest have series of their own, the
// others are summed up as "_other"; all is read at the scrape from what the tracker has anyway.

import type { Registry } from 'prom-client'
import { addGauge } from '../core/collected-gauge.ts'
import type { VolunteerName } from '../core/ids.ts'
import { namedVolunteers } from '../core/selection-limits.ts'
import type { Suspicion } from '../tracker/events.ts'
import type { VolunteerView } from '../tracker/logic/views.ts'
import type { VolunteerState } from '../tracker/messages.ts'
import { nameVolunteers } from './logic/named-volunteers.ts'
import { addVolunteerCounters, type VolunteerCountersSources } from './volunteer-counters.ts'

/** What lag is counted from. */
export interface LagSources {
  /** Number of the newest snapshot; 0 before the first. */
  snapshotNumber(): number
  /** When the snapshot was made, milliseconds since 1970; null: not known (any more). */
  snapshotMs(number: number): number | null
  /** Milliseconds since 1970. */
  nowMs(): number
}

export interface VolunteerMetricsSources extends LagSources, VolunteerCountersSources {
  volunteers(): readonly VolunteerView[]
  suspicion(name: VolunteerName): Suspicion | null
  /** How far its clock is ahead of ours; null: not known. */
  skewMs(name: VolunteerName): number | null
}

/** Series together: of "_other", numbers that add up are added, the others are the largest (farthest from 0). */
type Merge = 'sum' | 'largest' | 'farthest'

interface Reading {
  readonly name: string
  readonly help: string
  readonly merge: Merge
  readonly read: (view: VolunteerView) => number
}

export const volunteerStates: readonly VolunteerState[] = [
  ...(['synced', 'syncing', 'draining', 'offline', 'unreachable', 'quarantined'] as const),
]

const merge = (how: Merge, one: number | undefined, other: number): number => {
  if (one === undefined) return other
  if (how === 'farthest') return Math.abs(one) > Math.abs(other) ? one : other
  return how === 'sum' ? one + other : Math.max(one, other)
}

/** How long there has been a snapshot that the volunteer has not applied, in seconds; 0: none. */
export const behindSeconds = (
  snapshot: number | null,
  { snapshotNumber, snapshotMs, nowMs }: LagSources,
): number => {
  const newest = snapshotNumber()
  if (newest === 0 || (snapshot ?? 0) >= newest) return 0
  const missedMs = snapshotMs((snapshot ?? 0) + 1) ?? snapshotMs(newest)
  return missedMs === null ? 0 : Math.max(0, (nowMs() - missedMs) / 1000)
}

const readings = (sources: VolunteerMetricsSources): readonly Reading[] => {
  const reading = (
    name: string,
    help: string,
    how: Merge,
    read: (view: VolunteerView) => number,
  ): Reading => ({ name: `mirrorswarm_volunteer_${name}`, help, merge: how, read })
  return [
    reading('held_bytes', 'Wanted distinct bytes that it has in place', 'sum', v => v.heldBytes),
    reading('held_files', 'Wanted files that it has in place', 'sum', v => v.heldFiles),
    reading('wanted_bytes', 'Distinct bytes that it wants', 'sum', v => v.wantedBytes),
    reading('active_clients', 'Clients that it serves', 'sum', v => v.activeClients),
    reading(
      'client_bytes_per_second',
      'What it sends to clients and its own network, as announced',
      'sum',
      v => v.clientBytesPerSecond,
    ),
    reading(
      'sync_bytes_per_second',
      'Its synchronisation, the busier direction, as announced',
      'sum',
      v => v.syncBytesPerSecond,
    ),
    reading('snapshots_behind', 'How many snapshots it lacks', 'largest', v =>
      Math.max(0, sources.snapshotNumber() - (v.snapshot ?? 0)),
    ),
    reading(
      'behind_seconds',
      'How long there has been a snapshot that it lacks; 0 when it has the newest',
      'largest',
      v => behindSeconds(v.snapshot, sources),
    ),
    reading(
      'suspicion',
      'Weight of failed probes and audits since the last that passed',
      'largest',
      v => sources.suspicion(v.name)?.weight ?? 0,
    ),
    reading(
      'clock_skew_seconds',
      'How far its clock was ahead of the origin’s at its newest announce',
      'farthest',
      v => (sources.skewMs(v.name) ?? Number.NaN) / 1000,
    ),
    reading(
      'last_announce_timestamp_seconds',
      'When it announced itself last; 0: not since the origin started',
      'largest',
      v => (v.lastAnnounceMs ?? 0) / 1000,
    ),
  ]
}

/** The volunteers of one scrape and what they are called in it, found out once for all series. */
class Sight {
  views: readonly VolunteerView[] = []
  readonly others = '_other'
  readonly #sources: VolunteerMetricsSources
  readonly #most: number
  #named = new Set<VolunteerName>()

  constructor(sources: VolunteerMetricsSources, most: number) {
    this.#sources = sources
    this.#most = most
  }

  refresh(): void {
    this.views = this.#sources.volunteers()
    const business = this.views.map(({ name, clientBytesPerSecond, heldBytes }) => ({
      name,
      weight: clientBytesPerSecond + heldBytes / 1e6,
    }))
    this.#named = nameVolunteers(business, this.#named, this.#most)
  }

  labelOf(name: VolunteerName): string {
    return this.#named.has(name) ? name : this.others
  }
}

/** Returns what is to be called before each scrape. */
export const addVolunteerMetrics = (
  registry: Registry,
  sources: VolunteerMetricsSources,
  most: number = namedVolunteers,
): (() => void) => {
  const sight = new Sight(sources, most)
  const labels = { of: (name: VolunteerName) => sight.labelOf(name), others: sight.others }
  addGauge(registry, {
    name: 'mirrorswarm_volunteer_state',
    help: 'How many volunteers of this name are in this state: 1 or 0, but for "_other"',
    labels: ['volunteer', 'state'],
    read: () => {
      const counts = new Map<string, Map<string, number>>()
      for (const { name, state } of sight.views) {
        const label = sight.labelOf(name)
        const own = counts.get(label) ?? new Map(volunteerStates.map(each => [each as string, 0]))
        counts.set(label, own.set(state, (own.get(state) ?? 0) + 1))
      }
      return [...counts].flatMap(([volunteer, own]) =>
        [...own].map(([state, count]) => [{ volunteer, state }, count] as const),
      )
    },
  })
  const refreshCounters = addVolunteerCounters(registry, sources, labels)
  for (const { name, help, merge: how, read } of readings(sources)) {
    addGauge(registry, {
      name,
      help,
      labels: ['volunteer'],
      read: () => {
        const values = new Map<string, number>()
        for (const view of sight.views) {
          const label = sight.labelOf(view.name)
          const value = read(view)
          // What is not known has no series.
          if (Number.isFinite(value)) values.set(label, merge(how, values.get(label), value))
        }
        return [...values].map(([volunteer, value]) => [{ volunteer }, value] as const)
      },
    })
  }
  return () => {
    sight.refresh()
    refreshCounters()
  }
}
