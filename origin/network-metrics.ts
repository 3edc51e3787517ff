// How the network as a whole fares, for Prometheus: its swarm, and whether what clients ask for most
// is held by anybody. All is read at the scrape.

import type { Registry } from 'prom-client'
import { addGauge, addValue } from '../core/collected-gauge.ts'
import type { ContentNumber } from '../core/ids.ts'
import { watchedContents } from '../core/selection-limits.ts'
import type { SwarmHealth } from '../tracker/logic/swarm-health.ts'

/** Somebody who may hold a content. */
export interface Holder {
  readonly state: string
  has(content: ContentNumber): boolean
}

export interface NetworkMetricsSources {
  swarm(): SwarmHealth
  /** The contents that are asked for most and that the newest snapshot has, at most so many. */
  popular(most: number): readonly ContentNumber[]
  holders(): readonly Holder[]
}

/** How many of the contents no volunteer has that could take clients. */
export const countUnheld = (
  contents: readonly ContentNumber[],
  holders: readonly Holder[],
): number => {
  const willing = holders.filter(({ state }) => state === 'synced' || state === 'syncing')
  return contents.filter(content => !willing.some(holder => holder.has(content))).length
}

export const addNetworkMetrics = (registry: Registry, sources: NetworkMetricsSources): void => {
  const value = (name: string, help: string, read: () => number): void =>
    addValue(registry, `mirrorswarm_${name}`, help, read)
  value('swarm_torrents', 'Torrents that volunteers download', () => sources.swarm().torrents)
  value(
    'swarm_downloads',
    'Downloads under way, each of a torrent by a volunteer',
    () => sources.swarm().downloads,
  )
  value(
    'swarm_unseeded_torrents',
    'Torrents under way that no volunteer has wholly: the origin is needed for them',
    () => sources.swarm().unseeded,
  )
  addGauge(registry, {
    name: 'mirrorswarm_swarm_pieces',
    help: 'Pieces of all downloads under way, as announced: wanted, and had already',
    labels: ['kind'],
    read: () => {
      const { wanted, had } = sources.swarm()
      return [
        [{ kind: 'wanted' }, wanted],
        [{ kind: 'had' }, had],
      ]
    },
  })
  value(
    'hot_contents',
    `Redirectable contents that clients ask for most and that are looked after, at most ${watchedContents}`,
    () => sources.popular(watchedContents).length,
  )
  value('hot_contents_unheld', 'Those that no volunteer has that could take clients', () =>
    countUnheld(sources.popular(watchedContents), sources.holders()),
  )
}
