// What each volunteer was sent and says it has sent and received since the origin started, for
// Prometheus: by its name, or with the others under one.

import type { Registry } from 'prom-client'
import { addCounter } from '../core/collected-counter.ts'
import type { Sample } from '../core/collected-gauge.ts'
import type { VolunteerName } from '../core/ids.ts'
import { noTotals } from '../tracker/logic/totals.ts'
import type { AnnouncedTotals } from '../tracker/messages.ts'
import { LabelledTotals } from './logic/labelled-totals.ts'

export interface VolunteerCountersSources {
  /** What redirects to each volunteer came to, as expected. */
  redirected(): readonly {
    readonly name: VolunteerName
    readonly redirects: number
    readonly redirectedBytes: number
  }[]
  /** What it told in announces; null: nothing. */
  totals(name: VolunteerName): AnnouncedTotals | null
}

/** By which label a volunteer appears. */
export interface Labels {
  of(name: VolunteerName): string
  readonly others: string
}

const sent = { clients: 'clientBytes', network: 'networkBytes', peers: 'peersBytes' } as const
const got = { peers: 'fromPeersBytes', origin: 'fromOriginBytes', basis: 'reusedBytes' } as const
const announced = [...Object.values(sent), ...Object.values(got), 'syncMs'] as const
const columns = ['redirects', 'redirectedBytes', ...announced] as const
type Column = (typeof columns)[number]

/** Returns what is to be called before each scrape, when the labels are settled. */
export const addVolunteerCounters = (
  registry: Registry,
  sources: VolunteerCountersSources,
  labels: Labels,
): (() => void) => {
  const totals = new LabelledTotals()
  let rows: ReadonlyMap<string, readonly number[]> = new Map()
  const refresh = (): void => {
    const all = sources.redirected().map(({ name, redirects, redirectedBytes }) => {
      const told = sources.totals(name) ?? noTotals
      return { name, values: [redirects, redirectedBytes, ...announced.map(key => told[key])] }
    })
    rows = totals.update(all, labels.of, labels.others)
  }
  const samples = (column: Column, factor = 1, more: Readonly<Record<string, string>> = {}) => {
    const index = columns.indexOf(column)
    return [...rows].map(
      ([volunteer, values]): Sample => [{ volunteer, ...more }, (values[index] ?? 0) * factor],
    )
  }
  const add = (
    name: string,
    help: string,
    read: () => Sample[],
    more: readonly string[] = [],
  ): void =>
    addCounter(registry, {
      name: `mirrorswarm_volunteer_${name}_total`,
      help,
      labels: ['volunteer', ...more],
      read,
    })
  add('redirects', 'Requests that were sent there', () => samples('redirects'))
  add('redirected_bytes', 'Bytes that those asked for', () => samples('redirectedBytes'))
  add(
    'sent_bytes',
    'Bytes that it sent to clients, to its own network and to peers, as announced',
    () => Object.entries(sent).flatMap(([to, column]) => samples(column, 1, { to })),
    ['to'],
  )
  add(
    'obtained_bytes',
    'Bytes of contents that it fetched from peers or the origin, or found on its disk (basis), as announced',
    () => Object.entries(got).flatMap(([from, column]) => samples(column, 1, { from })),
    ['from'],
  )
  add('sync_seconds', 'Time that it spent synchronising, as announced', () =>
    samples('syncMs', 1 / 1000),
  )
  return refresh
}
